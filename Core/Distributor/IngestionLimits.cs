using OrleansTempo.Core.Configuration.Distributor;
using OrleansTempo.Core.Configuration.Overrides;

namespace OrleansTempo.Core.Distributor;

/// <summary>The limits on what a tenant may send.</summary>
public readonly record struct IngestionLimits
{
    /// <summary>Bytes of OTLP protobuf per second; 0 for no limit.</summary>
    public long RateLimitBytes { get; init; }

    /// <summary>The maximum bytes that may arrive at once; a larger request is always refused.</summary>
    public long BurstSizeBytes { get; init; }

    /// <summary>Attribute keys and string values are truncated to this many bytes; 0 for no limit.</summary>
    public int MaxAttributeBytes { get; init; }

    /// <summary>The minimum retry delay that a refused client is given; zero to give none.</summary>
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
