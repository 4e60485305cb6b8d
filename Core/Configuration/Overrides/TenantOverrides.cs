using OrleansTempo.Core.Configuration.Compactor;

namespace OrleansTempo.Core.Configuration.Overrides;

/// <summary>One tenant's limits, retention and generator settings: <c>overrides.defaults</c> with the tenant's entry laid over it, key by key.</summary>
public sealed record TenantOverrides
{
    public IngestionOverrides Ingestion { get; init; } = new();

    [SetByTenant]
    public MetricsGeneratorOverrides MetricsGenerator { get; init; } = new();

    public GlobalOverrides Global { get; init; } = new();
    public CompactionOverrides Compaction { get; init; } = new();
}

/// <summary><c>overrides.….ingestion</c>: what one tenant may send. The initial values are those of a configuration file that says nothing.</summary>
public sealed record IngestionOverrides
{
    /// <summary>Bytes of OTLP protobuf a second; 0 for no limit.</summary>
    [LimitMetric("ingestion_rate_limit_bytes"), SetByOperator]
    public long RateLimitBytes { get; init; } = 30_000_000;

    /// <summary>Bytes of OTLP protobuf that may come at once; a larger request never fits. Without meaning where there is no rate limit.</summary>
    [LimitMetric("ingestion_burst_size_bytes"), SetByOperator]
    public long BurstSizeBytes { get; init; } = 30_000_000;

    /// <summary>Longer attribute keys and values are cut to this many bytes; 0 for <c>distributor.max_attribute_bytes</c>.</summary>
    [SetByOperator]
    public int MaxAttributeBytes { get; init; }

    /// <summary>Live traces; 0 for no limit.</summary>
    [LimitMetric("max_local_traces_per_user"), SetByOperator]
    public int MaxTracesPerUser { get; init; } = 10_000;

    /// <summary>Whether a refusal over the rate limit tells the client when to try again.</summary>
    [SetByOperator]
    public bool RetryInfoEnabled { get; init; } = true;
}

/// <summary><c>overrides.….global</c>.</summary>
public sealed record GlobalOverrides
{
    /// <summary>The size at which a trace takes no more spans; 0 for no limit.</summary>
    [LimitMetric("max_bytes_per_trace"), SetByOperator]
    public long MaxBytesPerTrace { get; init; } = 5_000_000;
}

/// <summary><c>overrides.….compaction</c>: how long one tenant's blocks stay.</summary>
public sealed record CompactionOverrides
{
    /// <summary>A block whose spans were all received this long ago is deleted; zero for <see cref="CompactorOptions.BlockRetention"/>.</summary>
    [Option(IsPrometheus = true, AtMost = OptionAttribute.LongestRetention), LimitMetric("block_retention"), SetByOperator]
    public TimeSpan BlockRetention { get; init; }

    /// <summary>On: none of the tenant's blocks is ever merged or deleted.</summary>
    [SetByOperator]
    public bool CompactionDisabled { get; init; }
}
