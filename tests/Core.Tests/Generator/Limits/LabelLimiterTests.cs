using OrleansTempo.Core.Configuration.Generator;
using OrleansTempo.Core.Generator.Registry;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Core.Overrides;
using Kind = OrleansTempo.Tests.Otlp.Span.Types.SpanKind;
using Span = OrleansTempo.Tests.Otlp.Span;

namespace OrleansTempo.Core.Tests.Generator.Limits;

public sealed class LabelLimiterTests
{
    private const string Over = "__cardinality_overflow__";
    private const string Demand = "tempo_metrics_generator_registry_label_cardinality_demand_estimate";
    private const string Limited = "tempo_metrics_generator_registry_label_values_limited_total";

    [Fact]
    public void A_label_with_too_many_values_has_all_of_them_replaced_and_the_others_stay()
    {
        var bench = Bench(10);
        bench.Push("cart", Many(11));
        bench.Push("cart", Named("GET /0"));
        bench.Time.Advance(TimeSpan.FromSeconds(15));
        bench.Push("cart", Named("GET /0"), Named("GET /new"));

        var series = bench.Collect();

        Assert.Equal(2, series[Calls("cart", Over)]);
        Assert.Equal(2, series[Calls("cart", "GET /0")]);
        Assert.DoesNotContain(Calls("cart", "GET /new"), series.Series);
        Assert.Equal(2, bench.Counters[Limited + "{span_name}"]);
        Assert.Equal(0, bench.Counters[Limited + "{service}"]);
        Assert.Equal(11, bench.Counters[Demand + "{span_name}"]);
        Assert.Equal(1, bench.Counters[Demand + "{service}"]);
    }

    [Fact]
    public void A_label_with_exactly_the_maximum_of_values_is_not_limited()
    {
        var bench = Bench(10);
        bench.Push("cart", Many(10));
        bench.Time.Advance(TimeSpan.FromSeconds(15));
        bench.Push("cart", Many(10));

        Assert.Equal(2, bench.Collect()[Calls("cart", "GET /9")]);
        Assert.Equal(10, bench.Counters[Demand + "{span_name}"]);
    }

    [Fact]
    public void Without_a_limit_no_value_is_examined()
    {
        var bench = Bench(0);
        bench.Push("cart", Many(100));
        bench.Time.Advance(TimeSpan.FromSeconds(15));
        bench.Push("cart", Many(100));

        Assert.Equal(100 * 2, bench.Collect().Samples.Values.Sum(s => s.Value));
        Assert.Equal(0, bench.Counters[Demand + "{span_name}"]);
    }

    [Fact]
    public void A_label_stays_over_its_limit_while_the_values_arrive_and_recovers_when_they_are_forgotten()
    {
        var bench = Bench(10);
        bench.Push("cart", Many(50));
        for (var minute = 1; minute <= 30; minute++)
        {
            bench.Time.Advance(TimeSpan.FromMinutes(1));
            bench.Push("cart", Many(50));
            bench.Collect();
        }

        // After half an hour of replaced values, it is still over the limit.
        Assert.InRange(bench.Counters[Demand + "{span_name}"], 45, 55);
        var recovered = Enumerable.Range(1, 30).First(minute =>
        {
            bench.Time.Advance(TimeSpan.FromMinutes(1));
            bench.Push("cart", Named("GET /0"));
            return bench.Collect().Series.Contains(Calls("cart", "GET /0"));
        });

        Assert.InRange(recovered, 15, 21);
        Assert.Equal(1, bench.Counters[Demand + "{span_name}"]);
        bench.Push("cart", Named("GET /0"));
        Assert.Equal(2, bench.Collect()[Calls("cart", "GET /0")]);
    }

    [Fact]
    public void Series_counted_under_the_original_values_end_when_stale()
    {
        var bench = Bench(2);
        bench.Push("cart", Many(3));
        bench.Collect();
        bench.Time.Advance(TimeSpan.FromSeconds(15));
        bench.Push("cart", Many(3));
        var after = bench.Collect();
        bench.Time.Advance(TimeSpan.FromMinutes(14.9));
        var ended = bench.Collect();

        Assert.Equal((1, 3), (after[Calls("cart", "GET /0")], after[Calls("cart", Over)]));
        Assert.Equal((1, 0), (after.Samples.Count(s => s.Value.ZeroTimestampMs != 0), after.Samples.Count(s => s.Value.IsStale)));
        Assert.Equal(3, ended.Samples.Count(s => s.Value.IsStale));
        Assert.Equal(3, ended[Calls("cart", Over)]);
    }

    [Fact]
    public void A_limit_applies_when_set_and_ends_when_removed_and_no_counter_goes_back()
    {
        var bench = Bench(0);
        bench.Push("cart", Many(5));
        bench.Collect();

        bench.Apply(s => s with { MaxCardinalityPerLabel = 4 });
        bench.Push("cart", Many(5));
        var notYet = bench.Collect();
        bench.Time.Advance(TimeSpan.FromSeconds(15));
        bench.Push("cart", Many(5));
        var over = bench.Collect();
        bench.Apply(s => s with { MaxCardinalityPerLabel = 5 });
        bench.Push("cart", Many(5));
        var raised = bench.Collect();
        bench.Apply(s => s with { MaxCardinalityPerLabel = 0 });
        bench.Push("cart", Many(5));
        var off = bench.Collect();

        Assert.Equal(2, notYet[Calls("cart", "GET /4")]);
        Assert.Equal((2, 5), (over[Calls("cart", "GET /4")], over[Calls("cart", Over)]));
        Assert.Equal((3, 5), (raised[Calls("cart", "GET /4")], raised[Calls("cart", Over)]));
        Assert.Equal((4, 5), (off[Calls("cart", "GET /4")], off[Calls("cart", Over)]));
        Assert.All([notYet, over, raised, off], c => Assert.Equal((0, false), (c.Samples[Calls("cart", "GET /4")].ZeroTimestampMs, c.Samples[Calls("cart", "GET /4")].IsStale)));
        Assert.Equal((0, 5), (bench.Counters[Demand + "{span_name}"], bench.Counters[Limited + "{span_name}"]));
    }

    [Fact]
    public void Kind_status_and_connection_type_are_limited_like_other_labels()
    {
        var bench = new GeneratorBench(s => s with { MaxCardinalityPerLabel = 1 });
        void Push()
        {
            bench.Push("web", GeneratorBench.Span("root", Kind.Server, 1), GeneratorBench.Span("ask", Kind.Client, 2, attributes: ("db.name", "orders")));
            var failed = GeneratorBench.Span("ask", Kind.Client, 3, attributes: ("db.name", "orders"));
            failed.Status = new() { Code = OrleansTempo.Tests.Otlp.Status.Types.StatusCode.Error };
            bench.Push("web", failed);
        }

        Push();
        bench.Time.Advance(TimeSpan.FromSeconds(15));
        Push();

        var series = bench.Collect();

        Assert.Equal(3, series[$$"""traces_spanmetrics_calls_total{service="web",span_kind="{{Over}}",span_name="{{Over}}",status_code="{{Over}}"}"""]);
        Assert.Equal(3, series[$$"""traces_service_graph_request_total{client="{{Over}}",connection_type="{{Over}}",server="{{Over}}"}"""]);
        Assert.Equal(1, series["""traces_service_graph_request_total{client="user",connection_type="virtual_node",server="web"}"""]);

        // After a restart, all of them are found under their keys again.
        bench.Restart();
        Push();
        var restarted = bench.Collect();
        Assert.Equal(6, restarted[$$"""traces_spanmetrics_calls_total{service="web",span_kind="{{Over}}",span_name="{{Over}}",status_code="{{Over}}"}"""]);
        Assert.Equal(6, restarted[$$"""traces_service_graph_request_total{client="{{Over}}",connection_type="{{Over}}",server="{{Over}}"}"""]);
        Assert.Equal(series.Samples.Count, restarted.Samples.Count);
        Assert.Equal(series.Samples.Count, bench.Generator.ActiveSeries);
    }

    [Fact]
    public void A_label_without_a_value_is_not_replaced()
    {
        var bench = Bench(1, s => s with { SpanMetrics = s.SpanMetrics with { Dimensions = ["zone"] } });
        bench.Push("cart", Zone("z1"), Zone("z2"), Named("a"));
        bench.Time.Advance(TimeSpan.FromSeconds(15));
        bench.Push("cart", Zone("z3"), Named("a"));

        var series = bench.Collect();

        Assert.Equal(2, series[Calls("cart", "a")]);
        Assert.Equal(1, series[Calls("cart", "a").Replace("}", $",zone=\"{Over}\"}}")]);

        static Span Zone(string zone) => GeneratorBench.Span("a", Kind.Internal, 1, attributes: ("zone", zone));
    }

    [Fact]
    public void A_label_counts_across_both_processors()
    {
        var bench = new GeneratorBench(s => s with
        {
            MaxCardinalityPerLabel = 3,
            SpanMetricsLatency = false,
            SpanMetricsSize = false,
            ServiceGraphsLatency = false,
            SpanMetrics = s.SpanMetrics with { Dimensions = ["zone"] },
            ServiceGraphs = s.ServiceGraphs with { Dimensions = ["zone"] },
        });
        bench.Push("cart", [.. Enumerable.Range(0, 4).Select(i => GeneratorBench.Span("a", Kind.Internal, 1, attributes: ("zone", $"z{i}")))]);
        bench.Time.Advance(TimeSpan.FromSeconds(15));
        bench.Push("cart", GeneratorBench.Span("a", Kind.Server, 1, attributes: ("zone", "z0")));

        Assert.Equal(1, bench.Collect()[$$"""traces_service_graph_request_total{client="user",connection_type="virtual_node",server="cart",zone="{{Over}}"}"""]);
    }

    [Fact]
    public void Target_info_external_labels_and_labels_of_Prometheus_are_exempt()
    {
        var bench = Bench(1, s => s with
        {
            SpanMetrics = s.SpanMetrics with { EnableTargetInfo = true, Dimensions = ["__type__", "__unit__", "cluster"] },
            Registry = s.Registry with { ExternalLabels = new Dictionary<string, string> { ["cluster"] = "c1" } },
        });
        void Push()
        {
            for (var i = 0; i < 3; i++)
                bench.Push([("service.name", "web"), ("service.instance.id", $"i{i}"), ("cluster", $"other{i}")], GeneratorBench.Span("a", Kind.Internal, 1, attributes: [("__type__", $"t{i}"), ("__unit__", $"u{i}")]));
        }

        Push();
        bench.Time.Advance(TimeSpan.FromSeconds(15));
        Push();

        var series = bench.Collect().Series.ToList();

        for (var i = 0; i < 3; i++)
        {
            Assert.Contains($$"""traces_target_info{cluster="c1",instance="i{{i}}",job="web"}""", series);
            Assert.Contains($$"""traces_spanmetrics_calls_total{__type__="t{{i}}",__unit__="u{{i}}",cluster="c1",instance="{{Over}}",job="web",service="web",span_kind="SPAN_KIND_INTERNAL",span_name="a",status_code="STATUS_CODE_UNSET"}""", series);
        }

        Assert.Equal(0, bench.Counters[Demand + "{cluster}"]);
        Assert.Equal(0, bench.Counters[Demand + "{__type__}"]);
    }

    [Fact]
    public void Labels_are_limited_before_entities()
    {
        var bench = Bench(2, s => s with { LimiterType = LimiterType.Entity, MaxActiveEntities = 4 });
        bench.Push("cart", Many(3));
        bench.Time.Advance(TimeSpan.FromSeconds(15));
        bench.Push("cart", Many(100));

        Assert.Equal(100, bench.Collect()[Calls("cart", Over)]);
        Assert.Equal(4, bench.Counters["tempo_metrics_generator_registry_entity_demand_estimate"]);
        Assert.Equal(0, bench.Counters["tempo_metrics_generator_registry_entities_limited_total"]);
    }

    [Fact]
    public void After_a_restart_a_limited_label_stays_limited_for_a_stale_duration()
    {
        var bench = Bench(10);
        bench.Push("cart", Many(50));
        bench.Time.Advance(TimeSpan.FromSeconds(15));
        bench.Push("cart", Many(50));
        bench.Collect();

        bench.Restart();
        bench.Push("cart", Named("GET /fresh"));
        Assert.DoesNotContain(Calls("cart", "GET /fresh"), bench.Collect().Series);
        bench.Time.Advance(TimeSpan.FromMinutes(14));
        bench.Push("cart", Named("GET /fresh"));
        Assert.Equal(52, bench.Collect()[Calls("cart", Over)]);
        bench.Time.Advance(TimeSpan.FromMinutes(1));
        bench.Push("cart", Named("GET /fresh"));

        Assert.Equal(1, bench.Collect()[Calls("cart", "GET /fresh")]);
    }

    [Fact]
    public void The_overflow_value_is_cut_like_other_values_and_recognized_after_a_restart()
    {
        var bench = new GeneratorBench(s => s with { MaxCardinalityPerLabel = 1, Registry = s.Registry with { MaxLabelValueLength = 22 }, SpanMetricsLatency = false, SpanMetricsSize = false, ServiceGraphsLatency = false });
        void Push() => bench.Push("web", GeneratorBench.Span("a", Kind.Server, 1), GeneratorBench.Span("b", Kind.Client, 2, attributes: ("db.name", "orders")));
        Push();
        bench.Time.Advance(TimeSpan.FromSeconds(15));
        Push();
        bench.Collect();
        bench.Restart();
        Push();

        var series = bench.Collect();

        Assert.Equal(4, series[$$"""traces_spanmetrics_calls_total{service="web",span_kind="{{Over[..22]}}",span_name="{{Over[..22]}}",status_code="STATUS_CODE_UNSET"}"""]);
        Assert.Equal(4, series[$$"""traces_service_graph_request_total{client="{{Over[..22]}}",connection_type="{{Over[..22]}}",server="{{Over[..22]}}"}"""]);
    }

    [Fact]
    public void A_shard_has_the_whole_limit_and_carries_its_label()
    {
        var bench = new GeneratorBench(s => s with { MaxCardinalityPerLabel = 8 }, shard: new(3, 8));
        bench.Push("cart", Many(8));
        bench.Time.Advance(TimeSpan.FromSeconds(15));
        bench.Push("cart", Named("GET /0"));

        Assert.DoesNotContain(bench.Collect().Series, s => s.Contains(Over, StringComparison.Ordinal));
        Assert.Equal(8, bench.Counters[Demand + "{3-of-8,span_name}"]);
    }

    private static GeneratorBench Bench(long max, Func<GeneratorSettings, GeneratorSettings>? configure = null) => new(s => (configure ?? (x => x))(s with
    {
        MaxCardinalityPerLabel = max,
        SpanMetricsLatency = false,
        SpanMetricsSize = false,
        ServiceGraphsRequest = false,
        ServiceGraphsLatency = false,
    }));

    private static Span[] Many(int names) => [.. Enumerable.Range(0, names).Select(i => Named($"GET /{i}"))];

    // An internal span, which the service graph ignores.
    private static Span Named(string name) => GeneratorBench.Span(name, Kind.Internal, 1);

    private static string Calls(string service, string span) =>
        $$"""traces_spanmetrics_calls_total{service="{{service}}",span_kind="SPAN_KIND_INTERNAL",span_name="{{span}}",status_code="STATUS_CODE_UNSET"}""";
}
