using OrleansTempo.Core.Configuration.Distributor;
using OrleansTempo.Core.Configuration.Overrides;

namespace OrleansTempo.Core.Distributor;

/// <summary>What a tenant may send.</summary>
public readonly record struct IngestionLimits
{
    /// <summary>Bytes of OTLP protobuf per second; 0 for no limit.</summary>
    public long RateLimitBytes { get; init; }

    /// <summary>The most that may come at once, in bytes; a request beyond it is always refused.</summary>
    public long BurstSizeBytes { get; init; }

    /// <summary>Attribute keys and string values are cut to this many bytes; 0 for no limit.</summary>
    public int MaxAttributeBytes { get; init; }

    /// <summary>The least a refused client is told to wait; zero to tell it nothing.</summary>
    public TimeSpan RetryAfter { get; init; }

    /// <summary>What a tenant with these overrides may send.</summary>
    public static IngestionLimits Of(DistributorOptions options, TenantOverrides tenant) => new()
    {
        RateLimitBytes = tenant.Ingestion.RateLimitBytes,
        BurstSizeBytes = tenant.Ingestion.BurstSizeBytes,
        MaxAttributeBytes = tenant.Ingestion.MaxAttributeBytes > 0 ? tenant.Ingestion.MaxAttributeBytes : options.MaxAttributeBytes,
        RetryAfter = tenant.Ingestion.RetryInfoEnabled ? options.RetryAfterOnResourceExhausted : TimeSpan.Zero,
    };
}
