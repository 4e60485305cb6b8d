namespace OrleansTempo.Core.Configuration.Generator;

/// <summary>One of <c>filter_policies</c>; at least one of its three parts is set.</summary>
public sealed record FilterPolicyOptions
{
    public PolicyMatchOptions? Include { get; init; }
    public PolicyMatchOptions? IncludeAny { get; init; }
    public PolicyMatchOptions? Exclude { get; init; }
}
