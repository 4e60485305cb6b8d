namespace OrleansTempo.Core.Configuration.Generator;

/// <summary><c>metrics_generator</c>: what holds for every tenant unless its overrides say otherwise.</summary>
public sealed record MetricsGeneratorOptions
{
    public ProcessorOptions Processor { get; init; } = new();
    public RegistryOptions Registry { get; init; } = new();
    public GeneratorStorageOptions Storage { get; init; } = new();

    [Option(AtMost = "12h")]
    public TimeSpan MetricsIngestionTimeRangeSlack { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Which of a tenant's two limits holds.</summary>
    public LimiterType LimiterType { get; init; }

    /// <summary>The memory that requests waiting for the generators hold, in bytes: all tenants together, and one tenant half of it; beyond it they are left out of the metrics, and counted.</summary>
    [Option(Min = 1)]
    public long QueueMaxBytes { get; init; } = 256L << 20;

    /// <summary>How long a span that is sent again is counted once; 0 where each counts.</summary>
    [Option(AtMost = "1h")]
    public TimeSpan DedupeWindow { get; init; }

    /// <summary>How many spans of a tenant are known for that, at most.</summary>
    [Option(Min = 1000, Max = 100_000_000)]
    public int DedupeMaxSpans { get; init; } = 1_000_000;

    /// <summary>When the series are kept for the next start.</summary>
    public SnapshotMode Snapshot { get; init; } = SnapshotMode.OnStop;
}

/// <summary><c>metrics_generator.processor</c>.</summary>
public sealed record ProcessorOptions
{
    public ServiceGraphsOptions ServiceGraphs { get; init; } = new();
    public SpanMetricsOptions SpanMetrics { get; init; } = new();
    public HostInfoOptions HostInfo { get; init; } = new();
}

/// <summary>By what a tenant's generator is limited.</summary>
public enum LimiterType
{
    /// <summary>By its series: <c>max_active_series</c>.</summary>
    [Words("series", "")]
    Series,

    /// <summary>By its label sets, however many series each has: <c>max_active_entities</c>.</summary>
    Entity,
}

/// <summary>When a metrics-generator keeps its series for the one that follows it.</summary>
public enum SnapshotMode
{
    /// <summary>When it ends in order; after a crash counters begin again at 0.</summary>
    OnStop,

    /// <summary>Also before each collection is sent, so that counters go on after a crash.</summary>
    EveryCollection,

    /// <summary>Never.</summary>
    Off,
}
