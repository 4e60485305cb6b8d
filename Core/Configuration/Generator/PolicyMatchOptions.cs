namespace OrleansTempo.Core.Configuration.Generator;

/// <summary>A set of attribute tests that must all hold.</summary>
public sealed record PolicyMatchOptions
{
    public PolicyMatchType MatchType { get; init; }
    public IReadOnlyList<PolicyAttributeOptions> Attributes { get; init; } = [];

    /// <summary>Equal by content, lists and dictionaries included.</summary>
    public bool Equals(PolicyMatchOptions? other) => OptionsEquality.Same(this, other);

    public override int GetHashCode() => OptionsEquality.Hash(this);
}
