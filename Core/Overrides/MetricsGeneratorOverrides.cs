namespace OrleansTempo.Core.Overrides;

/// <summary>
/// <c>overrides.….metrics_generator</c>: one tenant's generator. What is null is taken from <c>metrics_generator</c>;
/// an empty list is a value and replaces.
/// </summary>
public sealed record MetricsGeneratorOverrides
{
    public const int MaxRingSize = 64;

    /// <summary>Names from <see cref="ProcessorNames"/>; without any the tenant has no generator.</summary>
    public IReadOnlyList<string> Processors { get; init; } = [];

    /// <summary>0 for no limit.</summary>
    public int MaxActiveSeries { get; init; }

    /// <summary>How many generators share the tenant's traces, at most <see cref="MaxRingSize"/>; 0 and 1 are one.</summary>
    public int RingSize { get; init; }

    /// <summary>15 s to 5 min.</summary>
    public TimeSpan? CollectionInterval { get; init; }

    /// <summary>Generates, but sends nothing.</summary>
    public bool DisableCollection { get; init; }

    /// <summary>A Prometheus label name.</summary>
    public string? TraceIdLabelName { get; init; }

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
