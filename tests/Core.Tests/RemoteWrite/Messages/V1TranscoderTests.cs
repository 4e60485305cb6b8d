using FsCheck;
using FsCheck.Fluent;
using OrleansTempo.Core.Generator.NativeHistograms;
using OrleansTempo.Core.Generator.Samples;
using OrleansTempo.Core.RemoteWrite;
using OrleansTempo.Core.RemoteWrite.Messages;
using V2 = OrleansTempo.Tests.Prometheus.V2;

namespace OrleansTempo.Core.Tests.RemoteWrite.Messages;

public sealed class V1TranscoderTests
{
    private const long Now = 1_780_000_000_123;

    [Fact]
    public void A_converted_request_equals_one_encoded_as_1_0()
    {
        var series = from labels in Gen.Zip(Text, Text).ListOf()
                     from kind in Gen.Choose(0, 2)
                     from value in ArbMap.Default.GeneratorFor<double>()
                     from hasZero in ArbMap.Default.GeneratorFor<bool>()
                     from hasExemplar in ArbMap.Default.GeneratorFor<bool>()
                     select new Series(SeriesOf.Labels([.. labels.Where(l => l.Item1.Length > 0 && l.Item2.Length > 0 && l.Item1 is not ("__name__" or "le")).DistinctBy(l => l.Item1).Select(l => (l.Item1, l.Item2))]), kind, value, hasZero, hasExemplar);
        Prop.ForAll(series.ListOf().ToArbitrary(), all =>
        {
            using var direct = new WriteRequestEncoder(new() { MaxSamplesPerSend = 7 }, Now);
            using var newer = new WriteRequestV2Encoder(new() { MaxSamplesPerSend = 7 }, Now);
            foreach (var one in all)
            {
                one.Visit(direct);
                one.Visit(newer);
            }

            var expected = direct.Finish();
            var written = newer.Finish().Select(V1Transcoder.Transcode).ToList();
            Assert.Equal(expected.Select(r => (r.Protocol, r.RawBytes, r.Samples, r.Exemplars, r.TimestampMs)), written.Select(r => (r.Protocol, r.RawBytes, r.Samples, r.Exemplars, r.TimestampMs)));
            Assert.Equal(expected.Select(r => r.Body.ToArray()), written.Select(r => r.Body.ToArray()));
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void A_request_in_1_0_stays_as_it_is()
    {
        using var encoder = new WriteRequestEncoder(new(), Now);
        encoder.Visit(new SeriesPoint { Labels = SeriesOf.Labels(("a", "b")), Name = SeriesOf.Calls, Value = 1, TimestampMs = Now });
        var request = Assert.Single(encoder.Finish());
        Assert.Same(request, V1Transcoder.Transcode(request));
    }

    [Fact]
    public void A_native_histogram_only_loses_its_start_timestamp()
    {
        using var encoder = new WriteRequestV2Encoder(new(), Now);
        encoder.Visit(new SeriesPoint
        {
            Labels = SeriesOf.Labels(("a", "b")),
            Name = new("traces_spanmetrics_latency", Core.Generator.Samples.MetricType.Histogram),
            Value = 12.5,
            TimestampMs = Now,
            ZeroTimestampMs = Now - 5,
            IsNative = true,
            Native = new()
            {
                Count = 300,
                Sum = 12.5,
                Schema = 3,
                ZeroThreshold = 1e-9,
                ZeroCount = 7,
                PositiveSpans = (HistogramSpan[])[new(-5, 2), new(1000, 1)],
                PositiveDeltas = (long[])[200, -150, 43],
                Exemplars = (HistogramExemplar[])[new(1, 0.5, Now - 2)],
            },
        });
        var request = Assert.Single(encoder.Finish());
        var expected = Assert.Single(SeriesOf.ParseV2(request).Timeseries).Histograms;
        foreach (var histogram in expected)
            histogram.StartTimestamp = 0;

        var transcoded = V1Transcoder.Transcode(request);
        Assert.Equal((2, 0, 1), (transcoded.Histograms, transcoded.Samples, transcoded.Exemplars));
        Assert.Equal(
            "{__name__=traces_spanmetrics_latency,a=b} # {traceID=00000000000000000000000000000001} 0.5@1780000000121"
            + " 0/0 schema 3 zero 0 [] []@1780000000118 300/12.5 schema 3 zero 7 [-5:2 1000:1] [200 -150 43]@1780000000123",
            SeriesOf.Text(Assert.Single(SeriesOf.Parse(transcoded).Timeseries)));
        Assert.Equal(expected, V1Histograms(transcoded));
    }

    [Fact]
    public void A_corrupt_request_is_an_InvalidDataException()
    {
        using var encoder = new WriteRequestV2Encoder(new(), Now);
        for (var i = 0; i < 20; i++)
            encoder.Visit(new SeriesPoint { Labels = SeriesOf.Labels(("a", $"{i}")), Name = SeriesOf.Calls, Value = i, TimestampMs = Now });
        var request = Assert.Single(encoder.Finish());
        var raw = Snappier.Snappy.DecompressToArray(request.Body.Span);
        for (var i = 0; i < raw.Length; i++)
        {
            var damaged = (byte[])raw.Clone();
            damaged[i] ^= 0x55;

            // Refused, or read as something that a receiver can refuse; never another exception.
            try
            {
                V1Transcoder.Transcode(request with { Body = WriteRequestEncoder.Compress(damaged) });
            }
            catch (InvalidDataException)
            {
            }
        }

        Assert.Throws<InvalidDataException>(() => V1Transcoder.Transcode(request with { Body = WriteRequestEncoder.Compress(raw.AsSpan(0, raw.Length - 1)) }));
        Assert.Throws<InvalidDataException>(() => V1Transcoder.Transcode(request with { Body = request.Body[..^1] }));
    }

    private static Gen<string> Text => Gen.Elements("a", "Upper", "_", "le_not", "service", "ü", "日本", "").Or(Gen.Choose(0, 400).Select(i => new string('x', i)));

    // WriteRequest.timeseries.histograms, which have the same fields in 1.0 as in 2.0.
    private static List<V2.Histogram> V1Histograms(RemoteWriteRequest request)
    {
        var histograms = new List<V2.Histogram>();
        for (var series = new MessageFields(Snappier.Snappy.DecompressToArray(request.Body.Span)); series.MoveNext();)
        {
            for (var fields = new MessageFields(series.Content); fields.MoveNext();)
            {
                if (fields.Number == 4)
                    histograms.Add(V2.Histogram.Parser.ParseFrom(fields.Content.ToArray()));
            }
        }

        return histograms;
    }

    private sealed record Series(LabelSet Labels, int Kind, double Value, bool HasZero, bool HasExemplar)
    {
        public void Visit(ISeriesVisitor visitor) => visitor.Visit(new SeriesPoint
        {
            Labels = Labels,
            Name = Kind == 0 ? SeriesOf.Calls : SeriesOf.Bucket,
            Bucket = Kind == 2 ? SeriesOf.Le : null,
            Value = Value,
            TimestampMs = Now,
            ZeroTimestampMs = HasZero ? Now - 100 : 0,
            ExemplarTraceId = HasExemplar ? (byte[])[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16] : default,
            ExemplarValue = Value,
            ExemplarTimestampMs = Now - 1,
        });
    }
}
