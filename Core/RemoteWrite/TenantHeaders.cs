using OrleansTempo.Core.Overrides;

namespace OrleansTempo.Core.RemoteWrite;

/// <summary>The headers that one tenant's requests carry over those of the endpoint. Replaced as a whole when settings change.</summary>
internal sealed record TenantHeaders(TenantId Tenant, bool AddOrgId, IReadOnlyDictionary<string, string> Headers)
{
    public const string OrgIdHeader = "X-Scope-OrgID";

    /// <summary>The endpoint's headers with the tenant's laid over them, and the tenant's ID where none of them says it.</summary>
    public async ValueTask<Dictionary<string, IReadOnlyList<string>>> MergeAsync(RemoteWriteOptions endpoint, CancellationToken cancellation)
    {
        var merged = new Dictionary<string, IReadOnlyList<string>>(StringComparer.OrdinalIgnoreCase);
        foreach (var (name, value) in endpoint.Headers)
            merged[name.Trim()] = [value];

        foreach (var (name, header) in endpoint.HttpHeaders)
        {
            List<string> values = [.. header.Values, .. header.Secrets];
            foreach (var file in header.Files)
                values.Add(await ReadSecretAsync(file, cancellation).ConfigureAwait(false));
            merged[name.Trim()] = values;
        }

        foreach (var (name, value) in Headers)
            merged[name.Trim()] = [value];

        var hasOrgId = merged.TryGetValue(OrgIdHeader, out var configured) && configured.Any(static v => v.Length > 0);
        if (AddOrgId && !hasOrgId && Tenant != TenantId.Single)
            merged[OrgIdHeader] = [Tenant.Value];
        return merged;
    }

    /// <summary>Read for every request, so a rotated secret is picked up; small next to what is sent.</summary>
    public static async Task<string> ReadSecretAsync(string file, CancellationToken cancellation) =>
        (await File.ReadAllTextAsync(file, cancellation).ConfigureAwait(false)).Trim();
}
