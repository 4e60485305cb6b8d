namespace OrleansTempo.Core.TraceQL.Syntax;

/// <summary>Why a query is refused: the place, counted from 1 in characters, and what is wrong there.</summary>
public sealed record QueryError(int Line, int Column, string Message)
{
    internal static QueryError At(string text, int offset, string message)
    {
        var before = text.AsSpan(0, offset);
        var line = before[(before.LastIndexOf('\n') + 1)..];
        var column = 1;
        foreach (var _ in line.EnumerateRunes())
            column++;
        return new QueryError(before.Count('\n') + 1, column, message);
    }

    public override string ToString() => $"parse error at line {Line}, col {Column}: {Message}";
}

/// <summary>Leaves the parser from any depth; it never leaves <see cref="Query.TryParse"/>.</summary>
internal sealed class QuerySyntaxException(int offset, string message) : Exception(message)
{
    /// <summary>The place in the query's text.</summary>
    public int Offset { get; } = offset;
}
