using OrleansTempo.Core.Configuration.Generator;
using OrleansTempo.Core.Generator.Limits;
using OrleansTempo.Core.Generator.Registry;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Core.Overrides;
using OrleansTempo.Core.Tests.Generator.Registry;
using Kind = OrleansTempo.Tests.Otlp.Span.Types.SpanKind;
using Span = OrleansTempo.Tests.Otlp.Span;

namespace OrleansTempo.Core.Tests.Generator.Limits;

/// <summary>The limits of a tenant, by entities, and by series where <see cref="SeriesRegistryTests"/> does not cover them; and the demand estimates.</summary>
public sealed class GeneratorLimitsTests
{
    private const string Registry = "tempo_metrics_generator_registry_";
    private const string Overflow = """traces_spanmetrics_calls_total{metric_overflow="true"}""";

    [Fact]
    public void Beyond_max_active_entities_new_label_sets_go_to_the_overflow_and_the_others_continue()
    {
        var bench = SpanMetrics(s => ByEntity(s, 2));
        bench.Push("cart", Spans("a", "b", "c"));
        bench.Collect();
        bench.Push("cart", Spans("a", "c", "d"));

        var series = bench.Collect();

        Assert.Equal((2, 1, 3), (series[Calls("a")], series[Calls("b")], series[Overflow]));
        Assert.Equal(3, series["""traces_spanmetrics_latency_count{metric_overflow="true"}"""]);
        Assert.DoesNotContain(Calls("c"), series.Series);
        Assert.Equal((2, 2, 2, 3), (bench.Counters[Registry + "active_entities"], bench.Counters[Registry + "max_active_entities"], bench.Counters[Registry + "entities_added_total"], bench.Counters[Registry + "entities_limited_total"]));
        Assert.Equal((2 * 19, 0, 0), (bench.Counters[Registry + "active_series"], bench.Counters[Registry + "max_active_series"], bench.Counters[Registry + "series_limited_total"]));
    }

    [Fact]
    public void Every_refused_span_counts_as_a_limited_entity_and_the_overflow_counts_as_no_active_series()
    {
        var bench = SpanMetrics(s => ByEntity(s, 1));
        bench.Push("cart", Spans("a", "b", "b", "b"));
        bench.Collect();
        bench.Push("cart", Spans("b", "c"));

        bench.Collect();

        Assert.Equal(5, bench.Counters[Registry + "entities_limited_total"]);
        Assert.Equal((19, 19, 0), (bench.Counters[Registry + "active_series"], bench.Counters[Registry + "series_added_total"], bench.Counters[Registry + "series_removed_total"]));
    }

    [Fact]
    public void The_same_label_set_in_two_tables_is_two_entities()
    {
        // Of one resource: two label sets of spans, traces_target_info, one edge.
        var bench = new GeneratorBench(s => ByEntity(s, 4) with { SpanMetrics = s.SpanMetrics with { EnableTargetInfo = true } });
        (string, object)[] web = [("service.name", "web"), ("zone", "z")];
        bench.Push(web, GeneratorBench.Span("root", Kind.Server, 1), GeneratorBench.Span("work", Kind.Internal, 2));
        bench.Push("cart", GeneratorBench.Span("root", Kind.Server, 1));

        var series = bench.Collect();

        Assert.Equal(4, bench.Counters[Registry + "active_entities"]);
        Assert.Equal(2, bench.Counters[Registry + "entities_limited_total"]);
        Assert.Equal(1, series["""traces_target_info{job="web",zone="z"}"""]);
        Assert.Equal(1, series[Overflow]);
        Assert.Equal(1, series["""traces_service_graph_request_total{metric_overflow="true"}"""]);
    }

    [Fact]
    public void An_existing_entity_gets_all_its_series_whatever_the_limit()
    {
        var bench = new GeneratorBench(s => ByEntity(s, 1) with { SpanMetricsCount = false, SpanMetricsLatency = false, SpanMetricsSize = false, MaxActiveSeries = 1 });
        bench.Push("web", GeneratorBench.Span("root", Kind.Server, 1));
        bench.Collect();
        var failed = GeneratorBench.Span("root", Kind.Server, 2);
        failed.Status = new() { Code = OrleansTempo.Tests.Otlp.Status.Types.StatusCode.Error };
        bench.Push("web", failed);

        Assert.Equal(1, bench.Collect()["""traces_service_graph_request_failed_total{client="user",connection_type="virtual_node",server="web"}"""]);
        Assert.Equal(0, bench.Counters[Registry + "entities_limited_total"]);
    }

    [Fact]
    public void Entities_that_end_make_room()
    {
        var bench = SpanMetrics(s => ByEntity(s, 1));
        bench.Push("cart", Spans("a", "b"));
        bench.Collect();
        bench.Time.Advance(TimeSpan.FromMinutes(15));
        bench.Collect();
        Assert.Equal((0, 1), (bench.Counters[Registry + "active_entities"], bench.Counters[Registry + "entities_removed_total"]));

        bench.Push("cart", Spans("b", "a"));

        var series = bench.Collect();
        Assert.Equal((1, 1), (series[Calls("b")], series[Overflow]));
        Assert.Equal(1, bench.Counters[Registry + "active_entities"]);
    }

    [Fact]
    public void Only_one_of_the_two_limits_applies()
    {
        var bySeries = SpanMetrics(s => s with { MaxActiveEntities = 1, MaxActiveSeries = 2 * 19 });
        bySeries.Push("cart", Spans("a", "b", "c"));
        var byEntity = SpanMetrics(s => ByEntity(s, 3) with { MaxActiveSeries = 1 });
        byEntity.Push("cart", Spans("a", "b", "c"));

        Assert.Equal(1, bySeries.Collect()[Overflow]);
        Assert.Equal(0, bySeries.Counters[Registry + "max_active_entities"]);
        Assert.DoesNotContain(Overflow, byEntity.Collect().Series);
    }

    [Fact]
    public void A_changed_limit_resets_nothing_and_applies_at_once()
    {
        var bench = SpanMetrics(s => ByEntity(s, 1));
        bench.Push("cart", Spans("a", "b"));
        bench.Collect();

        bench.Apply(s => ByEntity(s, 2));
        bench.Push("cart", Spans("a", "b", "c"));
        var raised = bench.Collect();
        bench.Apply(s => s with { LimiterType = LimiterType.Series, MaxActiveSeries = 1, MaxActiveEntities = 0, MaxCardinalityPerLabel = 1000 });
        bench.Push("cart", Spans("a", "b", "c", "d"));
        var bySeries = bench.Collect();
        bench.Apply(s => s with { MaxActiveSeries = 0, MaxCardinalityPerLabel = 0 });
        bench.Push("cart", Spans("a", "b", "d"));
        var unlimited = bench.Collect();

        Assert.Equal((2, 1, 2), (raised[Calls("a")], raised[Calls("b")], raised[Overflow]));
        Assert.Equal((3, 2, 4), (bySeries[Calls("a")], bySeries[Calls("b")], bySeries[Overflow]));
        Assert.Equal((4, 3, 1, 4), (unlimited[Calls("a")], unlimited[Calls("b")], unlimited[Calls("d")], unlimited[Overflow]));
        Assert.All([raised, bySeries, unlimited], c => Assert.Equal(0, c.Samples[Calls("a")].ZeroTimestampMs));
        Assert.All([raised, bySeries, unlimited], c => Assert.DoesNotContain(c.Samples.Values, s => s.IsStale));
    }

    [Fact]
    public void The_entities_of_a_replaced_processor_continue_and_new_ones_meet_the_limit()
    {
        var bench = SpanMetrics(s => ByEntity(s, 2));
        bench.Push("cart", Spans("a", "b"));
        bench.Collect();
        bench.Apply(s => s with { SpanMetrics = s.SpanMetrics with { Dimensions = ["zone"] } });
        bench.Push("cart", Spans("c", "a"));

        var series = bench.Collect();

        Assert.Equal((2, 1, 1), (series[Calls("a")], series[Calls("b")], series[Overflow]));
        Assert.Equal((2, 3), (bench.Counters[Registry + "active_entities"], bench.Counters[Registry + "entity_demand_estimate"]));
        Assert.Equal(2 * 19 + 19, bench.Counters[Registry + "active_series_demand_estimate"]);
        bench.Push("cart", Spans("b", "c"));
        series = bench.Collect();
        Assert.Equal((2, 2), (series[Calls("b")], series[Overflow]));
        Assert.Equal(2, bench.Counters[Registry + "active_entities"]);
    }

    [Fact]
    public void After_a_restart_the_limit_is_as_used_up_as_before()
    {
        var bench = SpanMetrics(s => ByEntity(s, 2));
        bench.Push("cart", Spans("a", "b", "c"));
        bench.Collect();

        bench.Restart();
        bench.Push("cart", Spans("a", "b", "c", "d"));

        var series = bench.Collect();
        Assert.Equal((2, 2, 3), (series[Calls("a")], series[Calls("b")], series[Overflow]));
        Assert.Equal(2, bench.Counters[Registry + "active_entities"]);
        Assert.Equal(4, bench.Counters[Registry + "entity_demand_estimate"]);
    }

    [Theory]
    [InlineData(17, 3)]
    [InlineData(16, 2)]
    [InlineData(1, 1)]
    public void A_shard_has_its_share_of_the_limit_of_entities_rounded_up(int max, int part)
    {
        var bench = new GeneratorBench(s => SpanMetricsAlone(ByEntity(s, max)), shard: new(3, 8));
        bench.Push("web", Spans([.. Enumerable.Range(0, 20).Select(i => $"s{i}")]));

        Assert.Equal(part * 19, bench.Collect().Series.Count(s => !s.Contains("metric_overflow", StringComparison.Ordinal)));
        Assert.Equal(part, bench.Counters[Registry + "active_entities{3-of-8}"]);
        Assert.Equal(part, bench.Counters[Registry + "max_active_entities{3-of-8}"]);
        Assert.Equal(20, bench.Counters[Registry + "entity_demand_estimate{3-of-8}"]);
    }

    [Fact]
    public void Demand_is_exact_while_nothing_is_refused()
    {
        var bench = new GeneratorBench(s => ByEntity(s, 1000) with { SpanMetrics = s.SpanMetrics with { EnableTargetInfo = true } });
        bench.Push([("service.name", "web"), ("zone", "z")], GeneratorBench.Span("root", Kind.Server, 1), GeneratorBench.Span("work", Kind.Internal, 2));
        bench.Collect();

        Assert.Equal(4, bench.Counters[Registry + "entity_demand_estimate"]);
        Assert.Equal(bench.Generator.ActiveSeries, bench.Counters[Registry + "active_series_demand_estimate"]);
        bench.Time.Advance(TimeSpan.FromMinutes(15));
        bench.Collect();
        Assert.Equal(0, bench.Counters[Registry + "entity_demand_estimate"]);
        Assert.Equal(0, bench.Counters[Registry + "active_series_demand_estimate"]);
    }

    [Theory]
    [InlineData(LimiterType.Series)]
    [InlineData(LimiterType.Entity)]
    public void Demand_counts_a_refused_entity_once_however_often_it_comes(LimiterType type)
    {
        var bench = SpanMetrics(s => s with { LimiterType = type, MaxActiveEntities = 100, MaxActiveSeries = 100 * 19 });
        for (var round = 0; round < 3; round++)
        {
            bench.Push("cart", Spans([.. Enumerable.Range(0, 500).Select(i => $"s{i}")]));
            bench.Collect();
        }

        Assert.InRange(bench.Counters[Registry + "entity_demand_estimate"], 470, 530);
        Assert.InRange(bench.Counters[Registry + "active_series_demand_estimate"], 470 * 19, 530 * 19);
        Assert.Equal(100, bench.Counters[Registry + "active_entities"]);
    }

    [Fact]
    public void Demand_does_not_count_twice_an_entity_that_found_room_later()
    {
        var bench = SpanMetrics(s => ByEntity(s, 10));
        string[] names = [.. Enumerable.Range(0, 60).Select(i => $"s{i}")];
        bench.Push("cart", Spans(names));
        bench.Collect();
        bench.Apply(s => ByEntity(s, 0));
        bench.Push("cart", Spans(names));
        bench.Collect();

        Assert.Equal(60, bench.Counters[Registry + "active_entities"]);
        Assert.Equal(60, bench.Counters[Registry + "entity_demand_estimate"]);
        Assert.Equal(60 * 19, bench.Counters[Registry + "active_series_demand_estimate"]);
    }

    [Fact]
    public void Demand_forgets_a_refused_entity_when_it_would_have_gone_stale()
    {
        var bench = SpanMetrics(s => ByEntity(s, 1));
        bench.Push("cart", Spans("a", "b", "c"));
        bench.Collect();
        Assert.Equal(3, bench.Counters[Registry + "entity_demand_estimate"]);
        for (var minute = 0; minute < 21; minute++)
        {
            bench.Time.Advance(TimeSpan.FromMinutes(1));
            bench.Push("cart", Spans("a", "c"));
            bench.Collect();
        }

        Assert.Equal(2, bench.Counters[Registry + "entity_demand_estimate"]);
        Assert.Equal(2 * 19, bench.Counters[Registry + "active_series_demand_estimate"]);
    }

    [Fact]
    public void Demand_includes_the_failure_series_only_of_failed_edges()
    {
        var bench = new GeneratorBench(s => ByEntity(s, 1) with { SpanMetricsCount = false, SpanMetricsLatency = false, SpanMetricsSize = false });
        bench.Push("web", GeneratorBench.Span("root", Kind.Server, 1));
        bench.Push("cart", GeneratorBench.Span("root", Kind.Server, 1));
        var failed = GeneratorBench.Span("root", Kind.Server, 2);
        failed.Status = new() { Code = OrleansTempo.Tests.Otlp.Status.Types.StatusCode.Error };
        bench.Push("bank", failed);
        bench.Collect();

        Assert.Equal(3, bench.Counters[Registry + "entity_demand_estimate"]);
        Assert.Equal(3 * (1 + 2 * 11) + 1, bench.Counters[Registry + "active_series_demand_estimate"]);
    }

    [Fact]
    public void Demand_counts_a_metric_that_an_entity_could_not_start()
    {
        // One series less than the second needs, which fails.
        var bench = new GeneratorBench(s => s with { MaxActiveSeries = 23, SpanMetricsCount = false, SpanMetricsLatency = false, SpanMetricsSize = false });
        var failed = GeneratorBench.Span("root", Kind.Server, 2);
        failed.Status = new() { Code = OrleansTempo.Tests.Otlp.Status.Types.StatusCode.Error };
        bench.Push("web", GeneratorBench.Span("root", Kind.Server, 1), failed);
        bench.Collect();

        Assert.Equal(24, bench.Counters[Registry + "active_series_demand_estimate"]);
        Assert.Equal(1, bench.Counters[Registry + "entity_demand_estimate"]);
    }

    [Fact]
    public void The_demand_of_shards_merges_into_that_of_one_generator()
    {
        var whole = Refused(Enumerable.Range(0, 3000));
        var merged = new HyperLogLog(12);
        foreach (var shard in Enumerable.Range(0, 3))
            Refused(Enumerable.Range(0, 3000).Where(i => i % 3 == shard || i % 5 == 0)).AddTo(merged);
        var expected = new HyperLogLog(12);
        whole.AddTo(expected);

        Assert.Equal(expected.Estimate(), merged.Estimate());

        static CardinalityWindow Refused(IEnumerable<int> keys)
        {
            var window = new CardinalityWindow(12);
            foreach (var key in keys)
                window.Add(Utf8Hash.Lasting(BitConverter.GetBytes(key)));
            return window;
        }
    }

    private static GeneratorBench SpanMetrics(Func<GeneratorSettings, GeneratorSettings> configure) => new(s => configure(SpanMetricsAlone(s)));

    private static GeneratorSettings SpanMetricsAlone(GeneratorSettings settings) => settings with { ServiceGraphsRequest = false, ServiceGraphsLatency = false };

    private static GeneratorSettings ByEntity(GeneratorSettings settings, int max) => settings with { LimiterType = LimiterType.Entity, MaxActiveEntities = max };

    // Internal spans, which the service graph ignores.
    private static Span[] Spans(params string[] names) => [.. names.Select(n => GeneratorBench.Span(n, Kind.Internal, 1))];

    private static string Calls(string span) =>
        $$"""traces_spanmetrics_calls_total{service="cart",span_kind="SPAN_KIND_INTERNAL",span_name="{{span}}",status_code="STATUS_CODE_UNSET"}""";
}
