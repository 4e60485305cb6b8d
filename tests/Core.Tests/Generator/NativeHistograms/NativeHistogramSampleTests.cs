using OrleansTempo.Core.Generator.NativeHistograms;
using OrleansTempo.Core.Generator.Samples;

namespace OrleansTempo.Core.Tests.Generator.NativeHistograms;

public sealed class NativeHistogramSampleTests
{
    [Fact]
    public void Buckets_with_at_most_two_empty_ones_between_them_are_one_run()
    {
        var sample = new NativeHistogramSample().Of(Histogram((-5, 3), (-4, 7), (-1, 2), (3, 9)), []);

        Assert.Equal([new HistogramSpan(-5, 5), new HistogramSpan(3, 1)], sample.PositiveSpans.ToArray());
        Assert.Equal([3L, 4, -7, 0, 2, 7], sample.PositiveDeltas.ToArray());
        Assert.Equal((21UL, 0UL, 3), (sample.Count, sample.ZeroCount, sample.Schema));
    }

    [Fact]
    public void A_histogram_of_only_zeros_has_no_run()
    {
        var sample = new NativeHistogramSample().Of(NativeHistogram.Restore(3, 0, 4, [], [], 1, 0, false), []);

        Assert.Equal((4UL, 4UL, 0, 0), (sample.Count, sample.ZeroCount, sample.PositiveSpans.Length, sample.PositiveDeltas.Length));
    }

    [Fact]
    public void The_arrays_are_reused()
    {
        var samples = new NativeHistogramSample();
        samples.Of(Histogram((1, 1), (10, 1)), [new Exemplar { TraceId = 1, Value = 1, TimestampMs = 5 }]);

        var sample = samples.Of(Histogram((2, 8)), []);

        Assert.Equal([new HistogramSpan(2, 1)], sample.PositiveSpans.ToArray());
        Assert.Equal([8L], sample.PositiveDeltas.ToArray());
        Assert.Empty(sample.Exemplars.ToArray());
    }

    [Fact]
    public void Exemplars_are_sorted_by_time_and_then_by_value()
    {
        var sample = new NativeHistogramSample().Of(
            Histogram((1, 1)),
            [
                new Exemplar { TraceId = 3, Value = 3, TimestampMs = 20 },
                default,
                new Exemplar { TraceId = 2, Value = 2, TimestampMs = 20 },
                new Exemplar { TraceId = 9, Value = 9, TimestampMs = 10 },
            ]);

        Assert.Equal([new(9, 9, 10), new(2, 2, 20), new HistogramExemplar(3, 3, 20)], sample.Exemplars.ToArray());
    }

    private static NativeHistogram Histogram(params (int Index, ulong Count)[] buckets) =>
        NativeHistogram.Restore(3, 1, 0, [.. buckets.Select(b => b.Index)], [.. buckets.Select(b => b.Count)], 1, 0, false);
}
