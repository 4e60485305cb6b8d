using OrleansTempo.Core.Configuration.Generator;
using OrleansTempo.Core.Generator.Registry;
using OrleansTempo.Core.Generator.ServiceGraphs;
using OrleansTempo.Core.Overrides;
using OrleansTempo.Tests.Otlp;
using Kind = OrleansTempo.Tests.Otlp.Span.Types.SpanKind;

namespace OrleansTempo.Core.Tests.Generator;

public sealed class SettingsChangeTests
{
    private const string Edge = """traces_service_graph_request_total{client="web",server="cart"}""";
    private const string Overflow = """traces_spanmetrics_calls_total{metric_overflow="true"}""";

    public static TheoryData<string, Func<GeneratorSettings, GeneratorSettings>> Changes => new()
    {
        { "filter policy", s => s with { SpanMetrics = s.SpanMetrics with { FilterPolicies = [Excluding("other")] } } },
        { "dimension", s => s with { SpanMetrics = s.SpanMetrics with { Dimensions = ["absent"] } } },
        { "collection interval", s => s with { Registry = s.Registry with { CollectionInterval = TimeSpan.FromSeconds(60) } } },
        { "stale duration", s => s with { Registry = s.Registry with { StaleDuration = TimeSpan.FromMinutes(60) } } },
        { "series limit", s => s with { MaxActiveSeries = 1 } },
        { "entity limit", s => s with { LimiterType = LimiterType.Entity, MaxActiveEntities = 1 } },
        { "values of a label", s => s with { MaxCardinalityPerLabel = 1 } },
        { "size", s => s with { SpanMetricsSize = true } },
        { "buckets of the other processor", s => s with { ServiceGraphs = s.ServiceGraphs with { HistogramBuckets = [1] } } },
        { "nothing", s => s },
    };

    [Theory]
    [MemberData(nameof(Changes))]
    public void Counters_whose_labels_stay_the_same_continue(string change, Func<GeneratorSettings, GeneratorSettings> configure)
    {
        var bench = Bench();
        bench.Push("cart", Span("a"), Span("a"));
        Assert.Equal(2, bench.Collect()[Calls("a")]);

        bench.Apply(configure);
        bench.Push("cart", Span("a"));

        var series = bench.Collect().Samples;
        Assert.Equal((change, 3, 0), (change, series[Calls("a")].Value, series[Calls("a")].ZeroTimestampMs));
        Assert.Equal((change, 3, 0), (change, series[LatencyCount("a")].Value, series[LatencyCount("a")].ZeroTimestampMs));
        Assert.DoesNotContain(series.Values, s => s.IsStale);
        Assert.Equal(series.Count, bench.Generator.ActiveSeries);
    }

    [Fact]
    public void A_label_set_that_does_not_return_is_sent_until_it_goes_stale()
    {
        var bench = Bench();
        bench.Push("cart", Span("a"), Span("b"));
        bench.Collect();
        bench.Apply(Dimension("zone"));
        bench.Push("cart", Span("a"), GeneratorBench.Span("b", Kind.Internal, 1, attributes: ("zone", "z1")));

        var before = bench.Collect();
        bench.Time.Advance(TimeSpan.FromMinutes(14));
        bench.Push("cart", Span("a"), GeneratorBench.Span("b", Kind.Internal, 1, attributes: ("zone", "z1")));
        bench.Time.Advance(TimeSpan.FromMinutes(1));
        var ended = bench.Collect();
        var after = bench.Collect();

        Assert.Equal(1, before[Calls("b")]);
        Assert.True(ended.Samples[Calls("b")].IsStale);
        Assert.True(ended.Samples[LatencyCount("b")].IsStale);
        Assert.DoesNotContain(Calls("b"), after.Series);
        Assert.Equal(3, after[Calls("a")]);
        Assert.Equal(2, after[Calls("b", ",zone=\"z1\"")]);
        Assert.Equal(after.Samples.Count, bench.Generator.ActiveSeries);
    }

    [Fact]
    public void A_label_set_that_ended_after_the_change_restarts_when_it_returns()
    {
        var bench = Bench();
        bench.Push("cart", Span("a"), Span("b"));
        bench.Time.Advance(TimeSpan.FromMinutes(10));
        bench.Push("cart", Span("c"));
        bench.Collect();
        bench.Apply(Dimension("zone"));
        bench.Time.Advance(TimeSpan.FromMinutes(5));
        Assert.True(bench.Collect().Samples[Calls("a")].IsStale);

        bench.Push("cart", Span("a"));

        var series = bench.Collect();
        Assert.Equal(1, series[Calls("a")]);
        Assert.NotEqual(0, series.Samples[Calls("a")].ZeroTimestampMs);
        Assert.Equal(1, series[Calls("c")]);
        Assert.Equal(series.Samples.Count, bench.Generator.ActiveSeries);
    }

    [Fact]
    public void Several_changes_in_a_row_lose_nothing()
    {
        var bench = Bench();
        bench.Push("cart", Span("a"), Span("b"));
        bench.Collect();
        bench.Apply(Dimension("one"));
        bench.Push("cart", Span("c"));
        bench.Apply(Dimension("two"));
        bench.Push("cart", Span("b"));
        bench.Apply(Dimension("three"));
        bench.Push("cart", Span("a"));

        var series = bench.Collect();
        Assert.Equal(2, series[Calls("a")]);
        Assert.Equal(2, series[Calls("b")]);
        Assert.Equal(1, series[Calls("c")]);
        Assert.Equal(series.Samples.Count, bench.Generator.ActiveSeries);
        bench.Time.Advance(TimeSpan.FromMinutes(15));
        var ended = bench.Collect();
        Assert.Equal(series.Series.Order(StringComparer.Ordinal), ended.Series.Order(StringComparer.Ordinal));
        Assert.All(ended.Samples.Values, s => Assert.True(s.IsStale));
        Assert.Equal(0, bench.Generator.ActiveSeries);
    }

    [Fact]
    public void Changed_buckets_restart_with_a_0_and_counters_beside_them_continue()
    {
        var bench = Bench();
        bench.Push("cart", Span("a"), Span("a"));
        var firstMs = bench.Collect().Samples[Calls("a")].TimestampMs;

        bench.Apply(s => s with { SpanMetrics = s.SpanMetrics with { HistogramBuckets = [5] } });
        bench.Push("cart", Span("a"));

        var series = bench.Collect();
        Assert.Equal(3, series[Calls("a")]);
        Assert.Equal(0, series.Samples[Calls("a")].ZeroTimestampMs);
        Assert.Equal(1, series[LatencyCount("a")]);
        Assert.Equal(firstMs + 1, series.Samples[LatencyCount("a")].ZeroTimestampMs);
        Assert.Equal(1, series[$$"""traces_spanmetrics_latency_bucket{le="5",{{Labels("a")}}}"""]);
    }

    [Fact]
    public void The_series_and_waiting_edges_of_another_processor_are_left_alone()
    {
        var bench = Bench();
        bench.Push("web", GeneratorBench.Span("call", Kind.Client, 1));
        bench.Push("cart", GeneratorBench.Span("call", Kind.Server, 2, parent: 1));
        bench.Push("web", GeneratorBench.Span("call", Kind.Client, 3));
        bench.Collect();

        bench.Apply(s => s with { SpanMetrics = s.SpanMetrics with { FilterPolicies = [Excluding("other")], HistogramBuckets = [1], Dimensions = ["zone"] } });
        Assert.Equal(1, bench.Generator.WaitingEdges);
        bench.Push("cart", GeneratorBench.Span("call", Kind.Server, 4, parent: 3));

        var edge = bench.Collect().Samples[Edge];
        Assert.Equal((2, 0), (edge.Value, edge.ZeroTimestampMs));
    }

    [Fact]
    public void Waiting_edges_survive_a_change_of_their_own_processor()
    {
        var bench = Bench();
        bench.Push("web", GeneratorBench.Span("call", Kind.Client, 3));

        bench.Apply(s => s with { ServiceGraphs = s.ServiceGraphs with { FilterPolicies = [Excluding("other")], Wait = TimeSpan.FromSeconds(60) } });
        bench.Push("cart", GeneratorBench.Span("call", Kind.Server, 4, parent: 3));

        Assert.Equal(1, bench.Collect()[Edge]);
        Assert.Equal(0, bench.Generator.WaitingEdges);
    }

    [Fact]
    public void A_processor_switched_off_ends_its_series_at_the_next_collection()
    {
        var bench = Bench();
        bench.Push("cart", Span("a"), GeneratorBench.Span("root", Kind.Server, 1));
        var before = bench.Collect();

        bench.Apply(SpanMetrics(false));
        bench.Push("cart", Span("a"));
        var ended = bench.Collect();
        var after = bench.Collect();

        Assert.Equal(before.Series.Order(StringComparer.Ordinal), ended.Series.Order(StringComparer.Ordinal));
        Assert.All(ended.Samples, s => Assert.Equal(s.Key.StartsWith("traces_spanmetrics", StringComparison.Ordinal), s.Value.IsStale));
        Assert.All(after.Series, s => Assert.StartsWith("traces_service_graph", s, StringComparison.Ordinal));
        Assert.Equal(after.Samples.Count, bench.Generator.ActiveSeries);
        Assert.Equal(0, bench.Counters["tempo_metrics_generator_active_processors{span-metrics}"]);
        Assert.Equal(1, bench.Counters["tempo_metrics_generator_active_processors{service-graphs}"]);
    }

    [Fact]
    public void A_processor_switched_on_after_that_restarts()
    {
        var bench = Bench();
        bench.Push("cart", Span("a"), Span("a"));
        bench.Collect();
        bench.Apply(SpanMetrics(false));
        bench.Collect();

        bench.Apply(SpanMetrics(true));
        bench.Push("cart", Span("a"));

        var series = bench.Collect();
        Assert.Equal(1, series[Calls("a")]);
        Assert.NotEqual(0, series.Samples[Calls("a")].ZeroTimestampMs);
        Assert.Equal(series.Samples.Count, bench.Generator.ActiveSeries);
    }

    [Fact]
    public void A_processor_switched_on_before_that_continues()
    {
        var bench = Bench(s => s with { SpanMetrics = s.SpanMetrics with { EnableTargetInfo = true } });
        bench.Push([("service.name", "cart"), ("k", "v")], GeneratorBench.Span("a", Kind.Server, 1), GeneratorBench.Span("b", Kind.Server, 2));
        bench.Collect();

        bench.Apply(SpanMetrics(false));
        bench.Apply(SpanMetrics(true));
        bench.Apply(SpanMetrics(false));
        bench.Apply(SpanMetrics(true));
        bench.Push([("service.name", "cart"), ("k", "v")], GeneratorBench.Span("a", Kind.Server, 1));

        var series = bench.Collect();
        const string Job = """{job="cart",service="cart",span_kind="SPAN_KIND_SERVER",span_name="a",status_code="STATUS_CODE_UNSET"}""";
        Assert.Equal(2, series["traces_spanmetrics_calls_total" + Job]);
        Assert.Equal(0, series.Samples["traces_spanmetrics_calls_total" + Job].ZeroTimestampMs);
        Assert.Equal(1, series["""traces_target_info{job="cart",k="v"}"""]);
        Assert.DoesNotContain(series.Samples.Values, s => s.IsStale);
        Assert.Equal(series.Samples.Count, bench.Generator.ActiveSeries);
    }

    [Fact]
    public void A_processor_switched_off_while_a_change_is_being_adopted_ends_all_series()
    {
        var bench = Bench();
        bench.Push("cart", Span("a"), Span("b"));
        var before = bench.Collect();
        bench.Apply(Dimension("zone"));
        bench.Push("cart", Span("a"));

        bench.Apply(s => SpanMetrics(false)(s) with { ServiceGraphsRequest = false, ServiceGraphsLatency = false });

        var ended = bench.Collect();
        Assert.Equal(before.Series.Order(StringComparer.Ordinal), ended.Series.Order(StringComparer.Ordinal));
        Assert.All(ended.Samples.Values, s => Assert.True(s.IsStale));
        Assert.Equal(0, bench.Generator.ActiveSeries);
    }

    [Fact]
    public void Only_a_switched_off_part_ends()
    {
        var bench = Bench();
        bench.Push("cart", Span("a"));
        bench.Collect();

        bench.Apply(s => s with { SpanMetricsLatency = false });
        bench.Push("cart", Span("a"));
        var ended = bench.Collect();
        var after = bench.Collect();

        Assert.True(ended.Samples[LatencyCount("a")].IsStale);
        Assert.Equal((2, 0), (ended[Calls("a")], ended.Samples[Calls("a")].ZeroTimestampMs));
        Assert.DoesNotContain(after.Series, s => s.StartsWith("traces_spanmetrics_latency", StringComparison.Ordinal));
        Assert.Equal(after.Samples.Count, bench.Generator.ActiveSeries);
    }

    [Fact]
    public void A_part_switched_off_and_on_between_two_collections_is_not_duplicated()
    {
        var bench = Bench();
        bench.Push("cart", Span("a"));
        bench.Collect();

        bench.Apply(s => s with { SpanMetricsLatency = false });
        bench.Push("cart", Span("a"));
        bench.Apply(s => s with { SpanMetricsLatency = true });
        bench.Push("cart", Span("a"));

        var series = bench.Collect();
        Assert.Equal(3, series[Calls("a")]);
        Assert.Equal(2, series[LatencyCount("a")]);
        Assert.DoesNotContain(series.Samples.Values, s => s.IsStale);
        Assert.Equal(series.Samples.Count, bench.Generator.ActiveSeries);
    }

    [Fact]
    public void The_overflow_continues_and_gets_changed_external_labels()
    {
        var bench = Bench(s => s with { MaxActiveSeries = 1, SpanMetricsLatency = false, ServiceGraphsRequest = false, ServiceGraphsLatency = false });
        bench.Push("cart", Span("a"), Span("b"));
        bench.Collect();
        bench.Apply(Dimension("zone"));
        bench.Push("cart", Span("b"));
        var first = bench.Collect();
        Assert.Equal((2, 0), (first[Overflow], first.Samples[Overflow].ZeroTimestampMs));

        bench.Apply(s => s with { Registry = s.Registry with { ExternalLabels = new Dictionary<string, string> { ["cluster"] = "c1" } } });
        bench.Push("cart", Span("b"));

        var second = bench.Collect();
        Assert.Equal(1, second["""traces_spanmetrics_calls_total{cluster="c1",metric_overflow="true"}"""]);
        Assert.Equal(2, second[Overflow]);
        Assert.Equal(second.Samples.Count, bench.Generator.ActiveSeries);
    }

    [Fact]
    public void Filters_that_are_not_valid_change_nothing()
    {
        var bench = Bench();
        bench.Push("cart", Span("a"));
        bench.Collect();
        var former = bench.Generator.Settings;

        Assert.Throws<ArgumentException>(() => bench.Apply(s => s with { MaxActiveSeries = 1, ServiceGraphs = s.ServiceGraphs with { FilterPolicies = [Excluding("x", key: "nothing")] } }));

        Assert.Same(former, bench.Generator.Settings);
        bench.Push("cart", Span("a"), Span("b"));
        var series = bench.Collect();
        Assert.Equal(2, series[Calls("a")]);
        Assert.Equal(1, series[Calls("b")]);
    }

    private static GeneratorBench Bench(Func<GeneratorSettings, GeneratorSettings>? configure = null) =>
        new(s => (configure ?? (x => x))(s with { SpanMetricsSize = false }));

    // An internal span, which the service graph ignores.
    private static Span Span(string name) => GeneratorBench.Span(name, Kind.Internal, 1);

    private static Func<GeneratorSettings, GeneratorSettings> Dimension(string name) => s => s with { SpanMetrics = s.SpanMetrics with { Dimensions = [name] } };

    private static Func<GeneratorSettings, GeneratorSettings> SpanMetrics(bool on) => s => s with { SpanMetricsCount = on, SpanMetricsLatency = on };

    private static FilterPolicyOptions Excluding(string name, string key = "name") => new()
    {
        Exclude = new PolicyMatchOptions { Attributes = [new PolicyAttributeOptions { Key = key, Value = name }] },
    };

    private static string Labels(string span, string more = "") =>
        $"""service="cart",span_kind="SPAN_KIND_INTERNAL",span_name="{span}",status_code="STATUS_CODE_UNSET"{more}""";

    private static string Calls(string span, string more = "") => $"traces_spanmetrics_calls_total{{{Labels(span, more)}}}";

    private static string LatencyCount(string span) => $"traces_spanmetrics_latency_count{{{Labels(span)}}}";
}
