using System.Buffers;
using System.Buffers.Binary;
using OrleansTempo.Core.Configuration.Generator;
using OrleansTempo.Core.Generator.Samples;
using Kind = OrleansTempo.Tests.Otlp.Span.Types.SpanKind;

namespace OrleansTempo.Core.Tests.Generator.Samples;

public sealed class SeriesRecordingTests
{
    [Fact]
    public void A_replay_visits_what_was_recorded()
    {
        var bench = Bench();
        var visited = new Recorder();
        bench.Generator.Visit(visited);
        var replayed = new Recorder();

        SeriesRecording.Replay(Recorded(bench.Generator.Visit), replayed);

        Assert.Equal(visited.Samples, replayed.Samples);
        Assert.Contains(replayed.Samples.Values, s => s.Exemplar is not null);
        Assert.Contains(replayed.Samples.Values, s => s.Native is not null && s.NativeExemplars.Length > 0);
    }

    [Fact]
    public void Zeros_and_staleness_markers_are_kept()
    {
        Recorder collected = new(), replayed = new();
        Bench().Generator.Collect(collected);
        SeriesRecording.Replay(Recorded(v => Bench().Generator.Collect(v)), replayed);
        Assert.Equal(collected.Samples, replayed.Samples);
        Assert.Contains(replayed.Samples.Values, s => s.ZeroTimestampMs != 0);

        var ended = Bench();
        ended.Collect();
        ended.Time.Advance(TimeSpan.FromHours(1));
        var markers = new Recorder();
        SeriesRecording.Replay(Recorded(v => ended.Generator.Collect(v)), markers);
        Assert.Contains(markers.Samples.Values, s => s.IsStale);
    }

    [Fact]
    public void The_points_of_an_entity_share_one_label_set_again()
    {
        var labels = new List<LabelSet>();
        SeriesRecording.Replay(Recorded(Latencies(Bench())), new Labels(labels));
        Assert.NotEmpty(labels);
        Assert.Equal(labels.Distinct().Count(), labels.Distinct(ReferenceEqualityComparer.Instance).Count());
    }

    [Fact]
    public void A_series_takes_few_bytes()
    {
        var bench = new GeneratorBench();
        for (var i = 0; i < 100; i++)
            bench.Push("checkout-service", GeneratorBench.Span($"GET /orders/items/{i:D6}", Kind.Internal, 1));

        Assert.Equal(1900, bench.Generator.ActiveSeries);
        Assert.InRange(Recorded(Latencies(bench)).Length / 1700.0, 1, 15);
    }

    [Fact]
    public void A_recording_may_have_no_series()
    {
        var replayed = new Recorder();
        SeriesRecording.Replay(Recorded(_ => { }), replayed);
        Assert.Empty(replayed.Samples);
    }

    [Fact]
    public void Every_broken_byte_and_every_missing_end_is_noticed()
    {
        var recorded = Recorded(Bench().Generator.Visit);
        for (var i = 0; i < recorded.Length; i++)
        {
            Assert.Throws<InvalidDataException>(() => SeriesRecording.Replay(recorded.AsSpan(0, i), new Recorder()));
            recorded[i] ^= 4;
            Assert.Throws<InvalidDataException>(() => SeriesRecording.Replay(recorded, new Recorder()));
            recorded[i] ^= 4;
        }
    }

    [Fact]
    public void Forged_bytes_with_a_valid_checksum_give_series_or_InvalidDataException()
    {
        var recorded = Recorded(Bench().Generator.Visit);
        var random = new Random(1);
        for (var i = 0; i < 20_000; i++)
        {
            var forged = recorded.ToArray();
            for (var edits = random.Next(1, 4); edits > 0; edits--)
                forged[random.Next(forged.Length - 4)] = (byte)random.Next(256);
            BinaryPrimitives.WriteUInt32LittleEndian(forged.AsSpan(forged.Length - 4), Crc32C.Of(forged.AsSpan(0, forged.Length - 4)));
            try
            {
                SeriesRecording.Replay(forged, new Labels([]));
            }
            catch (InvalidDataException)
            {
            }
        }
    }

    private static GeneratorBench Bench()
    {
        var bench = new GeneratorBench(s => s with
        {
            SpanMetrics = s.SpanMetrics with { EnableTargetInfo = true },
            NativeHistograms = s.NativeHistograms with { Mode = HistogramMode.Both },
        });
        bench.Push([("service.name", "cart"), ("pod", "p1")], GeneratorBench.Span("a", Kind.Server, 1), GeneratorBench.Span("b", Kind.Internal, 2, seconds: 100));
        return bench;
    }

    // As they are read for a page: a family at a time.
    private static Action<ISeriesVisitor> Latencies(GeneratorBench bench) =>
        visitor => bench.Generator.Visit(bench.Generator.List(), "traces_spanmetrics_latency", 0, int.MaxValue, visitor);

    private static byte[] Recorded(Action<ISeriesVisitor> visit)
    {
        var output = new ArrayBufferWriter<byte>();
        var recording = new SeriesRecording(output);
        visit(recording);
        recording.Complete();
        return output.WrittenSpan.ToArray();
    }

    /// <summary>Keeps the labels of each point.</summary>
    private sealed class Labels(List<LabelSet> seen) : ISeriesVisitor
    {
        public void Visit(in SeriesPoint point) => seen.Add(point.Labels);
    }
}
