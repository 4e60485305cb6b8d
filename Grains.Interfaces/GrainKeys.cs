using System.Globalization;
using OrleansTempo.Core;

namespace OrleansTempo.Grains.Interfaces;

/// <summary>The keys of grains that belong to a tenant: <c>tenant</c>, or <c>tenant/part</c>. A tenant's ID never contains a slash.</summary>
internal static class GrainKeys
{
    /// <summary>The key of an <see cref="ITraceGrain"/>.</summary>
    public static string OfPartition(TenantId tenant, int partition) => string.Create(CultureInfo.InvariantCulture, $"{tenant.Value}/{partition}");

    /// <summary>The key of an <see cref="IMetricsGeneratorGrain"/>; an empty shard means the whole tenant.</summary>
    public static string OfGenerator(TenantId tenant, string shard) => shard.Length == 0 ? tenant.Value : $"{tenant.Value}/{shard}";

    /// <summary>Splits a key into its tenant and part; the part is empty if there is none.</summary>
    /// <exception cref="ArgumentException">It is not a valid key.</exception>
    public static (TenantId Tenant, string Part) Parse(string key)
    {
        var slash = key.IndexOf('/', StringComparison.Ordinal);
        var name = slash < 0 ? key : key[..slash];
        return TenantId.TryParse(name, out var tenant, out var error)
            ? (tenant, slash < 0 ? "" : key[(slash + 1)..])
            : throw new ArgumentException($"'{key}' is not a grain key: {error}", nameof(key));
    }
}
