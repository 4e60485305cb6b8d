namespace OrleansTempo.Core.Configuration.Generator;

/// <summary><c>metrics_generator.processor.service_graphs</c>: how client and server spans pair up to edges.</summary>
public sealed record ServiceGraphsOptions
{
    /// <summary>How long one side of an edge waits for the other.</summary>
    [Option(AtLeast = "1ms")]
    public TimeSpan Wait { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How many edges may wait at once; an edge takes under 100 bytes.</summary>
    [Option(Min = 1)]
    public int MaxItems { get; init; } = 1_000_000;

    /// <summary>Upper bounds of the latency histograms in seconds, ascending, without <c>+Inf</c>.</summary>
    public IReadOnlyList<double> HistogramBuckets { get; init; } = [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8];

    [Option(EmptyItem = DimensionLabels.Empty)]
    public IReadOnlyList<string> Dimensions { get; init; } = [];

    public bool EnableClientServerPrefix { get; init; }

    public bool EnableMessagingSystemLatencyHistogram { get; init; }

    /// <summary>Span attributes that name the other side where no span of it comes, in order.</summary>
    public IReadOnlyList<string> PeerAttributes { get; init; } = ["peer.service", "db.name", "db.system", "db.system.name"];

    public string SpanMultiplierKey { get; init; } = "";

    public bool EnableTracestateSpanMultiplier { get; init; }

    public bool EnableVirtualNodeLabel { get; init; }

    /// <summary>Attributes that make a client span a database request, in order.</summary>
    public IReadOnlyList<string> DatabaseNameAttributes { get; init; } = ["db.namespace", "db.name", "db.system", "db.system.name"];

    public IReadOnlyList<FilterPolicyOptions> FilterPolicies { get; init; } = [];

    /// <summary>Equal by content, lists and dictionaries included.</summary>
    public bool Equals(ServiceGraphsOptions? other) => OptionsEquality.Same(this, other);

    public override int GetHashCode() => OptionsEquality.Hash(this);
}

/// <summary>One tenant's <see cref="ServiceGraphsOptions"/>, as far as they can differ; null where they do not.</summary>
public sealed record ServiceGraphsOverrides
{
    [SetByTenant(Place = 7, MaxItems = 100)]
    public IReadOnlyList<double>? HistogramBuckets { get; init; }

    [Option(EmptyItem = DimensionLabels.Empty), SetByTenant(Place = 1)]
    public IReadOnlyList<string>? Dimensions { get; init; }

    [SetByTenant(Place = 5)]
    public IReadOnlyList<string>? PeerAttributes { get; init; }

    [SetByTenant(Place = 6, MaxItems = 20)]
    public IReadOnlyList<FilterPolicyOptions>? FilterPolicies { get; init; }

    [SetByTenant(Place = 2)]
    public bool? EnableClientServerPrefix { get; init; }

    [SetByTenant(Place = 3)]
    public bool? EnableMessagingSystemLatencyHistogram { get; init; }

    [SetByTenant(Place = 4)]
    public bool? EnableVirtualNodeLabel { get; init; }

    [SetByTenant(Place = 8)]
    public string? SpanMultiplierKey { get; init; }

    [SetByTenant(Place = 9)]
    public bool? EnableTracestateSpanMultiplier { get; init; }

    /// <summary>Equal by content, lists and dictionaries included.</summary>
    public bool Equals(ServiceGraphsOverrides? other) => OptionsEquality.Same(this, other);

    public override int GetHashCode() => OptionsEquality.Hash(this);
}
