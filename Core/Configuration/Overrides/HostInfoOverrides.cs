using OrleansTempo.Core.Configuration.Generator;

namespace OrleansTempo.Core.Configuration.Overrides;

/// <summary>One tenant's <see cref="HostInfoOptions"/>; null where they do not differ.</summary>
public sealed record HostInfoOverrides
{
    public IReadOnlyList<string>? HostIdentifiers { get; init; }
    public string? MetricName { get; init; }

    /// <summary>Equal by content, lists included.</summary>
    public bool Equals(HostInfoOverrides? other) => OptionsEquality.Same(this, other);

    public override int GetHashCode() => OptionsEquality.Hash(this);
}
