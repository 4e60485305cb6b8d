namespace OrleansTempo.Core.Configuration.Overrides;

/// <summary><c>overrides.….ingestion</c>: what one tenant may send. The initial values are those of a configuration file that says nothing.</summary>
public sealed record IngestionOverrides
{
    /// <summary>Bytes of OTLP protobuf a second; 0 for no limit.</summary>
    public long RateLimitBytes { get; init; } = 30_000_000;

    /// <summary>Bytes of OTLP protobuf that may come at once; a larger request never fits. Without meaning where there is no rate limit.</summary>
    public long BurstSizeBytes { get; init; } = 30_000_000;

    /// <summary>Longer attribute keys and values are cut to this many bytes; 0 for <c>distributor.max_attribute_bytes</c>.</summary>
    public int MaxAttributeBytes { get; init; }

    /// <summary>Live traces; 0 for no limit.</summary>
    public int MaxTracesPerUser { get; init; } = 10_000;

    /// <summary>Whether a refusal over the rate limit tells the client when to try again.</summary>
    public bool RetryInfoEnabled { get; init; } = true;
}
