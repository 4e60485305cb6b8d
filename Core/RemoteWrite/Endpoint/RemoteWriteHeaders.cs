using OrleansTempo.Core.Configuration.RemoteWrite;

namespace OrleansTempo.Core.RemoteWrite.Endpoint;

/// <summary>The headers that the requests of one tenant carry in addition to those of the endpoint. Replaced as a whole when settings change.</summary>
internal sealed record RemoteWriteHeaders(TenantId Tenant, bool AddOrgId, IReadOnlyDictionary<string, string> Headers)
{
    public const string OrgIdHeader = "X-Scope-OrgID";

    /// <summary>
    /// Returns the endpoint's headers, overridden by the tenant's, plus the tenant ID if none of them contains it. Files are read for
    /// every request, so that a rotated secret is picked up.
    /// </summary>
    /// <exception cref="IOException">A file cannot be read, or its content cannot be sent.</exception>
    public async ValueTask<Dictionary<string, IReadOnlyList<string>>> MergeAsync(RemoteWriteOptions endpoint, CancellationToken cancellation)
    {
        var merged = new Dictionary<string, IReadOnlyList<string>>(StringComparer.OrdinalIgnoreCase);
        foreach (var (name, value) in endpoint.Headers)
            merged[name] = [value];

        foreach (var (name, header) in endpoint.HttpHeaders)
        {
            List<string> values = [.. header.Values, .. header.Secrets];
            foreach (var file in header.Files)
                values.Add(await SecretFile.ReadAsync($"http_headers.{name}.files", file, HeaderField.ValueProblem, cancellation).ConfigureAwait(false));
            merged[name] = values;
        }

        foreach (var (name, value) in Headers)
            merged[name] = [value];

        var hasOrgId = merged.TryGetValue(OrgIdHeader, out var configured) && configured.Any(static v => v.Length > 0);
        if (AddOrgId && !hasOrgId && Tenant != TenantId.Single)
            merged[OrgIdHeader] = [Tenant.Value];
        return merged;
    }
}
