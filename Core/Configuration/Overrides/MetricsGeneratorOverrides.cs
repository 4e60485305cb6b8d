using OrleansTempo.Core.Configuration.Generator;

namespace OrleansTempo.Core.Configuration.Overrides;

/// <summary>
/// <c>overrides.….metrics_generator</c>: one tenant's generator. What is null is taken from <c>metrics_generator</c>;
/// an empty list is a value and replaces.
/// </summary>
public sealed record MetricsGeneratorOverrides
{
    public const int MaxRingSize = 64;

    /// <summary>Names from <see cref="ProcessorNames"/>; without any the tenant has no generator.</summary>
    [Option(IsSpecial = true), SetByTenant(Place = 1)]
    public IReadOnlyList<string> Processors { get; init; } = [];

    /// <summary>0 for no limit. Tempo has none by default; here a tenant's span names cannot fill the memory of all: this is about 100 MB.</summary>
    [LimitMetric("metrics_generator_max_active_series"), SetByOperator]
    public int MaxActiveSeries { get; init; } = 1_000_000;

    /// <summary>0 for no limit; holds where <see cref="MetricsGeneratorOptions.LimiterType"/> says so. About as many series, with 19 of an entity.</summary>
    [SetByOperator]
    public int MaxActiveEntities { get; init; } = 50_000;

    /// <summary>How many different values a label may have before all are replaced; 0 for no limit.</summary>
    [SetByOperator]
    public long MaxCardinalityPerLabel { get; init; }

    /// <summary>How many generators share the tenant's traces, at most <see cref="MaxRingSize"/>; 0 and 1 are one.</summary>
    [Option(Max = MaxRingSize), SetByOperator]
    public int RingSize { get; init; }

    /// <summary>15 s to 5 min.</summary>
    [Option(IsSpecial = true), SetByTenant(Place = 3)]
    public TimeSpan? CollectionInterval { get; init; }

    /// <summary>Generates, but sends nothing.</summary>
    [SetByTenant(Place = 2)]
    public bool DisableCollection { get; init; }

    [SetByTenant(Place = 10)]
    public SpanNameSanitization SpanNameSanitization { get; init; }

    /// <summary>A Prometheus label name.</summary>
    [SetByTenant(Place = 4)]
    public string? TraceIdLabelName { get; init; }

    /// <summary>Which form every histogram has.</summary>
    [SetByTenant(Place = 6)]
    public HistogramMode GenerateNativeHistograms { get; init; } = HistogramMode.Classic;

    /// <summary>How much a native histogram's bucket may be wider than the one below it; more than 1.</summary>
    [Option(IsSpecial = true), SetByTenant(Place = 8)]
    public double NativeHistogramBucketFactor { get; init; } = NativeHistogramOptions.DefaultBucketFactor;

    /// <summary>How many buckets a native histogram has before it becomes coarser; at least 1.</summary>
    [Option(EmptyIsDefault = true), SetByTenant(Place = 7, MaxNumber = 500)]
    public int NativeHistogramMaxBucketNumber { get; init; } = NativeHistogramOptions.DefaultMaxBucketNumber;

    /// <summary>How long a native histogram that became coarser has counted at least when it is reset.</summary>
    [Option(EmptyIsDefault = true), SetByTenant(Place = 9)]
    public TimeSpan NativeHistogramMinResetDuration { get; init; } = NativeHistogramOptions.DefaultMinResetDuration;

    /// <summary>Headers of this tenant's remote write requests.</summary>
    [Secret]
    [Option(IgnoreCase = true), SetByOperator]
    public IReadOnlyDictionary<string, string> RemoteWriteHeaders { get; init; } = new Dictionary<string, string>();

    /// <summary>0 to 12 h.</summary>
    [Option(AtMost = "12h"), SetByTenant(Place = 5)]
    public TimeSpan? IngestionTimeRangeSlack { get; init; }

    /// <summary>0 to 1 h.</summary>
    [Option(AtMost = "1h"), SetByOperator]
    public TimeSpan? DedupeWindow { get; init; }

    [SetByTenant(Place = 11)]
    public ProcessorOverrides Processor { get; init; } = new();

    /// <summary>Equal by content, lists and dictionaries included.</summary>
    public bool Equals(MetricsGeneratorOverrides? other) => OptionsEquality.Same(this, other);

    public override int GetHashCode() => OptionsEquality.Hash(this);
}

/// <summary><c>overrides.….metrics_generator.processor</c>.</summary>
public sealed record ProcessorOverrides
{
    [SetByTenant]
    public ServiceGraphsOverrides ServiceGraphs { get; init; } = new();

    [SetByTenant]
    public SpanMetricsOverrides SpanMetrics { get; init; } = new();

    [SetByTenant]
    public HostInfoOverrides HostInfo { get; init; } = new();
}

/// <summary><c>span_name_sanitization</c>: whether span names that differ only in their data become one label value.</summary>
public enum SpanNameSanitization
{
    /// <summary>Written as an empty string.</summary>
    [Words("")]
    Off,

    /// <summary>Labels stay; how many label sets there would be is estimated.</summary>
    DryRun,

    Enabled,
}
