using System.Diagnostics.CodeAnalysis;
using System.Text;
using OrleansTempo.Core.TraceQL.Metrics;
using OrleansTempo.Core.TraceQL.Semantics;

namespace OrleansTempo.Core.TraceQL.Syntax;

/// <summary>
/// A TraceQL query, parsed and checked: a search for spans, or a metrics query, and hints for how to run it. <c>docs/traceql.md</c> describes the language.
/// <code>
/// text ─► Lexer ─► tokens ─► QueryParser ─► PipelineParser, MetricsParser, FieldParser ─► Query
///                                                                  │ TypeRules
/// </code>
/// </summary>
/// <param name="Search">The pipeline of a search; null for a metrics query.</param>
/// <param name="Metrics">The series of a metrics query; null for a search.</param>
/// <param name="Hints">What <c>with(…)</c> says, known or not.</param>
public sealed record Query(Pipeline? Search, MetricsExpression? Metrics, IReadOnlyList<Hint> Hints)
{
    /// <summary>Longer queries are refused unread.</summary>
    public const int MaxBytes = 128 << 10;

    /// <summary>Parses and checks a query; on failure <paramref name="error"/> says where and what is wrong.</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out Query? query, [NotNullWhen(false)] out QueryError? error)
    {
        query = null;
        var bytes = Encoding.UTF8.GetByteCount(text);
        if (bytes > MaxBytes)
        {
            error = new QueryError(1, 1, $"the query has {bytes} bytes, but at most {MaxBytes} are allowed");
            return false;
        }

        // Half of a surrogate pair is no character: it becomes what a UTF-8 decoder makes of it.
        if (text.AsSpan().ContainsAnyInRange('\uD800', '\uDFFF'))
            text = Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));
        try
        {
            query = new QueryParser(new TokenReader(text)).Parse();
            error = null;
            return true;
        }
        catch (QuerySyntaxException e)
        {
            error = QueryError.At(text, e.Offset, e.Message);
            return false;
        }
    }

    /// <summary>The query in one line and in the spelling that this program uses; parsed again, it is the same query.</summary>
    public override string ToString() => Printer.Print(this);
}

/// <summary>One <c>name = value</c> of <c>with(…)</c>.</summary>
public sealed record Hint(string Name, Value Value);
