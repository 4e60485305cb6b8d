using System.Buffers.Binary;
using System.Text;
using OrleansTempo.Core.Configuration.Generator;
using OrleansTempo.Core.Generator.Registry;
using OrleansTempo.Core.Generator.Samples;
using OrleansTempo.Core.Generator.ServiceGraphs;
using OrleansTempo.Core.Overrides;
using OrleansTempo.Tests.Otlp;
using Kind = OrleansTempo.Tests.Otlp.Span.Types.SpanKind;

namespace OrleansTempo.Core.Tests.Generator.Snapshots;

public sealed class GeneratorSnapshotTests
{
    private const int Scenarios = 300;
    private const string Edge = """traces_service_graph_request_total{client="web",server="cart"}""";

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_stopped_and_restored_generator_gives_what_an_uninterrupted_one_gives(bool changes)
    {
        for (var seed = 1; seed <= Scenarios; seed++)
        {
            if (Difference(seed, changes) is { } difference)
                Assert.Fail($"seed {seed}: {difference}");
        }
    }

    [Fact]
    public void A_restored_series_continues_without_a_zero_and_ends_when_it_would_have()
    {
        var bench = new GeneratorBench();
        bench.Push("cart", Span("a"), Span("a"));
        bench.Time.Advance(TimeSpan.FromMinutes(7));
        bench.Push("cart", Span("b"));
        bench.Collect();

        bench.Restart();
        bench.Push("cart", Span("b"), Span("c"));
        var series = bench.Collect().Samples;
        bench.Time.Advance(TimeSpan.FromMinutes(8));
        var ended = bench.Collect().Samples;

        Assert.Equal((2, 0), (series[Calls("a")].Value, series[Calls("a")].ZeroTimestampMs));
        Assert.Equal((2, 0), (series[Calls("b")].Value, series[Calls("b")].ZeroTimestampMs));
        Assert.Equal((1, series[Calls("c")].TimestampMs - 999), (series[Calls("c")].Value, series[Calls("c")].ZeroTimestampMs));
        Assert.True(ended[Calls("a")].IsStale);
        Assert.Equal(2, ended[Calls("b")].Value);
    }

    [Fact]
    public void A_series_of_an_older_version_with_labels_that_Prometheus_refuses_is_skipped_and_the_others_continue()
    {
        var bench = new GeneratorBench(s => s with { HostInfoEnabled = true });
        bench.Push([("service.name", "cart"), ("host.id", "h1")], Span("a"));
        bench.Collect();
        var snapshot = bench.Snapshot();
        byte[] name = [0x0A, 7, .. "service"u8];
        for (var at = snapshot.AsSpan().IndexOf(name); at >= 0; at = snapshot.AsSpan().IndexOf(name))
            snapshot[at + 2] = (byte)'5';

        Assert.True(bench.Renew().TryRestore(WithChecksum(snapshot), out var reason), reason);

        Assert.Equal(["""traces_host_info{grafana_host_id="h1",host_source="host.id"}"""], bench.Collect().Series);
    }

    [Fact]
    public void A_series_that_was_never_collected_starts_with_its_zero_in_the_next_generator()
    {
        var bench = new GeneratorBench();
        var seenMs = bench.Time.NowMs;
        bench.Push("cart", Span("a"));
        bench.Time.Advance(TimeSpan.FromSeconds(5));

        bench.Restart();

        Assert.Equal(seenMs, bench.Collect().Samples[Calls("a")].ZeroTimestampMs);
    }

    [Fact]
    public void Waiting_edges_complete_or_expire_as_they_would_have()
    {
        var bench = new GeneratorBench();
        bench.Push("web", GeneratorBench.Span("call", Kind.Client, 1), GeneratorBench.Span("pay", Kind.Client, 2, attributes: ("peer.service", "bank")));
        bench.Time.Advance(TimeSpan.FromSeconds(9));

        bench.Restart();
        Assert.Equal(2, bench.Generator.WaitingEdges);
        bench.Push("cart", GeneratorBench.Span("call", Kind.Server, 3, parent: 1));
        var before = bench.Collect();
        bench.Time.Advance(TimeSpan.FromSeconds(1));
        var after = bench.Collect();

        Assert.Equal(1, before[Edge]);
        Assert.Equal(1, after["""traces_service_graph_request_total{client="web",connection_type="virtual_node",server="bank"}"""]);
        Assert.Equal(0, bench.Generator.WaitingEdges);
    }

    [Fact]
    public void Edges_continue_to_wait_only_if_the_dimensions_are_the_same()
    {
        var bench = new GeneratorBench();
        bench.Push("web", GeneratorBench.Span("call", Kind.Client, 1));

        bench.Restart(s => s with { ServiceGraphs = s.ServiceGraphs with { Wait = TimeSpan.FromSeconds(60) } });
        Assert.Equal(1, bench.Generator.WaitingEdges);
        bench.Restart(s => s with { ServiceGraphs = s.ServiceGraphs with { Dimensions = ["zone"] } });
        Assert.Equal(0, bench.Generator.WaitingEdges);
    }

    [Fact]
    public void With_other_settings_series_whose_labels_stay_the_same_continue_and_the_rest_ends()
    {
        var bench = new GeneratorBench();
        bench.Push("cart", Span("a"), Span("a"), GeneratorBench.Span("root", Kind.Server, 9));
        bench.Collect();

        bench.Restart(s => s with
        {
            ServiceGraphsRequest = false,
            ServiceGraphsLatency = false,
            SpanMetrics = s.SpanMetrics with { Dimensions = ["zone"], HistogramBuckets = [1] },
        });
        bench.Push("cart", Span("a"));

        var series = bench.Collect().Samples;
        Assert.Equal((3, 0), (series[Calls("a")].Value, series[Calls("a")].ZeroTimestampMs));
        Assert.Equal(1, series[Calls("a").Replace("calls_total", "latency_count")].Value);
        Assert.NotEqual(0, series[Calls("a").Replace("calls_total", "latency_count")].ZeroTimestampMs);
        var graph = series.Where(s => s.Key.StartsWith("traces_service_graph", StringComparison.Ordinal)).ToList();
        Assert.Equal(2 + 2 * 11, graph.Count + 1);
        Assert.All(graph, s => Assert.True(s.Value.IsStale));
    }

    [Fact]
    public void The_overflow_continues_and_the_limit_stays_used_up()
    {
        var bench = new GeneratorBench(s => s with { SpanMetricsLatency = false, SpanMetricsSize = false, MaxActiveSeries = 1 });
        bench.Push("cart", Span("a"), Span("b"));
        bench.Collect();

        bench.Restart();
        bench.Push("cart", Span("a"), Span("b"), Span("c"));

        var series = bench.Collect();
        Assert.Equal(2, series[Calls("a")]);
        Assert.Equal(3, series["""traces_spanmetrics_calls_total{metric_overflow="true"}"""]);
        Assert.DoesNotContain(Calls("c"), series.Series);
    }

    [Fact]
    public void Collections_and_zeros_are_later_than_what_was_sent_before()
    {
        var bench = new GeneratorBench();
        bench.Push("cart", Span("a"));
        var formerMs = bench.Time.NowMs + 5000;
        bench.Generator.StartAfter(formerMs);
        bench.Generator.StartAfter(formerMs - 1);

        var first = bench.Collect().Samples[Calls("a")];
        bench.Restart();
        bench.Push("cart", Span("b"));
        var second = bench.Collect().Samples[Calls("b")];

        Assert.Equal((formerMs + 1, 0), (first.TimestampMs, first.ZeroTimestampMs));
        Assert.Equal((formerMs + 2, 0), (second.TimestampMs, second.ZeroTimestampMs));
    }

    [Fact]
    public void A_generator_is_empty_before_its_first_span_and_after_everything_has_ended()
    {
        var bench = new GeneratorBench();
        Assert.True(bench.Generator.IsEmpty);
        bench.Push("web", GeneratorBench.Span("call", Kind.Client, 1));
        bench.Apply(s => s with { SpanMetricsCount = false, SpanMetricsLatency = false, SpanMetricsSize = false });
        Assert.False(bench.Generator.IsEmpty);
        bench.Collect();
        Assert.Equal(0, bench.Generator.ActiveSeries);
        Assert.False(bench.Generator.IsEmpty);
        bench.Time.Advance(TimeSpan.FromSeconds(10));
        bench.Collect();
        Assert.True(bench.Generator.IsEmpty);

        bench.Restart();

        Assert.True(bench.Generator.IsEmpty);
    }

    [Fact]
    public void A_generator_that_has_series_refuses_a_snapshot()
    {
        var bench = new GeneratorBench();
        bench.Push("cart", Span("a"));

        Assert.Throws<InvalidOperationException>(() => bench.Generator.TryRestore(bench.Snapshot(), out _));
    }

    [Fact]
    public void Bytes_that_are_not_a_snapshot_are_refused_with_the_reason()
    {
        var bench = Everything();
        var snapshot = bench.Snapshot();

        Assert.Equal("these bytes are not a generator's snapshot", Refusal(bench, []));
        Assert.Equal("these bytes are not a generator's snapshot", Refusal(bench, "something else"u8.ToArray()));
        Assert.Equal("the snapshot has version 1; only version 2 is supported", Refusal(bench, [.. snapshot[..8], 1, .. snapshot[9..]]));
        Assert.Equal("the snapshot is cut short: 100 bytes without the end mark", Refusal(bench, snapshot[..100]));
        Assert.Equal("the snapshot is corrupt: its checksum does not match", Refusal(bench, [.. snapshot[..100], 77, .. snapshot[101..]]));
        Assert.Equal("the snapshot belongs to tenant single-tenant, not to other", Refusal(new GeneratorBench(tenant: "other"), snapshot));
        Assert.Equal(
            "the snapshot is not valid: 1 unexpected bytes at the end",
            Refusal(bench, WithChecksum([.. snapshot[..^8], 0, .. snapshot[^8..]])));
    }

    [Fact]
    public void Every_broken_byte_and_every_missing_end_is_noticed()
    {
        var bench = Everything();
        var snapshot = bench.Snapshot();
        var generator = bench.New();
        for (var i = 0; i < snapshot.Length; i++)
        {
            Assert.False(generator.TryRestore(snapshot.AsSpan(0, i), out var reason));
            Assert.NotEmpty(reason);
            foreach (var flip in (byte[])[1, 0x80, 0xFF])
            {
                snapshot[i] ^= flip;
                Assert.False(generator.TryRestore(snapshot, out reason));
                Assert.NotEmpty(reason);
                snapshot[i] ^= flip;
            }
        }

        Assert.True(generator.IsEmpty);
        Assert.True(generator.TryRestore(snapshot, out _));
        Assert.Equal(bench.Generator.ActiveSeries, generator.ActiveSeries);
    }

    [Fact]
    public void Forged_bytes_with_a_valid_checksum_break_nothing_and_take_no_more_memory_than_their_length_justifies()
    {
        var bench = Everything();
        var snapshot = bench.Snapshot();
        var random = new Random(1);
        for (var i = 0; i < 5000; i++)
        {
            var forged = snapshot.ToList();
            for (var edits = random.Next(1, 4); edits > 0; edits--)
            {
                var at = random.Next(9, forged.Count - 8);
                switch (random.Next(3))
                {
                    case 0:
                        forged[at] = (byte)random.Next(256);
                        break;
                    case 1:
                        forged.Insert(at, (byte)random.Next(256));
                        break;
                    default:
                        forged.RemoveAt(at);
                        break;
                }
            }

            var generator = bench.New();
            var before = GC.GetAllocatedBytesForCurrentThread();
            var restored = generator.TryRestore(WithChecksum([.. forged]), out _);
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1000L * forged.Count);
            if (!restored)
                continue;
            generator.Collect(new Nothing());
            generator.Collect(new Nothing());
        }
    }

    [Fact]
    public void A_series_of_span_metrics_takes_few_bytes()
    {
        var bench = new GeneratorBench(s => s with { ServiceGraphsRequest = false, ServiceGraphsLatency = false });
        var random = new Random(1);
        for (var i = 0; i < 3000; i++)
            bench.Push("checkout-service", GeneratorBench.Span($"GET /orders/items/{i % 1000:D6}", Kind.Server, 1, seconds: random.NextDouble()));
        bench.Collect();

        Assert.Equal(19_000, bench.Generator.ActiveSeries);
        Assert.InRange(bench.Snapshot().Length / 19_000.0, 1, 9);
    }

    /// <summary>The difference between two generators of which one was restarted now and then; null for none.</summary>
    private static string? Difference(int seed, bool changes)
    {
        var random = new Random(seed);
        var scenarios = Enumerable.Range(1000 * seed, 4).Select(GeneratorScenario.Draw)
            .Where(s => DimensionLabels.Collision(s.Settings.SpanMetrics) is null).ToList();
        if (scenarios.Count == 0)
            return null;
        var stale = TimeSpan.FromSeconds(random.Next(3, 40));

        // Under a limit, it does make a difference whether settings change with a restart: entities that need not be adopted first are
        // refused earlier.
        var max = changes ? 0 : random.Next(4) * 40;
        var maxEntities = changes ? 0 : random.Next(4) * 3;
        var type = (LimiterType)random.Next(2);
        GeneratorSettings Settings(int scenario) => scenarios[scenario].Settings with
        {
            MaxActiveSeries = max,
            MaxActiveEntities = maxEntities,
            LimiterType = type,
            NativeHistograms = new NativeHistogramOptions
            {
                Mode = (HistogramMode)((scenario + seed) % 3),
                BucketFactor = scenario < 2 ? 1.1 : 1.5,
                MaxBucketNumber = 2,
                MinResetDuration = TimeSpan.FromSeconds(seed % 8),
            },
            Registry = scenarios[scenario].Settings.Registry with { StaleDuration = stale },
        };

        var steady = new GeneratorBench(_ => Settings(0));
        var restarted = new GeneratorBench(_ => Settings(0));
        using var steadyMetrics = steady.Metrics;
        using var steadyCounters = steady.Counters;
        using var restartedMetrics = restarted.Metrics;
        using var restartedCounters = restarted.Counters;
        var requests = scenarios.SelectMany(s => s.Steps).Select(s => s.Request).OfType<ExportTraceServiceRequest>().ToList();
        if (requests.Count == 0)
            return null;
        for (var step = 0; step < 40; step++)
        {
            switch (random.Next(16))
            {
                case < 7:
                    var request = requests[random.Next(requests.Count)].Clone();
                    foreach (var span in request.ResourceSpans.SelectMany(r => r.ScopeSpans).SelectMany(s => s.Spans))
                    {
                        span.StartTimeUnixNano += steady.Time.NowNanos - GeneratorScenario.Epoch;
                        span.EndTimeUnixNano += steady.Time.NowNanos - GeneratorScenario.Epoch;
                    }

                    steady.Push(request);
                    restarted.Push(request);
                    break;
                case < 10:
                    var advance = TimeSpan.FromMilliseconds(random.Next(6000));
                    steady.Time.Advance(advance);
                    restarted.Time.Advance(advance);
                    break;
                case 10:
                    var other = Settings(random.Next(scenarios.Count)) with { DisableCollection = random.Next(4) == 0 };
                    steady.Apply(_ => other);
                    if (changes)
                        restarted.Restart(_ => other);
                    else
                        restarted.Apply(_ => other);
                    break;
                case < 14:
                    restarted.Restart();
                    break;
                default:
                    if (Difference(steady.Collect(), restarted.Collect()) is { } difference)
                        return $"step {step}: {difference}\n{steady.Settings}";
                    break;
            }

            if (!changes && !steady.Snapshot().AsSpan().SequenceEqual(restarted.Snapshot()))
                return $"step {step}: they write different snapshots";
            if (steady.Generator.WaitingEdges != restarted.Generator.WaitingEdges)
                return $"step {step}: {restarted.Generator.WaitingEdges} edges wait, expected {steady.Generator.WaitingEdges}";
            if (steady.Generator.ActiveSeries != restarted.Generator.ActiveSeries)
                return $"step {step}: {restarted.Generator.ActiveSeries} active series, expected {steady.Generator.ActiveSeries}";
        }

        return null;
    }

    private static string? Difference(Recorder steady, Recorder restarted)
    {
        foreach (var series in steady.Series.Union(restarted.Series))
        {
            var expected = steady.Samples.GetValueOrDefault(series);
            var sample = restarted.Samples.GetValueOrDefault(series);

            // Exemplars since the last collection may be lost.
            if (sample is not null && sample.Exemplar is null)
                expected = expected is null ? null : expected with { Exemplar = null, ExemplarValue = 0 };
            sample = sample is null ? null : sample with { NativeExemplars = "" };
            expected = expected is null ? null : expected with { NativeExemplars = "" };
            if (sample != expected)
                return $"{series} is {sample}, expected {expected}";
        }

        return null;
    }

    /// <summary>A generator with one of everything that a snapshot can contain.</summary>
    private static GeneratorBench Everything()
    {
        var bench = new GeneratorBench(s => s with
        {
            MaxActiveSeries = 60,
            NativeHistograms = s.NativeHistograms with { Mode = HistogramMode.Both, MaxBucketNumber = 1 },
            HostInfoEnabled = true,
            SpanMetrics = s.SpanMetrics with { EnableTargetInfo = true },
            ServiceGraphs = s.ServiceGraphs with { Dimensions = ["zone"] },
        });
        (string, object)[] web = [("service.name", "web"), ("zone", "z1"), ("host.id", "h1")];
        bench.Push(web, GeneratorBench.Span("root", Kind.Server, 1), GeneratorBench.Span("root", Kind.Server, 7, seconds: 2), GeneratorBench.Span("call", Kind.Client, 2), GeneratorBench.Span("call", Kind.Client, 3, attributes: ("peer.service", "bank")));
        bench.Push("cart", GeneratorBench.Span("call", Kind.Server, 4, parent: 2));
        bench.Collect();
        bench.Push(web, GeneratorBench.Span("pay", Kind.Client, 5));
        bench.Apply(s => s with { SpanMetrics = s.SpanMetrics with { EnableTargetInfo = false, Dimensions = ["zone"] } });
        bench.Push(web, GeneratorBench.Span("root", Kind.Server, 6));
        return bench;
    }

    private static string Refusal(GeneratorBench bench, byte[] bytes)
    {
        Assert.False(bench.New().TryRestore(bytes, out var reason));
        return reason;
    }

    private static byte[] WithChecksum(byte[] bytes)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(bytes.Length - 4), Crc32C.Of(bytes.AsSpan(0, bytes.Length - 4)));
        return bytes;
    }

    // An internal span, which the service graph ignores.
    private static Span Span(string name) => GeneratorBench.Span(name, Kind.Internal, 1);

    private static string Calls(string span) =>
        $$"""traces_spanmetrics_calls_total{service="cart",span_kind="SPAN_KIND_INTERNAL",span_name="{{span}}",status_code="STATUS_CODE_UNSET"}""";

    /// <summary>Accepts series that may be nonsense, except for their texts.</summary>
    private sealed class Nothing : ISeriesVisitor
    {
        public void Visit(in SeriesPoint point) => Assert.All(point.Labels.Decode(), l => Assert.Equal(l.Value, Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(l.Value))));
    }
}
