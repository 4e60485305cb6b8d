namespace OrleansTempo.Core.Configuration.Generator;

/// <summary><c>metrics_generator.processor.host_info</c>: which attributes of a resource say on what host it runs.</summary>
public sealed record HostInfoOptions
{
    /// <summary>Resource attributes, in order: the first that is a text says the host. At least one.</summary>
    public IReadOnlyList<string> HostIdentifiers { get; init; } = ["k8s.node.name", "host.id"];

    /// <summary>A Prometheus metric name.</summary>
    public string MetricName { get; init; } = "traces_host_info";

    /// <summary>Equal by content, lists included.</summary>
    public bool Equals(HostInfoOptions? other) => OptionsEquality.Same(this, other);

    public override int GetHashCode() => OptionsEquality.Hash(this);
}

/// <summary>One tenant's <see cref="HostInfoOptions"/>; null where they do not differ.</summary>
public sealed record HostInfoOverrides
{
    [SetByTenant(Place = 1)]
    public IReadOnlyList<string>? HostIdentifiers { get; init; }

    [SetByTenant(Place = 2)]
    public string? MetricName { get; init; }

    /// <summary>Equal by content, lists included.</summary>
    public bool Equals(HostInfoOverrides? other) => OptionsEquality.Same(this, other);

    public override int GetHashCode() => OptionsEquality.Hash(this);
}
