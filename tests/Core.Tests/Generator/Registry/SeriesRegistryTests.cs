using OrleansTempo.Core.Generator.Registry;
using OrleansTempo.Core.Generator.Samples;
using OrleansTempo.Core.Overrides;
using Kind = OrleansTempo.Tests.Otlp.Span.Types.SpanKind;

namespace OrleansTempo.Core.Tests.Generator.Registry;

public sealed class SeriesRegistryTests
{
    private const string Overflow = """traces_spanmetrics_calls_total{metric_overflow="true"}""";
    private const string ActiveSeries = "tempo_metrics_generator_registry_active_series";

    [Fact]
    public void The_first_sample_of_a_counter_or_histogram_is_one_0_at_the_time_it_was_first_seen()
    {
        var bench = new GeneratorBench(s => s with { ServiceGraphs = s.ServiceGraphs with { HistogramBuckets = [1] } });
        var seenMs = bench.Time.NowMs;
        bench.Push("cart", GeneratorBench.Span("GET", Kind.Server, 1));
        bench.Time.Advance(TimeSpan.FromSeconds(3));
        bench.Push("cart", GeneratorBench.Span("GET", Kind.Server, 2));

        var first = bench.Collect();
        bench.Push("cart", GeneratorBench.Span("GET", Kind.Server, 3));
        var second = bench.Collect();

        Assert.Contains(first.Series, s => s.StartsWith("traces_spanmetrics_latency_sum", StringComparison.Ordinal));
        Assert.Contains(first.Series, s => s.StartsWith("traces_spanmetrics_latency_count", StringComparison.Ordinal));
        Assert.Contains(first.Series, s => s.StartsWith("traces_service_graph_request_server_seconds_bucket", StringComparison.Ordinal));
        Assert.All(first.Samples.Values, s => Assert.Equal((seenMs, seenMs + 4000), (s.ZeroTimestampMs, s.TimestampMs)));
        Assert.Equal(first.Series, second.Series);
        Assert.All(second.Samples.Values, s => Assert.Equal((0L, seenMs + 5000), (s.ZeroTimestampMs, s.TimestampMs)));
    }

    [Fact]
    public void The_first_0_lies_between_the_last_collection_and_this_one()
    {
        var bench = Calls();
        bench.Push("cart", GeneratorBench.Span("a", Kind.Server, 1));
        var first = CollectNow(bench);
        var firstMs = bench.Time.NowMs;
        bench.Push("cart", GeneratorBench.Span("b", Kind.Server, 2));
        var second = bench.Collect();

        Assert.Equal(firstMs - 1, first.Samples[Series("a")].ZeroTimestampMs);
        Assert.Equal(firstMs, first.Samples[Series("a")].TimestampMs);
        Assert.Equal(firstMs + 1, second.Samples[Series("b")].ZeroTimestampMs);
    }

    [Fact]
    public void Gauges_start_without_a_0()
    {
        var bench = new GeneratorBench(s => s with { SpanMetrics = s.SpanMetrics with { EnableTargetInfo = true } });

        bench.Push([("service.name", "cart"), ("a", "b")], GeneratorBench.Span("GET", Kind.Server, 1));

        var sample = bench.Collect().Samples["""traces_target_info{a="b",job="cart"}"""];
        Assert.Equal((1, 0), (sample.Value, sample.ZeroTimestampMs));
    }

    [Fact]
    public void Values_add_up_over_collections_and_are_sent_without_new_spans()
    {
        var bench = Calls();
        bench.Push("cart", GeneratorBench.Span("a", Kind.Server, 1));
        Assert.Equal(1, bench.Collect()[Series("a")]);
        Assert.Equal(1, bench.Collect()[Series("a")]);

        bench.Push("cart", GeneratorBench.Span("a", Kind.Server, 2), GeneratorBench.Span("a", Kind.Server, 3));

        Assert.Equal(3, bench.Collect()[Series("a")]);
    }

    [Fact]
    public void Series_not_updated_for_the_stale_duration_end_with_a_marker_and_are_removed()
    {
        var bench = new GeneratorBench(s => s with { Registry = s.Registry with { StaleDuration = TimeSpan.FromMinutes(2) } });
        bench.Push("cart", GeneratorBench.Span("GET", Kind.Server, 1));
        var live = bench.Collect();
        bench.Time.Advance(TimeSpan.FromSeconds(118));
        Assert.DoesNotContain(bench.Collect().Samples.Values, s => s.IsStale);
        bench.Time.Advance(TimeSpan.FromSeconds(1));

        var ended = bench.Collect();

        Assert.Equal(live.Series, ended.Series);
        Assert.All(ended.Samples.Values, s => Assert.True(s is { IsStale: true, ZeroTimestampMs: 0, Exemplar: null }));
        Assert.Empty(bench.Collect().Series);
    }

    [Fact]
    public void Updated_series_stay_while_others_end()
    {
        var bench = Calls(s => s with { Registry = s.Registry with { StaleDuration = TimeSpan.FromMinutes(2) } });
        for (byte i = 1; i <= 200; i++)
            bench.Push("cart", GeneratorBench.Span($"s{i}", Kind.Server, i));
        bench.Collect();
        bench.Time.Advance(TimeSpan.FromMinutes(2));
        for (byte i = 2; i <= 200; i += 2)
            bench.Push("cart", GeneratorBench.Span($"s{i}", Kind.Server, i));

        var ended = bench.Collect();
        var left = bench.Collect();

        Assert.Equal(200, ended.Samples.Count);
        for (var i = 1; i <= 200; i++)
            Assert.Equal(i % 2 == 1, ended.Samples[Series($"s{i}")].IsStale);
        Assert.Equal(100, left.Samples.Count);
        Assert.All(left.Samples.Values, s => Assert.Equal(2, s.Value));
        Assert.Equal(100, bench.Counters[ActiveSeries]);
        Assert.Equal(200, bench.Counters["tempo_metrics_generator_registry_series_added_total"]);
        Assert.Equal(100, bench.Counters["tempo_metrics_generator_registry_series_removed_total"]);
    }

    [Fact]
    public void A_series_that_returns_after_its_end_restarts_at_0_after_its_marker()
    {
        var bench = Calls();
        bench.Push("cart", GeneratorBench.Span("a", Kind.Server, 1), GeneratorBench.Span("a", Kind.Server, 2));
        bench.Collect();
        bench.Time.Advance(TimeSpan.FromMinutes(15));
        var marker = bench.Collect().Samples[Series("a")];

        bench.Push("cart", GeneratorBench.Span("a", Kind.Server, 3));
        var again = bench.Collect().Samples[Series("a")];

        Assert.True(marker.IsStale);
        Assert.Equal(1, again.Value);
        Assert.Equal(marker.TimestampMs + 1, again.ZeroTimestampMs);
        Assert.True(again.ZeroTimestampMs < again.TimestampMs);
    }

    [Fact]
    public void A_series_that_was_never_sent_ends_without_a_marker()
    {
        var bench = Calls();
        bench.Push("cart", GeneratorBench.Span("a", Kind.Server, 1));
        bench.Time.Advance(TimeSpan.FromMinutes(16));

        Assert.Empty(bench.Collect().Series);
        Assert.Equal(0, bench.Generator.ActiveSeries);
    }

    [Fact]
    public void Beyond_max_active_series_new_label_sets_go_to_the_overflow_and_the_others_continue()
    {
        var bench = Calls(s => s with { MaxActiveSeries = 2 });
        bench.Push("cart", GeneratorBench.Span("a", Kind.Server, 1), GeneratorBench.Span("b", Kind.Server, 2), GeneratorBench.Span("c", Kind.Server, 3));
        Assert.Equal(1, bench.Collect()[Overflow]);

        bench.Push("cart", GeneratorBench.Span("a", Kind.Server, 4), GeneratorBench.Span("c", Kind.Server, 5), GeneratorBench.Span("d", Kind.Server, 6));

        var series = bench.Collect();
        Assert.Equal([Series("a"), Series("b"), Overflow], series.Series.Order(StringComparer.Ordinal).OrderBy(s => s == Overflow));
        Assert.Equal(2, series[Series("a")]);
        Assert.Equal(1, series[Series("b")]);
        Assert.Equal(3, series[Overflow]);
        Assert.Equal(3, bench.Counters["tempo_metrics_generator_registry_series_limited_total"]);
        Assert.Equal(2, bench.Counters[ActiveSeries]);
        Assert.Equal(2, bench.Counters["tempo_metrics_generator_registry_max_active_series"]);
    }

    [Fact]
    public void A_histogram_takes_2_series_plus_one_per_bucket_including_Inf()
    {
        // The first takes 1 + (2 + 2) + 1 series; a second would need 6 more.
        var bench = new GeneratorBench(s => s with
        {
            MaxActiveSeries = 11,
            SpanMetrics = s.SpanMetrics with { HistogramBuckets = [1] },
            ServiceGraphsRequest = false,
            ServiceGraphsLatency = false,
        });

        bench.Push("cart", GeneratorBench.Span("a", Kind.Server, 1), GeneratorBench.Span("b", Kind.Server, 2));

        var series = bench.Collect();
        Assert.Equal(6, series.Series.Count(s => s.Contains("span_name=\"a\"", StringComparison.Ordinal)));
        Assert.Equal(6, series.Series.Count(s => s.Contains("metric_overflow=\"true\"", StringComparison.Ordinal)));
        Assert.Equal(1, series["""traces_spanmetrics_latency_bucket{le="1",metric_overflow="true"}"""]);
        Assert.Equal(6, bench.Counters["tempo_metrics_generator_registry_series_limited_total"]);
    }

    [Fact]
    public void Series_that_end_make_room_and_the_overflow_ends_too()
    {
        var bench = Calls(s => s with { MaxActiveSeries = 1 });
        bench.Push("cart", GeneratorBench.Span("a", Kind.Server, 1), GeneratorBench.Span("b", Kind.Server, 2));
        bench.Collect();
        bench.Time.Advance(TimeSpan.FromMinutes(15));

        var ended = bench.Collect();

        Assert.True(ended.Samples[Overflow].IsStale);
        Assert.Equal(0, bench.Generator.ActiveSeries);
        Assert.Equal(0, bench.Counters[ActiveSeries]);
        bench.Push("cart", GeneratorBench.Span("b", Kind.Server, 3), GeneratorBench.Span("a", Kind.Server, 4));
        var series = bench.Collect();
        Assert.Equal(1, series[Series("b")]);
        Assert.Equal(1, series[Overflow]);
        Assert.NotEqual(0, series.Samples[Overflow].ZeroTimestampMs);
    }

    [Fact]
    public void External_labels_are_on_every_series_and_win()
    {
        var bench = Calls(
            s => s with
            {
                MaxActiveSeries = 1,
                Registry = s.Registry with
                {
                    ExternalLabels = new Dictionary<string, string> { ["cluster"] = "c1", ["service"] = "external", ["empty"] = "" },
                    InjectTenantIdAs = "tenant",
                },
            },
            tenant: "acme");

        bench.Push("cart", GeneratorBench.Span("a", Kind.Server, 1));
        bench.Push("shop", GeneratorBench.Span("a", Kind.Server, 2), GeneratorBench.Span("b", Kind.Server, 3));

        var series = bench.Collect();
        Assert.Equal(2, series["""traces_spanmetrics_calls_total{cluster="c1",service="external",span_kind="SPAN_KIND_SERVER",span_name="a",status_code="STATUS_CODE_UNSET",tenant="acme"}"""]);
        Assert.Equal(1, series["""traces_spanmetrics_calls_total{cluster="c1",metric_overflow="true",service="external",tenant="acme"}"""]);
    }

    [Fact]
    public void An_exemplar_is_the_latest_of_its_bucket_and_is_sent_once()
    {
        var bench = new GeneratorBench(s => s with { SpanMetrics = s.SpanMetrics with { HistogramBuckets = [1, 2] }, ServiceGraphsRequest = false, ServiceGraphsLatency = false });
        bench.Push(
            "cart",
            GeneratorBench.Span("a", Kind.Server, 1, seconds: 0.1, trace: 1),
            GeneratorBench.Span("a", Kind.Server, 2, seconds: 0.2, trace: 2),
            GeneratorBench.Span("a", Kind.Server, 3, seconds: 5, trace: 3));

        var first = bench.Collect().Samples;
        bench.Push("cart", GeneratorBench.Span("a", Kind.Server, 4, seconds: 0.3, trace: 4));
        var second = bench.Collect().Samples;

        Assert.Equal((Trace(2), 0.2), Exemplar(first, "1"));
        Assert.Equal((null, 0), Exemplar(first, "2"));
        Assert.Equal((Trace(3), 5), Exemplar(first, "+Inf"));
        Assert.Equal((Trace(4), 0.3), Exemplar(second, "1"));
        Assert.Equal((null, 0), Exemplar(second, "+Inf"));

        static string Trace(int last) => last.ToString("x32");

        static (string?, double) Exemplar(IReadOnlyDictionary<string, Recorder.Sample> samples, string le)
        {
            var sample = samples[$$"""traces_spanmetrics_latency_bucket{le="{{le}}",{{Labels("a")}}}"""];
            return (sample.Exemplar, sample.ExemplarValue);
        }
    }

    [Fact]
    public void Two_collections_in_one_millisecond_still_have_rising_timestamps()
    {
        var bench = Calls();
        bench.Push("cart", GeneratorBench.Span("a", Kind.Server, 1));
        var nowMs = bench.Time.NowMs;

        Assert.Equal(nowMs, CollectNow(bench).Samples[Series("a")].TimestampMs);
        Assert.Equal(nowMs + 1, CollectNow(bench).Samples[Series("a")].TimestampMs);
        Assert.Equal(nowMs + 2, bench.Generator.Collect(new Recorder()));
    }

    [Fact]
    public void Visiting_the_series_changes_nothing()
    {
        var bench = new GeneratorBench();
        bench.Push("cart", GeneratorBench.Span("a", Kind.Server, 1));
        var seenMs = bench.Time.NowMs;
        bench.Time.Advance(TimeSpan.FromSeconds(5));

        var visited = new Recorder();
        bench.Generator.Visit(visited);
        bench.Generator.Visit(new Recorder());

        var collected = bench.Collect();
        Assert.Equal(collected.Series, visited.Series);
        Assert.All(visited.Samples.Values, s => Assert.Equal((0L, seenMs + 5000), (s.ZeroTimestampMs, s.TimestampMs)));
        Assert.All(collected.Samples, s =>
        {
            Assert.Equal(visited[s.Key], s.Value.Value);
            Assert.Equal(seenMs, s.Value.ZeroTimestampMs);
        });
        Assert.Contains(collected.Samples.Values, s => s.Exemplar is not null);
        Assert.Equal(1, bench.Counters["tempo_metrics_generator_registry_collections_total"]);
    }

    [Fact]
    public void With_collection_disabled_nothing_is_visited_but_series_still_end()
    {
        var bench = Calls(s => s with { DisableCollection = true });
        bench.Push("cart", GeneratorBench.Span("a", Kind.Server, 1));

        Assert.Empty(bench.Collect().Series);
        var visited = new Recorder();
        bench.Generator.Visit(visited);
        Assert.Equal(1, visited[Series("a")]);
        bench.Time.Advance(TimeSpan.FromMinutes(16));
        Assert.Empty(bench.Collect().Series);
        Assert.Equal(0, bench.Generator.ActiveSeries);
    }

    [Fact]
    public void Bounds_are_sorted_and_printed_as_the_shortest_decimal()
    {
        var bench = new GeneratorBench(s => s with
        {
            SpanMetricsCount = false,
            SpanMetricsSize = false,
            ServiceGraphsRequest = false,
            ServiceGraphsLatency = false,
            SpanMetrics = s.SpanMetrics with { HistogramBuckets = [16.384, 0.002, 1, 1e21, 1, 1e-7, double.PositiveInfinity] },
        });

        bench.Push("cart", GeneratorBench.Span("a", Kind.Server, 1, seconds: 1));

        var buckets = bench.Collect().Samples.Where(s => s.Key.Contains("_bucket", StringComparison.Ordinal));
        Assert.Equal(
            [("0.0000001", 0), ("0.002", 0), ("1", 1), ("16.384", 1), ("1000000000000000000000", 1), ("+Inf", 1)],
            buckets.Select(s => (s.Key.Split("le=\"")[1].Split('"')[0], s.Value.Value)));
    }

    [Fact]
    public void A_collection_that_fails_is_counted()
    {
        var bench = Calls();
        bench.Push("cart", GeneratorBench.Span("a", Kind.Server, 1));

        Assert.Throws<InvalidOperationException>(() => bench.Generator.Collect(new Failing()));

        Assert.Equal(1, bench.Counters["tempo_metrics_generator_registry_collections_failed_total"]);
        Assert.Equal(0, bench.Counters["tempo_metrics_generator_registry_collections_total"]);
        Assert.Equal(1, bench.Collect()[Series("a")]);
    }

    private static GeneratorBench Calls(Func<GeneratorSettings, GeneratorSettings>? configure = null, string tenant = "single-tenant") => new(
        s => (configure ?? (x => x))(s with { SpanMetricsLatency = false, SpanMetricsSize = false, ServiceGraphsRequest = false, ServiceGraphsLatency = false }),
        tenant);

    private static string Labels(string span) => $"""service="cart",span_kind="SPAN_KIND_SERVER",span_name="{span}",status_code="STATUS_CODE_UNSET" """.TrimEnd();

    private static string Series(string span) => $"traces_spanmetrics_calls_total{{{Labels(span)}}}";

    private static Recorder CollectNow(GeneratorBench bench)
    {
        var recorder = new Recorder();
        bench.Generator.Collect(recorder);
        return recorder;
    }

    private sealed class Failing : ISeriesVisitor
    {
        public void Visit(in SeriesPoint point) => throw new InvalidOperationException();
    }
}
