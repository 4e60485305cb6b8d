using Google.Protobuf;
using OrleansTempo.Core.Generator;
using OrleansTempo.Core.Ingester;
using OrleansTempo.Core.Overrides;
using OrleansTempo.Tests.Otlp;
using Kind = OrleansTempo.Tests.Otlp.Span.Types.SpanKind;
using Span = OrleansTempo.Tests.Otlp.Span;

namespace OrleansTempo.Core.Tests.Generator;

public sealed class GeneratorShardTests
{
    private static readonly GeneratorShard s_third = new(3, 8);

    [Theory]
    [InlineData(3, 8, "3-of-8")]
    [InlineData(0, 2, "0-of-2")]
    [InlineData(0, 1, "all")]
    [InlineData(0, 0, "all")]
    public void A_shard_is_named_by_its_index_and_the_number_of_shards(int index, int count, string expected) =>
        Assert.Equal(expected, new GeneratorShard(index, count).ToString());

    [Theory]
    [InlineData(8, 8)]
    [InlineData(-1, 8)]
    [InlineData(1, 0)]
    [InlineData(0, -1)]
    public void A_generator_of_a_shard_that_does_not_exist_is_refused(int index, int count) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new GeneratorBench(shard: new(index, count)));

    [Fact]
    public void All_series_of_a_shard_carry_its_label_whatever_else_has_that_name()
    {
        var bench = new GeneratorBench(
            s => s with
            {
                Registry = s.Registry with { ExternalLabels = new Dictionary<string, string> { [GeneratorShard.LabelName] = "mine", ["cluster"] = "c1" } },
                SpanMetrics = s.SpanMetrics with { Dimensions = [GeneratorShard.LabelName] },
                MaxActiveSeries = 8 * 45,
            },
            shard: s_third);
        bench.Push("web", GeneratorBench.Span("root", Kind.Server, 1, attributes: (GeneratorShard.LabelName, "yours")));
        bench.Push("web", GeneratorBench.Span("b", Kind.Internal, 2));

        var series = bench.Collect().Series.ToList();

        Assert.Contains("""traces_service_graph_request_total{__metrics_gen_instance="3-of-8",client="user",cluster="c1",connection_type="virtual_node",server="web"}""", series);
        Assert.Contains(series, s => s.Contains("metric_overflow=\"true\"", StringComparison.Ordinal));
        Assert.All(series, s => Assert.Contains("__metrics_gen_instance=\"3-of-8\"", s, StringComparison.Ordinal));
    }

    [Fact]
    public void A_tenant_that_is_not_sharded_has_no_such_label()
    {
        var bench = new GeneratorBench(shard: new(0, 1));
        bench.Push("web", GeneratorBench.Span("root", Kind.Server, 1));

        Assert.DoesNotContain(bench.Collect().Series, s => s.Contains(GeneratorShard.LabelName, StringComparison.Ordinal));
    }

    [Fact]
    public void Only_the_first_shard_writes_info_metrics()
    {
        string[] Info(GeneratorShard shard, Func<GeneratorSettings, GeneratorSettings> configure)
        {
            var bench = new GeneratorBench(s => configure(s with { ServiceGraphsConnectionInfo = true, HostInfoEnabled = true, SpanMetrics = s.SpanMetrics with { EnableTargetInfo = true } }), shard: shard);
            bench.Push([("service.name", "web"), ("host.id", "h1")], GeneratorBench.Span("root", Kind.Server, 1));
            var series = bench.Collect().Series.ToList();
            Assert.All(series.Where(s => s.StartsWith("traces_spanmetrics", StringComparison.Ordinal)), s => Assert.Contains("job=\"web\"", s, StringComparison.Ordinal));
            return [.. series.Where(s => s.Contains("_info{", StringComparison.Ordinal)).Order(StringComparer.Ordinal)];
        }

        Assert.Equal(
            [
                """traces_host_info{__metrics_gen_instance="0-of-2",grafana_host_id="h1",host_source="host.id"}""",
                """traces_service_graph_connection_info{__metrics_gen_instance="0-of-2",client="user",connection_type="virtual_node",server="web"}""",
                """traces_target_info{__metrics_gen_instance="0-of-2",host_id="h1",job="web"}""",
            ],
            Info(new(0, 2), s => s));
        Assert.Empty(Info(new(1, 2), s => s));
        Assert.Empty(Info(new(1, 2), s => s with { ServiceGraphsRequest = false, ServiceGraphsLatency = false }));
    }

    [Theory]
    [InlineData(17, 3)]
    [InlineData(16, 2)]
    [InlineData(1, 1)]
    public void A_shard_has_its_share_of_the_limit_of_series_rounded_up(int max, int part)
    {
        var bench = new GeneratorBench(s => s with { MaxActiveSeries = max, SpanMetricsLatency = false, SpanMetricsSize = false }, shard: s_third);
        bench.Push("web", [.. Enumerable.Range(0, 20).Select(i => GeneratorBench.Span($"s{i}", Kind.Internal, 1))]);

        Assert.Equal(part, bench.Collect().Series.Count(s => !s.Contains("metric_overflow", StringComparison.Ordinal)));
        Assert.Equal(part, bench.Counters["tempo_metrics_generator_registry_max_active_series{3-of-8}"]);
        Assert.Equal(part, bench.Counters["tempo_metrics_generator_registry_active_series{3-of-8}"]);
    }

    [Fact]
    public void No_limit_stays_no_limit_and_the_largest_limit_does_not_overflow() =>
        Assert.Equal((0, 1 << 28), (s_third.Share(0), s_third.Share(int.MaxValue)));

    [Fact]
    public void The_shards_together_count_what_one_generator_would()
    {
        const int Shards = 3;
        var whole = new GeneratorBench();
        GeneratorBench[] shards = [.. Enumerable.Range(0, Shards).Select(i => new GeneratorBench(shard: new(i, Shards)))];
        var random = new Random(1);
        for (var round = 0; round < 20; round++)
        {
            var request = new ExportTraceServiceRequest();
            foreach (var service in (string[])["web", "cart", "web"])
            {
                var spans = new ScopeSpans();
                for (var i = 0; i < 10; i++)
                {
                    // Whole quarters of a second, so that sums are the same in any order; and some spans too old to count.
                    var span = GeneratorBench.Span($"op{random.Next(3)}", (Kind)random.Next(1, 6), (byte)random.Next(1, 4), (byte)random.Next(0, 4), trace: (byte)random.Next(1, 100));
                    span.EndTimeUnixNano = whole.Time.NowNanos - (random.Next(10) == 0 ? 60_000_000_000u : 0);
                    span.StartTimeUnixNano = span.EndTimeUnixNano - (ulong)random.Next(40) * 250_000_000;
                    spans.Spans.Add(span);
                }

                request.ResourceSpans.Add(new ResourceSpans { Resource = new Resource { Attributes = { GeneratorBench.Attribute("service.name", service) } }, ScopeSpans = { spans } });
            }

            whole.Push(request);
            for (var i = 0; i < Shards; i++)
            {
                shards[i].Push(request.ToByteArray(), trace => TraceSplit.PartitionOf(trace, Shards) == i);
                shards[i].Time.Advance(TimeSpan.FromSeconds(3));
            }

            whole.Time.Advance(TimeSpan.FromSeconds(3));
        }

        var sums = new Dictionary<string, double>();
        for (var i = 0; i < Shards; i++)
        {
            foreach (var (series, sample) in shards[i].Collect().Samples)
            {
                var unsharded = series.Replace($"__metrics_gen_instance=\"{i}-of-{Shards}\",", "", StringComparison.Ordinal);
                sums[unsharded] = sums.GetValueOrDefault(unsharded) + sample.Value;
            }
        }

        Assert.Equal(whole.Collect().Samples.ToDictionary(s => s.Key, s => s.Value.Value), sums);
        Assert.All(shards, s => Assert.True(s.Generator.ActiveSeries > 0));
        foreach (var counter in (string[])["spans_received_total", "spans_discarded_total{outside_metrics_ingestion_slack,all}", "processor_service_graphs_edges"])
            Assert.Equal(whole.Counters["tempo_metrics_generator_" + counter], shards.Sum(s => s.Counters["tempo_metrics_generator_" + counter]));
    }

    [Fact]
    public void Only_the_bytes_of_the_pushed_spans_count_as_received()
    {
        var bench = new GeneratorBench();
        Span[] spans = [GeneratorBench.Span("a", Kind.Internal, 1, trace: 1), GeneratorBench.Span("longer", Kind.Internal, 2, trace: 2), GeneratorBench.Span("b", Kind.Internal, 3, trace: 1)];
        foreach (var span in spans)
            (span.StartTimeUnixNano, span.EndTimeUnixNano) = (bench.Time.NowNanos, bench.Time.NowNanos);
        var request = new ExportTraceServiceRequest { ResourceSpans = { new ResourceSpans { ScopeSpans = { new ScopeSpans { Spans = { spans } } } } } };

        bench.Push(request.ToByteArray(), trace => trace == TraceId.Read(spans[0].TraceId.Span));

        Assert.Equal(2, bench.Counters["tempo_metrics_generator_spans_received_total"]);
        Assert.Equal(spans[0].CalculateSize() + spans[2].CalculateSize(), bench.Counters["tempo_metrics_generator_bytes_received_total"]);
        Assert.Equal(2, bench.Collect().Series.Count(s => s.StartsWith("traces_spanmetrics_calls_total", StringComparison.Ordinal)));
    }

    [Fact]
    public void A_shard_restores_only_its_own_snapshot()
    {
        var bench = new GeneratorBench(shard: s_third);
        bench.Push("web", GeneratorBench.Span("root", Kind.Server, 1));
        var snapshot = bench.Snapshot();

        Assert.False(new GeneratorBench(shard: new(2, 8)).Generator.TryRestore(snapshot, out var another));
        Assert.Equal("the snapshot belongs to shard 3-of-8, not to 2-of-8", another);
        Assert.False(new GeneratorBench().Generator.TryRestore(snapshot, out var whole));
        Assert.Equal("the snapshot belongs to shard 3-of-8, not to all", whole);
        bench.Restart();
        Assert.Equal(1, bench.Collect()["""traces_service_graph_request_total{__metrics_gen_instance="3-of-8",client="user",connection_type="virtual_node",server="web"}"""]);
    }
}
