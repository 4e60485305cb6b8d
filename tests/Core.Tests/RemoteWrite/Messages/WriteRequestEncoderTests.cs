using OrleansTempo.Core.Configuration.RemoteWrite;
using OrleansTempo.Core.Generator.Samples;
using OrleansTempo.Core.RemoteWrite.Messages;

namespace OrleansTempo.Core.Tests.RemoteWrite.Messages;

public sealed class WriteRequestEncoderTests
{
    private const long Now = 1_780_000_000_123;
    private static readonly byte[] s_traceId = [0, 0, 0, 0, 0, 0, 0, 0xAB, 1, 2, 3, 4, 5, 6, 7, 0xEF];

    [Fact]
    public void A_counter_is_one_series_with_its_labels_and_value()
    {
        var labels = SeriesOf.Labels(("service", "shop"), ("span_kind", "SPAN_KIND_SERVER"));
        Assert.Equal(
            ["{__name__=traces_spanmetrics_calls_total,service=shop,span_kind=SPAN_KIND_SERVER} 12.5@1780000000123"],
            Encode(new(), new SeriesPoint { Labels = labels, Name = SeriesOf.Calls, Value = 12.5, TimestampMs = Now }));
    }

    [Fact]
    public void Labels_are_sorted_around_the_name_and_the_bucket()
    {
        var labels = SeriesOf.Labels(("zone", "1"), ("Upper", "2"), ("le_not", "3"), ("_", "4"), ("a", "5"), ("ü", "6"));
        Assert.Equal(
            ["{Upper=2,_=4,__name__=traces_spanmetrics_latency_bucket,a=5,le=0.002,le_not=3,zone=1,ü=6} 3@1780000000123"],
            Encode(new(), new SeriesPoint { Labels = labels, Name = SeriesOf.Bucket, Bucket = SeriesOf.Le, Value = 3, TimestampMs = Now }));
    }

    [Fact]
    public void An_entity_without_labels_still_has_its_name() =>
        Assert.Equal(
            ["{__name__=traces_spanmetrics_calls_total} 1@1780000000123"],
            Encode(new(), new SeriesPoint { Labels = SeriesOf.Labels(), Name = SeriesOf.Calls, Value = 1, TimestampMs = Now }));

    [Fact]
    public void The_first_zero_comes_before_the_value() =>
        Assert.Equal(
            ["{__name__=traces_spanmetrics_calls_total,a=b} 0@1779999999999 7@1780000000123"],
            Encode(new(), new SeriesPoint { Labels = SeriesOf.Labels(("a", "b")), Name = SeriesOf.Calls, Value = 7, TimestampMs = Now, ZeroTimestampMs = 1_779_999_999_999 }));

    [Fact]
    public void An_exemplar_carries_all_32_digits_of_the_trace_id() =>
        Assert.Equal(
            ["{__name__=traces_spanmetrics_latency_bucket,a=b,le=0.002} 1@1780000000123 # {trace=00000000000000ab01020304050607ef} 0.25@1779999999000"],
            Encode(new() { TraceIdLabelName = "trace" }, WithExemplar()));

    [Fact]
    public void No_exemplar_is_sent_if_the_endpoint_wants_none() =>
        Assert.Equal(
            ["{__name__=traces_spanmetrics_latency_bucket,a=b,le=0.002} 1@1780000000123"],
            Encode(new() { SendExemplars = false }, WithExemplar()));

    [Fact]
    public void A_staleness_marker_keeps_its_bits()
    {
        using var encoder = new WriteRequestEncoder(new(), Now);
        var marker = BitConverter.Int64BitsToDouble(SeriesPoint.StaleMarkerBits);
        encoder.Visit(new SeriesPoint { Labels = SeriesOf.Labels(("a", "b")), Name = SeriesOf.Calls, Value = marker, TimestampMs = Now });
        var value = SeriesOf.Parse(Assert.Single(encoder.Finish())).Timeseries[0].Samples[0].Value;
        Assert.Equal(SeriesPoint.StaleMarkerBits, BitConverter.DoubleToInt64Bits(value));
    }

    [Fact]
    public void Requests_are_split_at_max_samples_but_never_within_a_series()
    {
        using var encoder = new WriteRequestEncoder(new() { MaxSamplesPerSend = 3 }, Now);
        for (var i = 1; i <= 4; i++)
            encoder.Visit(new SeriesPoint { Labels = SeriesOf.Labels(("i", $"{i}")), Name = SeriesOf.Calls, Value = i, TimestampMs = Now, ZeroTimestampMs = Now - i });
        encoder.Visit(new SeriesPoint { Labels = SeriesOf.Labels(("i", "5")), Name = SeriesOf.Calls, Value = 5, TimestampMs = Now });

        // Two samples each: a second zero and value would be the fourth sample, the last series fits beside the fourth.
        var requests = encoder.Finish();
        Assert.Equal([2, 2, 2, 3], requests.Select(r => r.Samples));
        Assert.Equal([1, 1, 1, 2], requests.Select(r => SeriesOf.Parse(r).Timeseries.Count));
        Assert.All(requests, r => Assert.Equal(Now, r.TimestampMs));
        Assert.Equal(["1", "2", "3", "4", "5"], requests.SelectMany(r => SeriesOf.Parse(r).Timeseries).Select(s => s.Labels[1].Value));
    }

    [Fact]
    public void Requests_are_also_split_by_size()
    {
        using var encoder = new WriteRequestEncoder(new() { MaxSamplesPerSend = int.MaxValue }, Now);
        var text = new string('x', 1 << 20);
        for (var i = 0; i < 5; i++)
            encoder.Visit(new SeriesPoint { Labels = SeriesOf.Labels(("i", $"{i}"), ("text", text)), Name = SeriesOf.Calls, Value = i, TimestampMs = Now });

        var requests = encoder.Finish();
        Assert.Equal([3, 2], requests.Select(r => r.Samples));
        Assert.All(requests, r => Assert.InRange(r.RawBytes, 0, WriteRequestEncoder.MaxRawBytes));
        Assert.Equal([0.0, 1, 2, 3, 4], requests.SelectMany(r => SeriesOf.Parse(r).Timeseries).Select(s => s.Samples[0].Value));
    }

    [Fact]
    public void A_collection_without_series_makes_no_request()
    {
        using var encoder = new WriteRequestEncoder(new(), Now);
        Assert.Empty(encoder.Finish());
    }

    [Fact]
    public void A_request_counts_its_content()
    {
        using var encoder = new WriteRequestEncoder(new(), Now);
        encoder.Visit(WithExemplar());
        encoder.Visit(new SeriesPoint { Labels = SeriesOf.Labels(("a", "b")), Name = SeriesOf.Calls, Value = 1, TimestampMs = Now, ZeroTimestampMs = Now - 1 });
        var request = Assert.Single(encoder.Finish());
        Assert.Equal((3, 1), (request.Samples, request.Exemplars));
        Assert.Equal(Snappier.Snappy.DecompressToArray(request.Body.Span).Length, request.RawBytes);
    }

    [Fact]
    public void Relabelled_series_are_sorted_again_and_keep_their_values()
    {
        var relabelling = new RelabelledSeries(new Relabeler(
        [
            new RelabelOptions { SourceLabels = ["service"], TargetLabel = "Zservice" },
            new RelabelOptions { Action = RelabelAction.LabelDrop, Regex = "service" },
            new RelabelOptions { SourceLabels = ["__name__"], Regex = "traces_(.*)", TargetLabel = "__name__", Replacement = "t_$1" },
        ]));
        var labels = SeriesOf.Labels(("service", "shop"), ("zone", "1"));
        var point = new SeriesPoint { Labels = labels, Name = SeriesOf.Bucket, Bucket = SeriesOf.Le, Value = 3, TimestampMs = Now };
        string[] expected = ["{Zservice=shop,__name__=t_spanmetrics_latency_bucket,le=0.002,zone=1} 3@1780000000123"];

        // The second time out of what was remembered.
        Assert.Equal(expected, Encode(new() { Relabelling = relabelling }, point));
        Assert.Equal(expected, Encode(new() { Relabelling = relabelling }, point));
    }

    [Fact]
    public void Series_that_relabelling_drops_or_empties_are_counted_and_not_sent()
    {
        var relabelling = new RelabelledSeries(new Relabeler(
        [
            new RelabelOptions { SourceLabels = ["a"], Regex = "drop", Action = RelabelAction.Drop },
            new RelabelOptions { Regex = "b|__name__", Action = RelabelAction.LabelDrop },
        ]));
        using var encoder = new WriteRequestEncoder(new() { Relabelling = relabelling }, Now);
        encoder.Visit(new SeriesPoint { Labels = SeriesOf.Labels(("a", "drop")), Name = SeriesOf.Calls, Value = 1, TimestampMs = Now });
        encoder.Visit(new SeriesPoint { Labels = SeriesOf.Labels(("b", "1")), Name = SeriesOf.Calls, Value = 2, TimestampMs = Now });
        encoder.Visit(new SeriesPoint { Labels = SeriesOf.Labels(("a", "keep")), Name = SeriesOf.Calls, Value = 3, TimestampMs = Now });

        Assert.Equal("{a=keep} 3@1780000000123", SeriesOf.Text(Assert.Single(SeriesOf.Parse(Assert.Single(encoder.Finish())).Timeseries)));
        Assert.Equal(2, encoder.DroppedSeries);
    }

    private static SeriesPoint WithExemplar() => new()
    {
        Labels = SeriesOf.Labels(("a", "b")),
        Name = SeriesOf.Bucket,
        Bucket = SeriesOf.Le,
        Value = 1,
        TimestampMs = Now,
        ExemplarTraceId = s_traceId,
        ExemplarValue = 0.25,
        ExemplarTimestampMs = 1_779_999_999_000,
    };

    private static string[] Encode(EncodingSettings settings, in SeriesPoint point)
    {
        using var encoder = new WriteRequestEncoder(settings, Now);
        encoder.Visit(point);
        return [.. SeriesOf.Parse(Assert.Single(encoder.Finish())).Timeseries.Select(SeriesOf.Text)];
    }
}
