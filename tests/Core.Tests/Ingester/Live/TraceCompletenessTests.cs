using OrleansTempo.Core.Ingester.Live;

namespace OrleansTempo.Core.Tests.Ingester.Live;

public sealed class TraceCompletenessTests
{
    [Fact]
    public void A_trace_is_complete_when_every_parent_except_the_roots_is_in_it() =>
        Assert.Equal((0, 0), Look([(1, 0), (2, 1), (3, 1), (4, 2)], [(5, 0)], [(6, 0), (7, 0)]));

    [Fact]
    public void A_span_whose_parent_is_missing_disconnects_its_trace() =>
        Assert.Equal((0, 1), Look([(1, 0), (2, 9), (3, 9)], [(9, 0)]));

    [Fact]
    public void A_trace_without_a_root_is_rootless_and_disconnected() =>
        Assert.Equal((1, 1), Look([(1, 2), (2, 1)], [(9, 0)]));

    [Theory]
    [InlineData(64)]
    [InlineData(65)]
    [InlineData(5000)]
    public void Long_traces_are_checked_like_short_ones(int spans)
    {
        var chain = Enumerable.Range(1, spans).Select(static i => ((ulong)i, (ulong)i - 1)).Reverse().ToArray();
        var broken = chain.ToArray();
        broken[^2].Item2 = (ulong)spans + 1;

        Assert.Equal((0, 1), Look(chain, broken, [(1, 0)]));
    }

    private static (int Rootless, int Disconnected) Look(params (ulong Id, ulong Parent)[][] traces)
    {
        var completeness = new TraceCompleteness();
        foreach (var trace in traces)
        {
            completeness.Begin();
            foreach (var (id, parent) in trace)
                completeness.Add(id, parent);
            completeness.End();
        }

        return (completeness.Rootless, completeness.Disconnected);
    }
}
