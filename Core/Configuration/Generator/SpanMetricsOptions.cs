namespace OrleansTempo.Core.Configuration.Generator;

/// <summary><c>metrics_generator.processor.span_metrics</c>: what labels and series a span turns into.</summary>
public sealed record SpanMetricsOptions
{
    /// <summary>Upper bounds of the latency histogram in seconds, ascending, without <c>+Inf</c>.</summary>
    public IReadOnlyList<double> HistogramBuckets { get; init; } = [0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1.024, 2.048, 4.096, 8.192, 16.384];

    public IntrinsicDimensionsOptions IntrinsicDimensions { get; init; } = new();

    /// <summary>Attributes that become labels: looked up in the resource first, then the span.</summary>
    public IReadOnlyList<string> Dimensions { get; init; } = [];

    public IReadOnlyList<DimensionMappingOptions> DimensionMappings { get; init; } = [];

    public bool EnableTargetInfo { get; init; }

    public IReadOnlyList<string> TargetInfoExcludedDimensions { get; init; } = [];

    public bool EnableInstanceLabel { get; init; } = true;

    /// <summary>The attribute whose double value is the sampling ratio: a span counts 1 / value times.</summary>
    public string SpanMultiplierKey { get; init; } = "";

    public bool EnableTracestateSpanMultiplier { get; init; }

    public IReadOnlyList<FilterPolicyOptions> FilterPolicies { get; init; } = [];

    /// <summary>Equal by content, lists and dictionaries included.</summary>
    public bool Equals(SpanMetricsOptions? other) => OptionsEquality.Same(this, other);

    public override int GetHashCode() => OptionsEquality.Hash(this);
}
