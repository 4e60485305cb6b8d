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
}
