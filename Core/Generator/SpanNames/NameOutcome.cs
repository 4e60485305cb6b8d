namespace OrleansTempo.Core.Generator.SpanNames;

/// <summary>What came of a name that was shown to a <see cref="TemplateTree"/>.</summary>
internal enum NameOutcome : byte
{
    /// <summary>It has a template.</summary>
    Known,

    /// <summary>It is too short to have anything in common with another.</summary>
    TooFewTokens,

    TooManyTokens,
}
