namespace OrleansTempo.Core.Generator.SpanNames;

/// <summary>What a character is to the <see cref="SpanNameTokenizer"/>.</summary>
internal enum CharacterClass : byte
{
    /// <summary>A token of its own.</summary>
    Other,

    Space,

    /// <summary>A letter or number that is no hexadecimal digit.</summary>
    Alphanumeric,

    /// <summary>A hexadecimal digit, full-width ones included: a letter or a number as well.</summary>
    Hex,

    Dash,

    Percent,
}
