using System.Diagnostics;
using OrleansTempo.Core.Tests.TraceQL.Evaluation;
using OrleansTempo.Core.TraceQL.Evaluation;
using OrleansTempo.Core.TraceQL.Syntax;

namespace OrleansTempo.Core.Tests.TraceQL.Syntax;

/// <summary>Queries as long and as deep as they may be, and beyond: answered or refused, at once, on a small stack.</summary>
public sealed class ExtremeQueryTests
{
    private const int SmallStackBytes = 1 << 20;

    public static TheoryData<string, string, string, string> Shapes { get; } = new()
    {
        { "parentheses in a condition", "{ ", "(", "" },
        { "closed parentheses in a condition", "{ .a = (", "1 + (", "" },
        { "parentheses outside", "", "(", "{ }" },
        { "negations", "{ ", "!", ".a }" },
        { "minus signs", "{ ", "- ", ".a = 1 }" },
        { "minus signs outside", "", "-", "1 * ({ } | rate())" },
        { "sums", "{ .a = 1", " + 1", " }" },
        { "powers", "{ .a = 1", " ^ 1", " }" },
        { "comparisons", "{ .a", " = .a", " }" },
        { "nils", "{ .a", " = nil", " }" },
        { "ors", "{ .a", " || .a", " }" },
        { "ors and ands", "{ .a", " || .a && .a", " }" },
        { "parenthesized ors", "{ .a", " || (.a || .a)", " }" },
        { "spansets", "{ }", " >> { }", "" },
        { "joined spansets", "{ }", " || { }", "" },
        { "stages", "{ }", " | { }", "" },
        { "groups", "{ }", " | by(.a)", "" },
        { "nested pipelines", "", "({ } | count() > 1 && ", "" },
        { "nested pipelines in front", "", "(({ } | count() > 1) && ", "" },
        { "series", "({ } | rate())", " + ({ } | rate())", "" },
        { "constants", "1", " + 1", " + ({ } | rate())" },
        { "ranks", "{ } | rate()", " | topk(1)", "" },
        { "thresholds", "{ } | rate()", " > 1", "" },
        { "opening braces", "", "{", "" },
        { "fields", "select(.a", ", .a", ")" },
        { "hints", "{ } with(a = 1", ", a = 1", ")" },
        { "a long name", "{ .", "a", " = 1 }" },
        { "a long string", "{ .a = \"", "a", "\" }" },
        { "a long escaped string", "{ .a = \"", "\\n", "\" }" },
        { "a long number", "{ .a = ", "1", " }" },
        { "a long fraction", "{ .a = 1.", "1", " }" },
        { "a long duration", "{ .a = ", "1s", " }" },
        { "groups of a pattern", "{ .a =~ \"", "(", "\" }" },
        { "closed groups of a pattern", "{ .a =~ \"", "(a", ")\" }" },
        { "choices of a pattern", "{ .a =~ \"a", "|a", "\" }" },
        { "a long pattern", "{ .a =~ \"", "a?", "\" }" },
        { "patterns", "{ .a =~ \"a\"", " || .a =~ \"a\"", " }" },
        { "quotes", "", "\"", "" },
        { "backslashes", "{ .\"", "\\", "\" }" },
        { "slashes", "", "/", "" },
        { "lines", "", "\n", "{" },
    };

    [Theory]
    [MemberData(nameof(Shapes))]
    public void A_query_of_any_length_is_answered_or_refused(string shape, string start, string repeated, string end)
    {
        foreach (var length in new[] { 250, 2000, Query.MaxBytes - start.Length - end.Length })
        {
            var text = start + string.Concat(Enumerable.Repeat(repeated, length / repeated.Length)) + end;
            var took = OnSmallStack(() =>
            {
                if (!Query.TryParse(text, out var query, out var error))
                {
                    Assert.InRange(error.Column, 1, text.Length + 1);
                    return;
                }

                Assert.True(Query.TryParse(query.ToString(), out var again, out error) || query.ToString().Length > Query.MaxBytes, $"{shape}: {error}");
                Assert.Equal(query.ToString(), again?.ToString() ?? query.ToString());
                if (query.Search is { } pipeline)
                    PipelineEvaluator.Evaluate(pipeline, new QueriedTrace(TraceBuilder.Id, [TraceBuilder.Span(1, 0, ("a", true))]));
            });
            Assert.True(took < TimeSpan.FromSeconds(20), $"{shape} of {text.Length} characters took {took}");
        }
    }

    [Theory]
    [InlineData("(", ")")]
    [InlineData("(?:", ")*")]
    [InlineData("(a|", ")+")]
    public void A_pattern_of_any_depth_is_answered_or_refused(string open, string close)
    {
        foreach (var depth in new[] { 10, 100, 1000, 20_000 })
        {
            var text = "{ .a =~ `" + string.Concat(Enumerable.Repeat(open, depth)) + "a" + string.Concat(Enumerable.Repeat(close, depth)) + "` }";
            OnSmallStack(() =>
            {
                if (Query.TryParse(text, out var query, out var error))
                    PipelineEvaluator.Evaluate(query.Search!, new QueriedTrace(TraceBuilder.Id, [TraceBuilder.Span(1, 0, ("a", "aa"))]));
                else
                    Assert.Contains("invalid regular expression", error.Message);
            });
        }
    }

    [Fact]
    public void A_query_beyond_the_limit_is_refused_unread()
    {
        Assert.False(Query.TryParse("{ .a = \"" + new string('é', Query.MaxBytes / 2) + "\" }", out _, out var error));
        Assert.Equal("parse error at line 1, col 1: the query has 131083 bytes, but at most 131072 are allowed", error.ToString());
    }

    [Fact]
    public void Half_a_surrogate_pair_is_a_replacement_character()
    {
        Assert.True(Query.TryParse("{ .a\uD83D = \"x\uDE00\" }", out var query, out _));
        Assert.Equal("{ .a\uFFFD = \"x\uFFFD\" }", query.ToString());
    }

    private static TimeSpan OnSmallStack(Action action)
    {
        Exception? failure = null;
        var started = Stopwatch.GetTimestamp();
        var thread = new Thread(() => failure = Record.Exception(action), SmallStackBytes);
        thread.Start();
        thread.Join();
        Assert.Null(failure);
        return Stopwatch.GetElapsedTime(started);
    }
}
