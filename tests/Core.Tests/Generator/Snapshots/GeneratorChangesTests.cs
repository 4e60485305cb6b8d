using System.Buffers;
using System.Buffers.Binary;
using OrleansTempo.Core.Configuration.Generator;
using OrleansTempo.Core.Generator.ServiceGraphs;
using OrleansTempo.Core.Overrides;
using OrleansTempo.Tests.Otlp;
using Kind = OrleansTempo.Tests.Otlp.Span.Types.SpanKind;
using Span = OrleansTempo.Tests.Otlp.Span;

namespace OrleansTempo.Core.Tests.Generator.Snapshots;

public sealed class GeneratorChangesTests
{
    private const int Scenarios = 300;

    [Fact]
    public void A_snapshot_and_the_changes_after_it_equal_a_snapshot_in_their_place()
    {
        var changes = 0;
        for (var seed = 1; seed <= Scenarios; seed++)
        {
            if (Difference(seed, ref changes) is { } difference)
                Assert.Fail($"seed {seed}: {difference}");
        }

        Assert.InRange(changes, Scenarios, int.MaxValue);
    }

    [Fact]
    public void Changes_contain_only_series_that_were_updated_or_have_ended()
    {
        var bench = new GeneratorBench(s => s with { ServiceGraphsRequest = false, ServiceGraphsLatency = false });
        for (var i = 0; i < 1000; i++)
            bench.Push("cart", Span($"GET /{i:D4}"));
        var records = new List<ReadOnlyMemory<byte>> { Collect(bench) };
        bench.Time.Advance(TimeSpan.FromMinutes(14));
        for (var i = 0; i < 10; i++)
            bench.Push("cart", Span($"GET /{i:D4}"));
        records.Add(CollectChanges(bench));
        bench.Time.Advance(TimeSpan.FromSeconds(15));
        records.Add(CollectChanges(bench));
        var active = bench.Generator.ActiveSeries;
        bench.Time.Advance(TimeSpan.FromMinutes(2));
        records.Add(CollectChanges(bench));

        Assert.InRange(records[1].Length, 1, records[0].Length / 50);
        Assert.InRange(records[2].Length, 1, 300);
        Assert.Equal((19_000, 190), (active, bench.Generator.ActiveSeries));
        foreach (var (count, series) in ((int, int)[])[(1, 19_000), (2, 19_000), (3, 19_000), (4, 190)])
        {
            var restored = bench.New();
            Assert.True(restored.TryRestore(records[..count], 0, out var reason), reason);
            Assert.Equal(series, restored.ActiveSeries);
        }
    }

    [Fact]
    public void If_more_changed_than_was_counted_a_whole_snapshot_is_needed()
    {
        var bench = new GeneratorBench();
        var output = new ArrayBufferWriter<byte>();
        bench.Push("cart", Span("a"));
        bench.Collect();
        Assert.False(bench.Generator.TryWriteChanges(output));

        // Before the first collection, series that were counted long ago may still be new.
        bench = new GeneratorBench();
        bench.Push("cart", Span("a"));
        bench.Snapshot();
        Assert.False(bench.Generator.TryWriteChanges(output));

        Collect(bench);
        bench.Apply(s => s with { SpanMetrics = s.SpanMetrics with { Dimensions = ["zone"] } });
        Assert.False(bench.Generator.TryWriteChanges(output));
        bench.Snapshot();
        Assert.False(bench.Generator.TryWriteChanges(output));

        // By a clock that was set back, it looks as if it had been counted before.
        bench = new GeneratorBench();
        bench.Generator.StartAfter(bench.Time.NowMs + 60_000);
        Collect(bench);
        bench.Push("cart", Span("a"));
        Assert.False(bench.Generator.TryWriteChanges(output));

        bench = new GeneratorBench(s => s with { DisableCollection = true });
        bench.Push("cart", Span("a"));
        Collect(bench);
        Assert.False(bench.Generator.TryWriteChanges(output));
        bench.Apply(s => s with { DisableCollection = false });
        bench.Time.Advance(TimeSpan.FromSeconds(1));
        bench.Collect();
        Assert.False(bench.Generator.TryWriteChanges(output));
        Assert.Equal(0, output.WrittenCount);
    }

    [Fact]
    public void Changes_that_do_not_follow_the_previous_record_are_refused_with_the_reason()
    {
        var (bench, records) = Three();
        var other = new GeneratorBench(s => s with { SpanMetricsSize = false });
        other.Push("cart", Span("a"));
        Collect(other);
        other.Time.Advance(TimeSpan.FromSeconds(15));
        var foreign = CollectChanges(other);

        Assert.Equal(
            $"record 1 after the snapshot: changes since the collection at {bench.Time.NowMs - 16_000} follow the collection at {bench.Time.NowMs - 32_000}",
            Refusal(bench, records[0], records[2]));
        Assert.Equal("record 1 after the snapshot: these bytes are not a generator's changes", Refusal(bench, records[0], records[0]));
        Assert.Equal("these bytes are not a generator's snapshot", Refusal(bench, records[1], records[2]));
        Assert.Equal("record 1 after the snapshot: changes have other metrics than the snapshot before them", Refusal(bench, records[0], foreign));
        Assert.Equal(
            "record 1 after the snapshot: the snapshot is corrupt: its checksum does not match",
            Refusal(bench, records[0], (byte[])[.. records[1].Span[..40], 77, .. records[1].Span[41..]]));
    }

    [Fact]
    public void A_snapshot_older_than_what_was_sent_is_refused()
    {
        var (bench, records) = Three();
        var generator = bench.New();

        Assert.False(generator.TryRestore(records, bench.Time.NowMs + 1, out var reason));
        Assert.Equal($"it was taken at collection {bench.Time.NowMs}, but samples up to collection {bench.Time.NowMs + 1} may have been sent", reason);
        Assert.False(generator.TryRestore(records[..1], bench.Time.NowMs, out _));
        Assert.True(generator.IsEmpty);
        Assert.True(generator.TryRestore(records, bench.Time.NowMs, out reason), reason);
        Assert.Equal(bench.Time.NowMs, generator.LastCollectionMs);
    }

    [Fact]
    public void Forged_changes_with_a_valid_checksum_break_nothing()
    {
        var (bench, records) = Three();
        var random = new Random(1);
        var refused = 0;
        for (var i = 0; i < 3000; i++)
        {
            byte[] forged = [.. records[1].Span];
            for (var edits = random.Next(1, 4); edits > 0; edits--)
                forged[random.Next(9, forged.Length - 8)] = (byte)random.Next(256);
            BinaryPrimitives.WriteUInt32LittleEndian(forged.AsSpan(forged.Length - 4), Crc32C.Of(forged.AsSpan(0, forged.Length - 4)));
            var generator = bench.New();
            if (generator.TryRestore([records[0], forged], 0, out _))
                generator.Collect(new Recorder());
            else
                refused++;
        }

        Assert.InRange(refused, 1000, 2999);
    }

    // The difference between two generators restored to the last collection: one from its records, the other from a snapshot.
    private static string? Difference(int seed, ref int changes)
    {
        var random = new Random(seed);
        var scenarios = Enumerable.Range(7000 * seed, 3).Select(GeneratorScenario.Draw)
            .Where(s => DimensionLabels.Collision(s.Settings.SpanMetrics) is null).ToList();
        var requests = scenarios.SelectMany(s => s.Steps).Select(s => s.Request).OfType<ExportTraceServiceRequest>().ToList();
        if (requests.Count == 0)
            return null;
        var stale = TimeSpan.FromSeconds(random.Next(3, 40));
        var max = random.Next(3) * 60;

        // With few buckets, which soon become coarser and reset between two collections, whether anything is counted or not.
        var native = new NativeHistogramOptions
        {
            Mode = (HistogramMode)random.Next(3),
            MaxBucketNumber = 2,
            MinResetDuration = TimeSpan.FromSeconds(random.Next(1, 10)),
        };
        GeneratorSettings Settings(int scenario) => scenarios[scenario].Settings with
        {
            MaxActiveSeries = max,
            NativeHistograms = native,
            Registry = scenarios[scenario].Settings.Registry with { StaleDuration = stale },
        };

        var recording = new GeneratorBench(_ => Settings(0));
        var whole = new GeneratorBench(_ => Settings(0));
        using var recordingMetrics = recording.Metrics;
        using var recordingCounters = recording.Counters;
        using var wholeMetrics = whole.Metrics;
        using var wholeCounters = whole.Counters;
        List<ReadOnlyMemory<byte>> records = [recording.Snapshot()];
        var snapshot = whole.Snapshot();
        for (var step = 0; step < 60; step++)
        {
            switch (random.Next(20))
            {
                case < 8:
                    var request = requests[random.Next(requests.Count)].Clone();
                    foreach (var span in request.ResourceSpans.SelectMany(r => r.ScopeSpans).SelectMany(s => s.Spans))
                    {
                        span.StartTimeUnixNano += recording.Time.NowNanos - GeneratorScenario.Epoch;
                        span.EndTimeUnixNano += recording.Time.NowNanos - GeneratorScenario.Epoch;
                    }

                    recording.Push(request);
                    whole.Push(request);
                    break;
                case < 11:
                    var advance = TimeSpan.FromMilliseconds(random.Next(3) * random.Next(6000));
                    recording.Time.Advance(advance);
                    whole.Time.Advance(advance);
                    break;
                case 11 when random.Next(4) == 0:
                    var other = Settings(random.Next(scenarios.Count)) with { DisableCollection = random.Next(4) == 0 };
                    recording.Apply(_ => other);
                    whole.Apply(_ => other);
                    break;
                case < 14:
                    Assert.True(recording.TryRestart(records, out var reason), $"seed {seed}, step {step}: {reason}");
                    Assert.True(whole.TryRestart([snapshot], out reason), reason);
                    break;
                default:
                    if (Difference(whole.Collect(), recording.Collect()) is { } difference)
                        return $"step {step}: {difference}\n{whole.Settings}";
                    snapshot = whole.Snapshot();
                    var output = new ArrayBufferWriter<byte>();
                    if (recording.Generator.TryWriteChanges(output))
                    {
                        records.Add(output.WrittenMemory);
                        changes++;
                    }
                    else
                    {
                        records = [recording.Snapshot()];
                    }

                    break;
            }

            if (whole.Generator.WaitingEdges != recording.Generator.WaitingEdges)
                return $"step {step}: {recording.Generator.WaitingEdges} edges wait, expected {whole.Generator.WaitingEdges}";
            if (whole.Generator.ActiveSeries != recording.Generator.ActiveSeries)
                return $"step {step}: {recording.Generator.ActiveSeries} active series, expected {whole.Generator.ActiveSeries}";
        }

        return null;
    }

    private static string? Difference(Recorder expected, Recorder found)
    {
        foreach (var series in expected.Series.Union(found.Series))
        {
            if (expected.Samples.GetValueOrDefault(series) != found.Samples.GetValueOrDefault(series))
                return $"{series} is {found.Samples.GetValueOrDefault(series)}, expected {expected.Samples.GetValueOrDefault(series)}";
        }

        return null;
    }

    private static (GeneratorBench Bench, List<ReadOnlyMemory<byte>> Records) Three()
    {
        var bench = new GeneratorBench();
        bench.Push("web", Span("a"), GeneratorBench.Span("call", Kind.Client, 1));
        var records = new List<ReadOnlyMemory<byte>> { Collect(bench) };
        for (var i = 0; i < 2; i++)
        {
            bench.Time.Advance(TimeSpan.FromSeconds(15));
            bench.Push("web", Span("a"), Span("b"), GeneratorBench.Span("call", Kind.Client, 1));
            records.Add(CollectChanges(bench));
        }

        return (bench, records);
    }

    private static byte[] Collect(GeneratorBench bench)
    {
        bench.Collect();
        return bench.Snapshot();
    }

    private static ReadOnlyMemory<byte> CollectChanges(GeneratorBench bench)
    {
        bench.Collect();
        var output = new ArrayBufferWriter<byte>();
        Assert.True(bench.Generator.TryWriteChanges(output));
        return output.WrittenMemory;
    }

    private static string Refusal(GeneratorBench bench, params ReadOnlyMemory<byte>[] records)
    {
        var generator = bench.New();
        Assert.False(generator.TryRestore(records, 0, out var reason));
        Assert.True(generator.IsEmpty);
        return reason;
    }

    private static Span Span(string name) => GeneratorBench.Span(name, Kind.Internal, 1);
}
