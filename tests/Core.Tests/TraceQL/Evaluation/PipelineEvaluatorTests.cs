using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Core.TraceQL.Evaluation;
using static OrleansTempo.Core.Tests.TraceQL.Evaluation.TraceBuilder;

namespace OrleansTempo.Core.Tests.TraceQL.Evaluation;

public sealed class PipelineEvaluatorTests
{
    //   1 ─┬─ 2 ─┬─ 4        7 ── 8: the parent of 7 is missing
    //      │     └─ 5
    //      └─ 3 ─── 6        9: a second root
    private static QueriedSpan[] Tree() =>
    [
        Span(1, 0), Span(2, 1), Span(3, 1), Span(4, 2), Span(5, 2), Span(6, 3), Span(7, 99), Span(8, 7), Span(9, 0),
    ];

    [Theory]
    [InlineData("{ name = \"s1\" } > { }", "s2 s3")]
    [InlineData("{ name = \"s2\" } < { }", "s1")]
    [InlineData("{ name = \"s1\" } >> { }", "s2 s3 s4 s5 s6")]
    [InlineData("{ name = \"s6\" } << { }", "s1 s3")]
    [InlineData("{ name = \"s4\" } ~ { }", "s5")]
    [InlineData("{ } ~ { }", "s1 s2 s3 s4 s5 s9")]
    [InlineData("{ name = \"s7\" } > { }", "s8")]
    [InlineData("{ name = \"s8\" } << { }", "s7")]
    [InlineData("{ name = \"s1\" } !> { }", "s1 s4 s5 s6 s7 s8 s9")]
    [InlineData("{ name = \"s2\" } !< { }", "s2 s3 s4 s5 s6 s7 s8 s9")]
    [InlineData("{ name = \"s1\" } !>> { }", "s1 s7 s8 s9")]
    [InlineData("{ name = \"s6\" } !<< { }", "s2 s4 s5 s6 s7 s8 s9")]
    [InlineData("{ name = \"s4\" } !~ { }", "s1 s2 s3 s4 s6 s7 s8 s9")]
    [InlineData("{ name = \"none\" } !> { name = \"s2\" }", "s2")]
    [InlineData("{ name = \"none\" } > { }", "")]
    [InlineData("{ } > { name = \"none\" }", "")]
    [InlineData("{ name = \"s1\" || name = \"s4\" } &> { name = \"s2\" || name = \"s9\" }", "s1 s2")]
    [InlineData("{ name = \"s4\" } &< { }", "s2 s4")]
    [InlineData("{ name = \"s1\" } &>> { name = \"s6\" }", "s1 s6")]
    [InlineData("{ name = \"s6\" } &<< { name = \"s1\" }", "s1 s6")]
    [InlineData("{ name = \"s4\" } &~ { }", "s4 s5")]
    [InlineData("{ name = \"s1\" } > { } > { }", "s4 s5 s6")]

    // Both, either.
    [InlineData("{ name = \"s6\" } && { name = \"s1\" }", "s1 s6")]
    [InlineData("{ name = \"s6\" } && { name = \"none\" }", "")]
    [InlineData("{ name = \"s6\" } || { name = \"none\" }", "s6")]
    [InlineData("{ name = \"none\" } || { name = \"s6\" } && { name = \"none\" }", "")]

    // Roots are those without a parent ID; the tree is complete in nested sets.
    [InlineData("{ nestedSetParent < 0 }", "s1 s9")]
    [InlineData("{ nestedSetParent = 0 }", "s7")]
    [InlineData("{ nestedSetLeft = 1 && nestedSetRight = 12 }", "s1")]
    [InlineData("{ nestedSetParent = 2 }", "s4 s5")]
    [InlineData("{ span:parentID = \"\" }", "s1 s9")]
    [InlineData("{ span:childCount = 2 }", "s1 s2")]
    [InlineData("{ rootName = \"s1\" } | { name = \"s9\" }", "s9")]

    // Pipelines.
    [InlineData("{ name != \"s1\" } | { name != \"s2\" } | { name = \"s3\" || name = \"s2\" }", "s3")]
    [InlineData("{ name =~ \"s[24]\" } | { } > { }", "s4")]
    [InlineData("({ name = \"s1\" } | count() = 1) > ({ } | count() > 5)", "s2 s3")]
    [InlineData("({ name = \"s1\" } | count() = 2) || ({ name = \"s2\" })", "s2")]
    [InlineData("{ } | count() > 9", "")]
    [InlineData("{ name = \"none\" } | count() = 0", "")]
    [InlineData("{ false }", "")]
    [InlineData("select(name)", "s1 s2 s3 s4 s5 s6 s7 s8 s9")]
    [InlineData("max(duration) = 900ns | { name = \"s1\" } | min(duration) = 100ns", "s1")]
    [InlineData("{ } | by(span:childCount)", "s1 s2 | s3 s7 | s4 s5 s6 s8 s9")]
    [InlineData("{ } | by(span:childCount) | count() > 2", "s4 s5 s6 s8 s9")]
    [InlineData("{ } | by(span:childCount) | { name != \"s1\" } | coalesce() | count() = 8", "s2 s3 s4 s5 s6 s7 s8 s9")]
    [InlineData("{ } | by(span:childCount) | by(nestedSetParent)", "s1 | s2 | s3 | s7 | s4 s5 | s6 | s8 | s9")]
    [InlineData("{ } | by(span:childCount) | { name = \"s1\" } > { name = \"s2\" || name = \"s3\" }", "s2")]
    [InlineData("({ } | by(name) | coalesce()) > ({ })", "s2 s3 s4 s5 s6 s8")]
    [InlineData("({ } | by(span:childCount) | count() < 3) && ({ name = \"s9\" })", "s1 s2 s3 s7 s9")]
    public void A_query_finds_spans(string query, string found)
    {
        Assert.Equal(found, Find(query, Tree()));
    }

    [Fact]
    public void Aggregates_skip_spans_without_a_number()
    {
        QueriedSpan[] spans = [Span(1, 0, ("n", 1)), Span(2, 1, ("n", 4)), Span(3, 1, ("n", "x")), Span(4, 1), Span(5, 1, ("m", 2.5), ("i", -1)), Span(6, 1, ("m", 1), ("i", -2))];

        Assert.Equal(["count() is 6, sum(.n) is 5, avg(.n) is 2.5, min(.n) is 1, max(.n) is 4"], Facts("count() > 0 | sum(.n) = 5 | avg(.n) = 2.5 | min(.n) > 0 | max(.n) < 5", spans));
        Assert.Equal(["sum(.m) is 3.5, max(.m) is 2.5, avg(.i) is -1.5"], Facts("sum(.m) > 0 | max(.m) > 0 | avg(.i) < 0", spans));
        Assert.Equal(["sum(duration) is 2.1µs, avg(duration) is 350ns, max(duration + 1) is 601.0"], Facts("sum(duration) > 0 | avg(duration) > 0s | max(duration + 1) > 0", spans));
        Assert.Empty(Facts("sum(.missing) >= 0", spans));
        Assert.Empty(Facts("max(.missing) != 1", spans));
    }

    [Fact]
    public void Groups_carry_their_value_and_absence_is_one()
    {
        QueriedSpan[] spans = [Span(1, 0, ("a", 1)), Span(2, 1, ("a", "1")), Span(3, 1), Span(4, 1, ("a", 1)), Span(5, 1, ("a", new object[] { 1, 2 })), Span(6, 1, ("a", new object[] { 1, 2 }))];

        Assert.Equal("s1 s4 | s2 | s3 | s5 s6", Find("{ } | by(.a)", spans));
        Assert.Equal(["by(.a) is 1, count() is 2", "by(.a) is \"1\", count() is 1", "by(.a) is nil, count() is 1", "by(.a) is [1, 2], count() is 2"], Facts("by(.a) | count() > 0", spans));
        Assert.Equal(["", "count() is 6"], Facts("by(.a) | coalesce()", spans).Concat(Facts("by(.a) | coalesce() | count() > 0", spans)));
    }

    [Fact]
    public void A_circle_of_parents_is_cut_at_its_first_span()
    {
        Assert.Equal("s2 s3 s4", Find("{ } > { }", Span(1, 3), Span(2, 1), Span(3, 2), Span(4, 3)));
        Assert.Equal("s1 s2 s3", Find("{ name = \"s4\" } << { }", Span(1, 3), Span(2, 1), Span(3, 2), Span(4, 3)));
        Assert.Equal("", Find("{ } > { } || { } ~ { } || { } >> { }", Span(1, 1)));
    }

    [Fact]
    public void The_sides_of_a_call_that_share_an_id_are_parent_and_child()
    {
        QueriedSpan client = new() { Id = 7, Name = "client", Kind = SpanKind.Client }, server = new() { Id = 7, Name = "server", Kind = SpanKind.Server }, child = new() { Id = 8, ParentId = 7, Name = "child" };

        Assert.Equal("server", Find("{ name = \"client\" } > { }", client, server, child));
        Assert.Equal("child", Find("{ name = \"server\" } > { }", client, server, child));
    }

    [Fact]
    public void A_trace_may_be_as_deep_as_it_has_spans()
    {
        var spans = Enumerable.Range(1, 20_000).Select(static i => Span((ulong)i, (ulong)i - 1)).ToArray();

        Assert.Equal("s20000", Find("{ name = \"s1\" } >> { span:childCount = 0 }", spans));
        Assert.Equal("s1", Find("{ name = \"s20000\" } << { nestedSetRight = 40000 }", spans));
    }

    [Fact]
    public void Of_two_roots_the_first_to_begin_is_the_traces()
    {
        var late = Span(1, 0);
        Assert.Equal("early", new QueriedTrace(Id, [late, new QueriedSpan { Id = 2, Name = "early", StartTimeUnixNano = 10 }]).Root!.Name);
    }

    [Fact]
    public void A_trace_without_spans_yields_nothing()
    {
        Assert.Equal("", Find("{ }"));
        Assert.Equal("", Find("{ } | by(name) | coalesce()"));
    }
}
