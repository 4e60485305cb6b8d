using OrleansTempo.Core.TraceQL.Semantics;

namespace OrleansTempo.Core.TraceQL.Syntax;

/// <summary>One piece of a query's text.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Text">The characters; of a scope with its colon, <c>span:</c>.</param>
/// <param name="Offset">Where it begins in the text.</param>
internal readonly record struct Token(TokenKind Kind, string Text, int Offset)
{
    private const int MaxShown = 40;

    /// <summary>The value of a number, duration or string.</summary>
    public Value Value { get; init; }

    /// <summary>The attribute, if it is one.</summary>
    public AttributeField? Attribute { get; init; }

    public bool IsSymbol(string symbol) => Kind == TokenKind.Symbol && Text == symbol;

    public bool IsWord(string word) => Kind == TokenKind.Word && Text == word;

    /// <summary>For messages.</summary>
    public override string ToString() => Kind == TokenKind.End ? "end of query" : Text.Length <= MaxShown ? Text : Text[..(MaxShown - 3)] + "...";
}

internal enum TokenKind
{
    /// <summary>The end of the text, without characters.</summary>
    End,

    /// <summary>Brackets, comma, pipe, operators.</summary>
    Symbol,

    /// <summary>A keyword or a name without a scope.</summary>
    Word,

    /// <summary>The scope of an intrinsic, <c>span:</c>; a word follows.</summary>
    Scope,

    /// <summary><c>.a</c>, <c>span.a</c>, <c>resource."a b"</c></summary>
    Attribute,
    Number,
    Duration,
    String,
}
