using OrleansTempo.Core.Configuration.RemoteWrite;
using OrleansTempo.Core.Generator.NativeHistograms;
using OrleansTempo.Core.Generator.Samples;
using OrleansTempo.Core.RemoteWrite;
using OrleansTempo.Core.RemoteWrite.Messages;
using V2 = OrleansTempo.Tests.Prometheus.V2;

namespace OrleansTempo.Core.Tests.RemoteWrite.Messages;

public sealed class WriteRequestV2EncoderTests
{
    private const long Now = 1_780_000_000_123;
    private const string CallsMetadata = "Counter|Spans counted|";
    private const string LatencyMetadata = "Histogram|Duration of spans|seconds";

    private static readonly MetricName s_native = new("traces_spanmetrics_latency", MetricType.Histogram);
    private static readonly byte[] s_traceId = [0, 0, 0, 0, 0, 0, 0, 0xAB, 1, 2, 3, 4, 5, 6, 7, 0xEF];

    [Fact]
    public void A_counter_is_one_series_with_its_labels_value_and_metadata() =>
        Assert.Equal(
            [$"{{__name__=traces_spanmetrics_calls_total,service=shop,span_kind=SPAN_KIND_SERVER}} 12.5@1780000000123 {CallsMetadata}"],
            Encode(new(), new SeriesPoint { Labels = SeriesOf.Labels(("service", "shop"), ("span_kind", "SPAN_KIND_SERVER")), Name = SeriesOf.Calls, Value = 12.5, TimestampMs = Now }));

    [Fact]
    public void Labels_are_sorted_around_the_name_and_the_bucket() =>
        Assert.Equal(
            [$"{{Upper=2,_=4,__name__=traces_spanmetrics_latency_bucket,a=5,le=0.002,le_not=3,zone=1,ü=6}} 3@1780000000123 {LatencyMetadata}"],
            Encode(new(), new SeriesPoint
            {
                Labels = SeriesOf.Labels(("zone", "1"), ("Upper", "2"), ("le_not", "3"), ("_", "4"), ("a", "5"), ("ü", "6")),
                Name = SeriesOf.Bucket,
                Bucket = SeriesOf.Le,
                Value = 3,
                TimestampMs = Now,
            }));

    [Fact]
    public void The_first_zero_carries_the_start_of_the_series()
    {
        using var encoder = new WriteRequestV2Encoder(new(), Now);
        encoder.Visit(new SeriesPoint { Labels = SeriesOf.Labels(("a", "b")), Name = SeriesOf.Calls, Value = 7, TimestampMs = Now, ZeroTimestampMs = Now - 124 });
        var request = SeriesOf.ParseV2(Assert.Single(encoder.Finish()));
        var series = Assert.Single(request.Timeseries);
        Assert.Equal($"{{__name__=traces_spanmetrics_calls_total,a=b}} 0@1779999999999 7@1780000000123 since 1779999999999 {CallsMetadata}", SeriesOf.Text(request, series));
        Assert.Equal(1_779_999_999_999, series.CreatedTimestamp);
    }

    [Fact]
    public void A_continuing_series_does_not_carry_its_start()
    {
        using var encoder = new WriteRequestV2Encoder(new(), Now);
        encoder.Visit(new SeriesPoint { Labels = SeriesOf.Labels(("a", "b")), Name = SeriesOf.Calls, Value = 7, TimestampMs = Now });
        var series = Assert.Single(SeriesOf.ParseV2(Assert.Single(encoder.Finish())).Timeseries);
        Assert.Equal((0, 0), (series.CreatedTimestamp, series.Samples[0].StartTimestamp));
    }

    [Fact]
    public void An_exemplar_carries_all_32_digits_of_the_trace_id() =>
        Assert.Equal(
            [$"{{__name__=traces_spanmetrics_latency_bucket,a=b,le=0.002}} 1@1780000000123 # {{trace=00000000000000ab01020304050607ef}} 0.25@1779999999000 {LatencyMetadata}"],
            Encode(new() { TraceIdLabelName = "trace" }, WithExemplar()));

    [Fact]
    public void No_exemplar_is_sent_if_the_endpoint_wants_none()
    {
        Assert.Equal(
            [$"{{__name__=traces_spanmetrics_latency_bucket,a=b,le=0.002}} 1@1780000000123 {LatencyMetadata}"],
            Encode(new() { SendExemplars = false }, WithExemplar()));
        Assert.Empty(Histogram(new() { SendExemplars = false }, 0).Exemplars);
    }

    [Fact]
    public void A_native_histogram_carries_its_buckets_and_exemplars()
    {
        var series = Histogram(new(), 0);
        var histogram = Assert.Single(series.Histograms);
        Assert.Equal(V2.Histogram.CountOneofCase.CountInt, histogram.CountCase);
        Assert.Equal(V2.Histogram.ZeroCountOneofCase.ZeroCountInt, histogram.ZeroCountCase);
        Assert.Equal((300UL, 12.5, 3, 1e-9, 7UL), (histogram.CountInt, histogram.Sum, histogram.Schema, histogram.ZeroThreshold, histogram.ZeroCountInt));
        Assert.Equal([(-5, 2U), (1000, 1U)], histogram.PositiveSpans.Select(s => (s.Offset, s.Length)));
        Assert.Equal([200, -150, 43], histogram.PositiveDeltas);
        Assert.Equal((Now, 0L), (histogram.Timestamp, histogram.StartTimestamp));
        Assert.Empty(series.Samples);
        Assert.Equal([(0.5, Now - 2), (0.75, Now - 1)], series.Exemplars.Select(e => (e.Value, e.Timestamp)));
    }

    [Fact]
    public void A_new_native_histogram_starts_with_an_empty_one()
    {
        var series = Histogram(new(), Now - 100);
        Assert.Equal([(0UL, Now - 100, 0L), (300UL, Now, Now - 100)], series.Histograms.Select(h => (h.CountInt, h.Timestamp, h.StartTimestamp)));
        Assert.Equal((3, 1e-9, 0, 0), (series.Histograms[0].Schema, series.Histograms[0].ZeroThreshold, series.Histograms[0].PositiveSpans.Count, series.Histograms[0].PositiveDeltas.Count));
        Assert.Equal(V2.Histogram.CountOneofCase.CountInt, series.Histograms[0].CountCase);
        Assert.Equal(Now - 100, series.CreatedTimestamp);
    }

    [Fact]
    public void A_staleness_marker_keeps_its_bits()
    {
        using var encoder = new WriteRequestV2Encoder(new(), Now);
        var marker = BitConverter.Int64BitsToDouble(SeriesPoint.StaleMarkerBits);
        encoder.Visit(new SeriesPoint { Labels = SeriesOf.Labels(("a", "b")), Name = SeriesOf.Calls, Value = marker, TimestampMs = Now });
        encoder.Visit(new SeriesPoint
        {
            Labels = SeriesOf.Labels(("a", "b")),
            Name = s_native,
            Value = marker,
            TimestampMs = Now,
            IsNative = true,
            Native = new() { Count = 0, Sum = marker, Schema = 3, ZeroThreshold = 0, ZeroCount = 0 },
        });
        var series = SeriesOf.ParseV2(Assert.Single(encoder.Finish())).Timeseries;
        Assert.Equal(SeriesPoint.StaleMarkerBits, BitConverter.DoubleToInt64Bits(series[0].Samples[0].Value));
        Assert.Equal(SeriesPoint.StaleMarkerBits, BitConverter.DoubleToInt64Bits(series[1].Histograms[0].Sum));
    }

    [Fact]
    public void Symbols_start_with_the_empty_text_appear_once_and_precede_the_series()
    {
        using var encoder = new WriteRequestV2Encoder(new(), Now);
        for (var i = 0; i < 5000; i++)
            encoder.Visit(new SeriesPoint { Labels = SeriesOf.Labels(("service", $"service-{i % 1700}"), ("i", $"{i}")), Name = SeriesOf.Calls, Value = i, TimestampMs = Now });
        foreach (var encoded in encoder.Finish())
        {
            var request = SeriesOf.ParseV2(encoded);
            Assert.Equal("", request.Symbols[0]);
            Assert.Equal(request.Symbols.Count, request.Symbols.Distinct().Count());
            var symbols = Google.Protobuf.MessageExtensions.ToByteArray(new V2.Request { Symbols = { request.Symbols } });
            Assert.Equal(symbols, Snappier.Snappy.DecompressToArray(encoded.Body.Span)[..symbols.Length]);
        }
    }

    [Fact]
    public void Requests_are_split_at_max_samples_and_each_has_its_own_symbols()
    {
        using var encoder = new WriteRequestV2Encoder(new() { MaxSamplesPerSend = 3 }, Now);
        var labels = SeriesOf.Labels(("service", "shop"));
        for (var i = 1; i <= 4; i++)
            encoder.Visit(new SeriesPoint { Labels = labels, Name = SeriesOf.Bucket, Bucket = SeriesOf.Le, Value = i, TimestampMs = Now, ZeroTimestampMs = Now - i });
        encoder.Visit(new SeriesPoint { Labels = labels, Name = SeriesOf.Calls, Value = 5, TimestampMs = Now });

        var requests = encoder.Finish();
        Assert.Equal([2, 2, 2, 3], requests.Select(r => r.Samples));
        Assert.All(requests, r => Assert.Equal((RemoteWriteProtocol.V2, Now), (r.Protocol, r.TimestampMs)));
        Assert.Equal(
            [
                .. Enumerable.Range(1, 4).Select(i => $"{{__name__=traces_spanmetrics_latency_bucket,le=0.002,service=shop}} 0@{Now - i} {i}@{Now} since {Now - i} {LatencyMetadata}"),
                $"{{__name__=traces_spanmetrics_calls_total,service=shop}} 5@{Now} {CallsMetadata}",
            ],
            requests.SelectMany(r => Texts(SeriesOf.ParseV2(r))));
    }

    [Fact]
    public void A_request_stays_within_the_limit_when_it_is_converted_to_1_0()
    {
        using var encoder = new WriteRequestV2Encoder(new() { MaxSamplesPerSend = int.MaxValue }, Now);
        var text = new string('x', 1 << 20);
        for (var i = 0; i < 5; i++)
            encoder.Visit(new SeriesPoint { Labels = SeriesOf.Labels(("i", $"{i}"), ("text", text)), Name = SeriesOf.Calls, Value = i, TimestampMs = Now });
        var requests = encoder.Finish();
        Assert.Equal([3, 2], requests.Select(r => r.Samples));
        Assert.All(requests, r => Assert.InRange(V1Transcoder.Transcode(r).RawBytes, 2 << 20, WriteRequestEncoder.MaxRawBytes));
    }

    [Fact]
    public void A_request_counts_its_content()
    {
        using var encoder = new WriteRequestV2Encoder(new(), Now);
        encoder.Visit(WithExemplar());
        encoder.Visit(new SeriesPoint { Labels = SeriesOf.Labels(("a", "b")), Name = SeriesOf.Calls, Value = 1, TimestampMs = Now, ZeroTimestampMs = Now - 1 });
        encoder.Visit(new SeriesPoint { Labels = SeriesOf.Labels(("a", "b")), Name = s_native, Value = 1, TimestampMs = Now, IsNative = true, Native = Native([]) });
        var request = Assert.Single(encoder.Finish());
        Assert.Equal((3, 1, 1, 4), (request.Samples, request.Histograms, request.Exemplars, request.AllSamples));
        Assert.Equal(Snappier.Snappy.DecompressToArray(request.Body.Span).Length, request.RawBytes);
    }

    [Fact]
    public void A_collection_without_series_makes_no_request()
    {
        using var encoder = new WriteRequestV2Encoder(new(), Now);
        Assert.Empty(encoder.Finish());
    }

    [Fact]
    public void Relabelled_series_are_sorted_again_and_those_that_are_dropped_are_counted()
    {
        var relabelling = new RelabelledSeries(new Relabeler(
        [
            new RelabelOptions { SourceLabels = ["service"], Regex = "drop", Action = RelabelAction.Drop },
            new RelabelOptions { SourceLabels = ["service"], TargetLabel = "Zservice" },
            new RelabelOptions { Action = RelabelAction.LabelDrop, Regex = "service" },
            new RelabelOptions { SourceLabels = ["__name__"], Regex = "traces_(.*)", TargetLabel = "__name__", Replacement = "t_$1" },
        ]));
        using var encoder = new WriteRequestV2Encoder(new() { Relabelling = relabelling }, Now);
        foreach (var service in (string[])["shop", "drop", "bank"])
            encoder.Visit(new SeriesPoint { Labels = SeriesOf.Labels(("service", service), ("zone", "1")), Name = SeriesOf.Bucket, Bucket = SeriesOf.Le, Value = 3, TimestampMs = Now });
        Assert.Equal(
            [
                $"{{Zservice=shop,__name__=t_spanmetrics_latency_bucket,le=0.002,zone=1}} 3@1780000000123 {LatencyMetadata}",
                $"{{Zservice=bank,__name__=t_spanmetrics_latency_bucket,le=0.002,zone=1}} 3@1780000000123 {LatencyMetadata}",
            ],
            Texts(SeriesOf.ParseV2(Assert.Single(encoder.Finish()))));
        Assert.Equal(1, encoder.DroppedSeries);
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

    private static NativeHistogramPoint Native(HistogramExemplar[] exemplars) => new()
    {
        Count = 300,
        Sum = 12.5,
        Schema = 3,
        ZeroThreshold = 1e-9,
        ZeroCount = 7,
        PositiveSpans = (HistogramSpan[])[new(-5, 2), new(1000, 1)],
        PositiveDeltas = (long[])[200, -150, 43],
        Exemplars = exemplars,
    };

    private static V2.TimeSeries Histogram(EncodingSettings settings, long zeroMs)
    {
        using var encoder = new WriteRequestV2Encoder(settings, Now);
        encoder.Visit(new SeriesPoint
        {
            Labels = SeriesOf.Labels(("a", "b")),
            Name = s_native,
            Value = 12.5,
            TimestampMs = Now,
            ZeroTimestampMs = zeroMs,
            IsNative = true,
            Native = Native([new(1, 0.5, Now - 2), new(2, 0.75, Now - 1)]),
        });
        return Assert.Single(SeriesOf.ParseV2(Assert.Single(encoder.Finish())).Timeseries);
    }

    private static string[] Encode(EncodingSettings settings, in SeriesPoint point)
    {
        using var encoder = new WriteRequestV2Encoder(settings, Now);
        encoder.Visit(point);
        return Texts(SeriesOf.ParseV2(Assert.Single(encoder.Finish())));
    }

    private static string[] Texts(V2.Request request) => [.. request.Timeseries.Select(s => SeriesOf.Text(request, s))];
}
