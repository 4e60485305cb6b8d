namespace OrleansTempo.Core.Configuration.Generator;

/// <summary>One of <c>filter_policies</c>; at least one of its three parts is set.</summary>
public sealed record FilterPolicyOptions
{
    public PolicyMatchOptions? Include { get; init; }
    public PolicyMatchOptions? IncludeAny { get; init; }
    public PolicyMatchOptions? Exclude { get; init; }
}

/// <summary>A set of attribute tests that must all hold.</summary>
public sealed record PolicyMatchOptions
{
    public PolicyMatchType MatchType { get; init; }

    [SetByTenant(MaxItems = 20)]
    public IReadOnlyList<PolicyAttributeOptions> Attributes { get; init; } = [];

    /// <summary>Equal by content, lists and dictionaries included.</summary>
    public bool Equals(PolicyMatchOptions? other) => OptionsEquality.Same(this, other);

    public override int GetHashCode() => OptionsEquality.Hash(this);
}

/// <summary>How a filter policy compares: to the letter, or by a regular expression that may match anywhere.</summary>
public enum PolicyMatchType
{
    Strict,
    Regex,
}

/// <summary>One test of a filter policy.</summary>
public sealed record PolicyAttributeOptions
{
    /// <summary><c>kind</c>, <c>status</c>, <c>name</c>, or <c>resource.KEY</c>, <c>span.KEY</c>.</summary>
    public string Key { get; init; } = "";

    /// <summary>A string, long, double or bool; always a string with <see cref="PolicyMatchType.Regex"/>.</summary>
    public object Value { get; init; } = "";
}
