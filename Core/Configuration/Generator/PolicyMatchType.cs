namespace OrleansTempo.Core.Configuration.Generator;

/// <summary>How a filter policy compares: to the letter, or by a regular expression that may match anywhere.</summary>
public enum PolicyMatchType
{
    Strict,
    Regex,
}
