namespace OrleansTempo.Core.Configuration.Generator;

/// <summary><c>metrics_generator</c>: what holds for every tenant unless its overrides say otherwise.</summary>
public sealed record MetricsGeneratorOptions
{
    public ProcessorOptions Processor { get; init; } = new();
    public RegistryOptions Registry { get; init; } = new();
    public GeneratorStorageOptions Storage { get; init; } = new();
    public TimeSpan MetricsIngestionTimeRangeSlack { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Which of a tenant's two limits holds.</summary>
    public LimiterType LimiterType { get; init; }

    /// <summary>The memory that requests waiting for the generators hold, in bytes: all tenants together, and one tenant half of it; beyond it they are left out of the metrics, and counted.</summary>
    public long QueueMaxBytes { get; init; } = 256L << 20;

    /// <summary>How long a span that is sent again is counted once; 0 where each counts.</summary>
    public TimeSpan DedupeWindow { get; init; }

    /// <summary>How many spans of a tenant are known for that, at most.</summary>
    public int DedupeMaxSpans { get; init; } = 1_000_000;

    /// <summary>When the series are kept for the next start.</summary>
    public SnapshotMode Snapshot { get; init; } = SnapshotMode.OnStop;
}
