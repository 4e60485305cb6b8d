namespace OrleansTempo.Core.Configuration.Generator;

/// <summary>One test of a filter policy.</summary>
public sealed record PolicyAttributeOptions
{
    /// <summary><c>kind</c>, <c>status</c>, <c>name</c>, or <c>resource.KEY</c>, <c>span.KEY</c>.</summary>
    public string Key { get; init; } = "";

    /// <summary>A string, long, double or bool; always a string with <see cref="PolicyMatchType.Regex"/>.</summary>
    public object Value { get; init; } = "";
}
