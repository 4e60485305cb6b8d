using OrleansTempo.Core.Configuration.Generator;

namespace OrleansTempo.Core.Configuration.Overrides;

/// <summary>One tenant's <see cref="SpanMetricsOptions"/>, as far as they can differ; null where they do not.</summary>
public sealed record SpanMetricsOverrides
{
    public IReadOnlyList<double>? HistogramBuckets { get; init; }
    public IReadOnlyList<string>? Dimensions { get; init; }
    public IntrinsicDimensionsOverrides IntrinsicDimensions { get; init; } = new();
    public IReadOnlyList<FilterPolicyOptions>? FilterPolicies { get; init; }
    public IReadOnlyList<DimensionMappingOptions>? DimensionMappings { get; init; }
    public bool? EnableTargetInfo { get; init; }
    public IReadOnlyList<string>? TargetInfoExcludedDimensions { get; init; }
    public bool? EnableInstanceLabel { get; init; }
    public string? SpanMultiplierKey { get; init; }
    public bool? EnableTracestateSpanMultiplier { get; init; }

    /// <summary>Equal by content, lists and dictionaries included.</summary>
    public bool Equals(SpanMetricsOverrides? other) => OptionsEquality.Same(this, other);

    public override int GetHashCode() => OptionsEquality.Hash(this);
}
