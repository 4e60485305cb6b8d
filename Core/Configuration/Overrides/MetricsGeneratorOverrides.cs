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
    public IReadOnlyList<string> Processors { get; init; } = [];

    /// <summary>0 for no limit. Tempo has none by default; here a tenant's span names cannot fill the memory of all: this is about 100 MB.</summary>
    public int MaxActiveSeries { get; init; } = 1_000_000;

    /// <summary>0 for no limit; holds where <see cref="MetricsGeneratorOptions.LimiterType"/> says so. About as many series, with 19 of an entity.</summary>
    public int MaxActiveEntities { get; init; } = 50_000;

    /// <summary>How many different values a label may have before all are replaced; 0 for no limit.</summary>
    public long MaxCardinalityPerLabel { get; init; }

    /// <summary>How many generators share the tenant's traces, at most <see cref="MaxRingSize"/>; 0 and 1 are one.</summary>
    public int RingSize { get; init; }

    /// <summary>15 s to 5 min.</summary>
    public TimeSpan? CollectionInterval { get; init; }

    /// <summary>Generates, but sends nothing.</summary>
    public bool DisableCollection { get; init; }

    public SpanNameSanitization SpanNameSanitization { get; init; }

    /// <summary>A Prometheus label name.</summary>
    public string? TraceIdLabelName { get; init; }

    /// <summary>Which form every histogram has.</summary>
    public HistogramMode GenerateNativeHistograms { get; init; } = HistogramMode.Classic;

    /// <summary>How much a native histogram's bucket may be wider than the one below it; more than 1.</summary>
    public double NativeHistogramBucketFactor { get; init; } = NativeHistogramOptions.DefaultBucketFactor;

    /// <summary>How many buckets a native histogram has before it becomes coarser; at least 1.</summary>
    public int NativeHistogramMaxBucketNumber { get; init; } = NativeHistogramOptions.DefaultMaxBucketNumber;

    /// <summary>How long a native histogram that became coarser has counted at least when it is reset.</summary>
    public TimeSpan NativeHistogramMinResetDuration { get; init; } = NativeHistogramOptions.DefaultMinResetDuration;

    /// <summary>Headers of this tenant's remote write requests.</summary>
    [Secret]
    public IReadOnlyDictionary<string, string> RemoteWriteHeaders { get; init; } = new Dictionary<string, string>();

    /// <summary>0 to 12 h.</summary>
    public TimeSpan? IngestionTimeRangeSlack { get; init; }

    /// <summary>0 to 1 h.</summary>
    public TimeSpan? DedupeWindow { get; init; }

    public ProcessorOverrides Processor { get; init; } = new();

    /// <summary>Equal by content, lists and dictionaries included.</summary>
    public bool Equals(MetricsGeneratorOverrides? other) => OptionsEquality.Same(this, other);

    public override int GetHashCode() => OptionsEquality.Hash(this);
}

/// <summary><c>overrides.….metrics_generator.processor</c>.</summary>
public sealed record ProcessorOverrides
{
    public ServiceGraphsOverrides ServiceGraphs { get; init; } = new();
    public SpanMetricsOverrides SpanMetrics { get; init; } = new();
    public HostInfoOverrides HostInfo { get; init; } = new();
}

/// <summary><c>span_name_sanitization</c>: whether span names that differ only in their data become one label value.</summary>
public enum SpanNameSanitization
{
    /// <summary>Written as an empty string.</summary>
    Off,

    /// <summary>Labels stay; how many label sets there would be is estimated.</summary>
    DryRun,

    Enabled,
}
