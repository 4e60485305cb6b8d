using System.Diagnostics.Metrics;
using OrleansTempo.Core;
using OrleansTempo.Core.Objects;

namespace OrleansTempo.Server.UserOverrides;

/// <summary>
/// Where tenants' limits are kept: objects <c>overrides/&lt;tenant's folder>/overrides.json</c>, as Tempo names them. Every change is
/// conditional, so of two that began from the same version one is refused.
/// </summary>
internal sealed class TenantLimitsStore(IObjectStore store, TempoMetrics metrics)
{
    private const string Root = "overrides/";
    private const string File = "/overrides.json";

    private readonly Counter<long> _listed = metrics.Meter.CreateCounter<long>(
        "tempo_overrides_user_configurable_overrides_list_total", null, "Times the tenants with user-configurable overrides were listed");

    private readonly Counter<long> _fetched = metrics.Meter.CreateCounter<long>(
        "tempo_overrides_user_configurable_overrides_fetch_total", null, "Times user-configurable overrides were read from the object store, by tenant, without one where there were none");

    /// <summary>The tenants that have limits, whatever is in them.</summary>
    public async Task<IReadOnlyList<TenantId>> ListAsync(CancellationToken cancellationToken)
    {
        _listed.Add(1);
        var tenants = new List<TenantId>();
        foreach (var folder in await store.ListFoldersAsync(Root, cancellationToken))
        {
            if (TenantFolder.TryRead(folder, out var tenant))
                tenants.Add(tenant);
        }

        return tenants;
    }

    public async Task<StoredObject?> GetAsync(TenantId tenant, CancellationToken cancellationToken)
    {
        StoredObject? stored = null;
        try
        {
            stored = await store.GetAsync(NameOf(tenant), cancellationToken);
            return stored;
        }
        finally
        {
            // Without the name where there is nothing: anyone can ask for any.
            _fetched.Add(1, new KeyValuePair<string, object?>("tenant", stored is null ? "" : tenant.Value));
        }
    }

    /// <summary>Puts limits in the place of what was read.</summary>
    /// <param name="tenant">Whose they are.</param>
    /// <param name="limits">The JSON.</param>
    /// <param name="etag">The ETag of what was read; null for nothing.</param>
    /// <param name="cancellationToken">Whether they were put is not known then.</param>
    /// <returns>Their ETag; null where what was read is not there any more.</returns>
    public Task<string?> PutAsync(TenantId tenant, ReadOnlyMemory<byte> limits, string? etag, CancellationToken cancellationToken) => etag is null
        ? store.PutIfAbsentAsync(NameOf(tenant), limits, cancellationToken)
        : store.PutIfMatchAsync(NameOf(tenant), limits, etag, cancellationToken);

    /// <summary>Deletes what was read; false where it is not there any more.</summary>
    public Task<bool> DeleteAsync(TenantId tenant, string etag, CancellationToken cancellationToken) => store.DeleteIfMatchAsync(NameOf(tenant), etag, cancellationToken);

    private static string NameOf(TenantId tenant) => Root + TenantFolder.Of(tenant) + File;
}

/// <summary>A tenant's limits as they are in the object store.</summary>
/// <param name="Limits">Null where they cannot be read.</param>
/// <param name="Problem">Why not.</param>
/// <param name="Version">What a change must name; opaque.</param>
internal readonly record struct StoredLimits(TenantLimits? Limits, string Problem, string Version);
