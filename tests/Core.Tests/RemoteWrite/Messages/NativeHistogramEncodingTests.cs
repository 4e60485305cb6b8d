using OrleansTempo.Core.Configuration.RemoteWrite;
using OrleansTempo.Core.Generator.NativeHistograms;
using OrleansTempo.Core.Generator.Samples;
using OrleansTempo.Core.RemoteWrite.Messages;
using OrleansTempo.Tests.Prometheus;

namespace OrleansTempo.Core.Tests.RemoteWrite.Messages;

public sealed class NativeHistogramEncodingTests
{
    private const long Now = 1_780_000_000_123;
    private const double ZeroThreshold = 2.938735877055719e-39;
    private const string Value = "12/3.5 schema 3 zero 2 [-63:2 5:1] [4 -3 4]@1780000000123";

    private static readonly HistogramSpan[] s_spans = [new(-63, 2), new(5, 1)];
    private static readonly long[] s_deltas = [4, -3, 4];
    private static readonly HistogramExemplar[] s_exemplars = [new(0xAB, 0.25, Now - 9), new(new UInt128(1, 2), 7, Now)];

    [Fact]
    public void A_native_histogram_is_one_series_without_samples()
    {
        var series = Assert.Single(Encode(new() { SendExemplars = false }, Now));

        Assert.Equal($"{{__name__=traces_spanmetrics_latency,a=b,zone=1}} {Value}", SeriesOf.Text(series));
        var histogram = series.Histograms[0];
        Assert.Equal((Histogram.CountOneofCase.CountInt, Histogram.ZeroCountOneofCase.ZeroCountInt), (histogram.CountCase, histogram.ZeroCountCase));
        Assert.Equal((ZeroThreshold, Histogram.Types.ResetHint.Unknown), (histogram.ZeroThreshold, histogram.ResetHint));
    }

    [Fact]
    public void The_first_sample_of_a_native_histogram_is_empty_and_comes_before_the_value()
    {
        var series = Assert.Single(Encode(new() { SendExemplars = false }, Now, Now - 5));

        Assert.Equal($"{{__name__=traces_spanmetrics_latency,a=b,zone=1}} 0/0 schema 3 zero 0 [] []@1780000000118 {Value}", SeriesOf.Text(series));
        Assert.All(series.Histograms, h => Assert.Equal((ZeroThreshold, Histogram.CountOneofCase.CountInt), (h.ZeroThreshold, h.CountCase)));
    }

    [Fact]
    public void The_exemplars_of_a_native_histogram_are_on_its_series() => Assert.Equal(
        "{__name__=traces_spanmetrics_latency,a=b,zone=1}"
            + " # {trace=000000000000000000000000000000ab} 0.25@1780000000114 # {trace=00000000000000010000000000000002} 7@1780000000123 " + Value,
        SeriesOf.Text(Assert.Single(Encode(new() { TraceIdLabelName = "trace" }, Now))));

    [Fact]
    public void A_native_histogram_is_relabelled_and_dropped_like_any_series()
    {
        RelabelledSeries Rules(string pattern) => new(new Relabeler(
        [
            new RelabelOptions { SourceLabels = ["__name__"], Regex = "traces_(.*)", TargetLabel = "__name__", Replacement = "t_$1" },
            new RelabelOptions { SourceLabels = ["__name__"], Regex = pattern, Action = RelabelAction.Drop },
        ]));

        Assert.Equal($"{{__name__=t_spanmetrics_latency,a=b,zone=1}} {Value}", SeriesOf.Text(Assert.Single(Encode(new() { SendExemplars = false, Relabelling = Rules(".*_bucket") }, Now))));
        Assert.Empty(Encode(new() { Relabelling = Rules(".*_latency") }, Now));
    }

    [Fact]
    public void The_staleness_marker_of_a_native_histogram_is_a_sum_that_keeps_its_bits()
    {
        using var encoder = new WriteRequestEncoder(new(), Now);
        var marker = BitConverter.Int64BitsToDouble(SeriesPoint.StaleMarkerBits);
        var native = new NativeHistogramPoint { Count = 0, Sum = marker, Schema = -4, ZeroThreshold = ZeroThreshold, ZeroCount = 0 };
        encoder.Visit(new SeriesPoint { Labels = SeriesOf.Labels(), Name = SeriesOf.Latency, Value = marker, TimestampMs = Now, IsNative = true, Native = native });

        var histogram = Assert.Single(SeriesOf.Parse(Assert.Single(encoder.Finish())).Timeseries).Histograms[0];
        Assert.Equal((SeriesPoint.StaleMarkerBits, -4, 0UL), (BitConverter.DoubleToInt64Bits(histogram.Sum), histogram.Schema, histogram.CountInt));
    }

    [Fact]
    public void Samples_of_native_histograms_fill_a_request_like_others()
    {
        using var encoder = new WriteRequestEncoder(new() { MaxSamplesPerSend = 3 }, Now);
        encoder.Visit(Point(Now, Now - 1));
        encoder.Visit(Point(Now));
        encoder.Visit(Point(Now));

        var requests = encoder.Finish();
        Assert.Equal([(0, 3, 4), (0, 1, 2)], requests.Select(r => (r.Samples, r.Histograms, r.Exemplars)));
        Assert.Equal([2, 1], requests.Select(r => SeriesOf.Parse(r).Timeseries.Count));
    }

    [Fact]
    public void Large_numbers_fit()
    {
        var spans = Enumerable.Range(0, 400).Select(i => new HistogramSpan(i == 0 ? -32_000 : 1000, 1)).ToArray();
        var deltas = Enumerable.Range(0, 400).Select(i => (i % 2 == 0 ? 1 : -1) * (1L << 60)).ToArray();
        using var encoder = new WriteRequestEncoder(new(), Now);
        encoder.Visit(new SeriesPoint
        {
            Labels = SeriesOf.Labels(),
            Name = SeriesOf.Latency,
            Value = 1e300,
            TimestampMs = Now,
            IsNative = true,
            Native = new() { Count = ulong.MaxValue, Sum = 1e300, Schema = 8, ZeroThreshold = ZeroThreshold, ZeroCount = ulong.MaxValue, PositiveSpans = spans, PositiveDeltas = deltas },
        });

        var histogram = Assert.Single(SeriesOf.Parse(Assert.Single(encoder.Finish())).Timeseries).Histograms[0];
        Assert.Equal(spans, histogram.PositiveSpans.Select(s => new HistogramSpan(s.Offset, (int)s.Length)));
        Assert.Equal(deltas, histogram.PositiveDeltas);
        Assert.Equal((ulong.MaxValue, ulong.MaxValue, 1e300, 8), (histogram.CountInt, histogram.ZeroCountInt, histogram.Sum, histogram.Schema));
    }

    private static IReadOnlyList<TimeSeries> Encode(EncodingSettings settings, long timestampMs, long zeroMs = 0)
    {
        using var encoder = new WriteRequestEncoder(settings, timestampMs);
        encoder.Visit(Point(timestampMs, zeroMs));
        return [.. encoder.Finish().SelectMany(r => SeriesOf.Parse(r).Timeseries)];
    }

    private static SeriesPoint Point(long timestampMs, long zeroMs = 0) => new()
    {
        Labels = SeriesOf.Labels(("zone", "1"), ("a", "b")),
        Name = SeriesOf.Latency,
        Value = 3.5,
        TimestampMs = timestampMs,
        ZeroTimestampMs = zeroMs,
        IsNative = true,
        Native = new()
        {
            Count = 12,
            Sum = 3.5,
            Schema = 3,
            ZeroThreshold = ZeroThreshold,
            ZeroCount = 2,
            PositiveSpans = s_spans,
            PositiveDeltas = s_deltas,
            Exemplars = s_exemplars,
        },
    };
}
