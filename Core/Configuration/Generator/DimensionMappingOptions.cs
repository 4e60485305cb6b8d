namespace OrleansTempo.Core.Configuration.Generator;

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
