namespace OrleansTempo.Core.Generator.SpanNames;

/// <summary>The result of passing a name to a <see cref="TemplateTree"/>.</summary>
internal enum NameOutcome : byte
{
    /// <summary>The name has a template.</summary>
    Known,

    /// <summary>The name is too short to have anything in common with another.</summary>
    TooFewTokens,

    TooManyTokens,
}
