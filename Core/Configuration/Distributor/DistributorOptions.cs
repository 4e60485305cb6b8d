using OrleansTempo.Core.Configuration.Overrides;
using OrleansTempo.Core.Distributor;

namespace OrleansTempo.Core.Configuration.Distributor;

/// <summary><c>distributor</c>.</summary>
public sealed record DistributorOptions
{
    public ReceiversOptions Receivers { get; init; } = new();

    /// <summary>Longer attribute keys and values are cut to this many bytes; 0 for no limit. A tenant's own limit goes before it.</summary>
    public int MaxAttributeBytes { get; init; } = 2048;

    /// <summary>Ours: what the requests under way may hold together, in bytes; beyond it more are told to come again.</summary>
    public long MaxInflightBytes { get; init; } = 1L << 30;

    /// <summary>
    /// Ours: how many tenants that have no overrides of their own may have sent spans within an hour; another is refused. 0 for any number.
    /// </summary>
    public int MaxTenants { get; init; } = 20_000;

    /// <summary>When a client refused over the rate limit is told to try again; zero to tell it nothing.</summary>
    public TimeSpan RetryAfterOnResourceExhausted { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>What a tenant with these overrides may send.</summary>
    public IngestionLimits LimitsOf(TenantOverrides tenant) => new()
    {
        RateLimitBytes = tenant.Ingestion.RateLimitBytes,
        BurstSizeBytes = tenant.Ingestion.BurstSizeBytes,
        MaxAttributeBytes = tenant.Ingestion.MaxAttributeBytes > 0 ? tenant.Ingestion.MaxAttributeBytes : MaxAttributeBytes,
        RetryAfter = tenant.Ingestion.RetryInfoEnabled ? RetryAfterOnResourceExhausted : TimeSpan.Zero,
    };
}
