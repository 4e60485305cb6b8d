using OrleansTempo.Core.Configuration.Generator;

namespace OrleansTempo.Core.Configuration.Overrides;

/// <summary>One tenant's <see cref="ServiceGraphsOptions"/>, as far as they can differ; null where they do not.</summary>
public sealed record ServiceGraphsOverrides
{
    public IReadOnlyList<double>? HistogramBuckets { get; init; }
    public IReadOnlyList<string>? Dimensions { get; init; }
    public IReadOnlyList<string>? PeerAttributes { get; init; }
    public IReadOnlyList<FilterPolicyOptions>? FilterPolicies { get; init; }
    public bool? EnableClientServerPrefix { get; init; }
    public bool? EnableMessagingSystemLatencyHistogram { get; init; }
    public bool? EnableVirtualNodeLabel { get; init; }
    public string? SpanMultiplierKey { get; init; }
    public bool? EnableTracestateSpanMultiplier { get; init; }

    /// <summary>Equal by content, lists and dictionaries included.</summary>
    public bool Equals(ServiceGraphsOverrides? other) => OptionsEquality.Same(this, other);

    public override int GetHashCode() => OptionsEquality.Hash(this);
}
