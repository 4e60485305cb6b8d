namespace OrleansTempo.Core.Configuration.Generator;

/// <summary><c>metrics_generator.processor.span_metrics</c>: what labels and series a span turns into.</summary>
public sealed record SpanMetricsOptions
{
    /// <summary>Upper bounds of the latency histogram in seconds, ascending, without <c>+Inf</c>.</summary>
    public IReadOnlyList<double> HistogramBuckets { get; init; } = [0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1.024, 2.048, 4.096, 8.192, 16.384];

    public IntrinsicDimensionsOptions IntrinsicDimensions { get; init; } = new();

    /// <summary>Attributes that become labels: looked up in the resource first, then the span.</summary>
    [Option(EmptyItem = DimensionLabels.Empty)]
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

/// <summary><c>intrinsic_dimensions</c>: which of a span's own fields become labels.</summary>
public sealed record IntrinsicDimensionsOptions
{
    public bool Service { get; init; } = true;
    public bool SpanName { get; init; } = true;
    public bool SpanKind { get; init; } = true;
    public bool StatusCode { get; init; } = true;
    public bool StatusMessage { get; init; }
}

/// <summary>One of <c>dimension_mappings</c>: the non-empty values of some attributes, joined into one label.</summary>
public sealed record DimensionMappingOptions
{
    public string Name { get; init; } = "";
    public IReadOnlyList<string> SourceLabels { get; init; } = [];
    public string Join { get; init; } = "";

    /// <summary>Equal by content, lists and dictionaries included.</summary>
    public bool Equals(DimensionMappingOptions? other) => OptionsEquality.Same(this, other);

    public override int GetHashCode() => OptionsEquality.Hash(this);
}

/// <summary>One tenant's <see cref="SpanMetricsOptions"/>, as far as they can differ; null where they do not.</summary>
public sealed record SpanMetricsOverrides
{
    [SetByTenant(Place = 6, MaxItems = 100)]
    public IReadOnlyList<double>? HistogramBuckets { get; init; }

    [Option(EmptyItem = DimensionLabels.Empty), SetByTenant(Place = 1)]
    public IReadOnlyList<string>? Dimensions { get; init; }

    [SetByTenant(Place = 2)]
    public IntrinsicDimensionsOverrides IntrinsicDimensions { get; init; } = new();

    [SetByTenant(Place = 5, MaxItems = 20)]
    public IReadOnlyList<FilterPolicyOptions>? FilterPolicies { get; init; }

    [SetByTenant(Place = 3)]
    public IReadOnlyList<DimensionMappingOptions>? DimensionMappings { get; init; }

    [SetByTenant(Place = 4)]
    public bool? EnableTargetInfo { get; init; }

    [SetByTenant(Place = 7)]
    public IReadOnlyList<string>? TargetInfoExcludedDimensions { get; init; }

    [SetByTenant(Place = 8)]
    public bool? EnableInstanceLabel { get; init; }

    [SetByTenant(Place = 9)]
    public string? SpanMultiplierKey { get; init; }

    [SetByTenant(Place = 10)]
    public bool? EnableTracestateSpanMultiplier { get; init; }

    /// <summary>Equal by content, lists and dictionaries included.</summary>
    public bool Equals(SpanMetricsOverrides? other) => OptionsEquality.Same(this, other);

    public override int GetHashCode() => OptionsEquality.Hash(this);
}

/// <summary>One tenant's <see cref="IntrinsicDimensionsOptions"/>, as far as they differ; null where they do not.</summary>
public sealed record IntrinsicDimensionsOverrides
{
    public bool? Service { get; init; }
    public bool? SpanName { get; init; }
    public bool? SpanKind { get; init; }
    public bool? StatusCode { get; init; }
    public bool? StatusMessage { get; init; }
}
