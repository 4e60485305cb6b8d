namespace OrleansTempo.Core.Generator.SpanNames;

/// <summary>The classes into which the <see cref="SpanNameTokenizer"/> divides characters.</summary>
internal enum CharacterClass : byte
{
    /// <summary>A token of its own.</summary>
    Other,

    Space,

    /// <summary>A letter or number that is not a hexadecimal digit.</summary>
    Alphanumeric,

    /// <summary>A hexadecimal digit, including full-width ones; it is a letter or a number as well.</summary>
    Hex,

    Dash,

    Percent,
}
