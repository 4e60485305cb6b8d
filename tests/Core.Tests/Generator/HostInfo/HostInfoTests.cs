using Google.Protobuf;
using OrleansTempo.Core.Configuration.Generator;
using OrleansTempo.Core.Generator.Samples;
using OrleansTempo.Core.Overrides;
using OrleansTempo.Tests.Otlp;
using Kind = OrleansTempo.Tests.Otlp.Span.Types.SpanKind;

namespace OrleansTempo.Core.Tests.Generator.HostInfo;

public sealed class HostInfoTests
{
    private static readonly string[] s_node = ["""traces_host_info{grafana_host_id="n1",host_source="k8s.node.name"}"""];

    [Fact]
    public void The_first_identifier_that_the_resource_has_names_the_host()
    {
        Assert.Equal(s_node, Hosts(("host.id", "h1"), ("k8s.node.name", "n1")));
        Assert.Equal(["""traces_host_info{grafana_host_id="h1",host_source="host.id"}"""], Hosts(("host.id", "h1"), ("host.name", "h2")));
        Assert.Empty(Hosts(("host.name", "h2")));
    }

    [Fact]
    public void An_identifier_that_is_empty_or_not_a_string_is_ignored()
    {
        Assert.Equal(s_node, Hosts(("k8s.node.name", 7), ("k8s.node.name", ""), ("k8s.node.name", "n1"), ("host.id", "h1")));
        Assert.Empty(Hosts(("host.id", true), ("k8s.node.name", "")));
    }

    [Fact]
    public void Every_host_of_a_request_is_a_gauge_of_1_and_counts_once()
    {
        var bench = Bench();
        bench.Push([("host.id", "h1")], Span(), Span());
        bench.Push([("host.id", "h2")], Span());
        bench.Push([("host.id", "h1")], Span());

        var collected = bench.Collect();

        Assert.Equal(2, bench.Generator.ActiveSeries);
        Assert.Equal((1, 0), (collected[Host("h1")], collected.Samples[Host("h1")].ZeroTimestampMs));
        Assert.Equal(1, collected[Host("h2")]);
        Assert.Equal(1, bench.Counters["tempo_metrics_generator_active_processors{host-info}"]);
    }

    [Fact]
    public void A_host_whose_spans_all_lie_outside_the_slack_is_not_seen()
    {
        var bench = Bench();
        bench.Push([("host.id", "h1")], new Span { TraceId = ByteString.CopyFrom(new byte[16]), StartTimeUnixNano = 1, EndTimeUnixNano = 2 });

        Assert.Empty(bench.Collect().Series);
    }

    [Fact]
    public void A_host_that_sends_nothing_any_more_ends_with_a_staleness_marker()
    {
        var bench = Bench();
        bench.Push([("host.id", "h1")], Span());
        bench.Collect();
        bench.Time.Advance(TimeSpan.FromMinutes(10));
        bench.Push([("host.id", "h1")], Span());
        bench.Time.Advance(TimeSpan.FromMinutes(10));
        Assert.Equal(1, bench.Collect()[Host("h1")]);

        bench.Time.Advance(TimeSpan.FromMinutes(5));

        Assert.True(bench.Collect().Samples[Host("h1")].IsStale);
        Assert.Empty(bench.Collect().Series);
    }

    [Fact]
    public void External_labels_are_on_host_info_and_win()
    {
        var bench = Bench(s => s with { Registry = s.Registry with { ExternalLabels = new Dictionary<string, string> { ["host_source"] = "mine", ["cluster"] = "c1" } } });
        bench.Push([("host.id", "x")], Span());
        bench.Push([("k8s.node.name", "x")], Span());

        Assert.Equal(["""traces_host_info{cluster="c1",grafana_host_id="x",host_source="mine"}"""], bench.Collect().Series);
    }

    [Fact]
    public void Hosts_over_the_limit_of_series_go_to_the_overflow()
    {
        var bench = Bench(s => s with { MaxActiveSeries = 1 });
        bench.Push([("host.id", "h1")], Span());
        bench.Push([("host.id", "h2")], Span());

        Assert.Equal([Host("h1"), """traces_host_info{metric_overflow="true"}"""], bench.Collect().Series.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_host_whose_name_is_not_UTF_8_is_left_out_and_counted()
    {
        var bench = Bench();
        var bytes = new ExportTraceServiceRequest
        {
            ResourceSpans = { new ResourceSpans { Resource = new Resource { Attributes = { GeneratorBench.Attribute("host.id", "xx") } }, ScopeSpans = { new ScopeSpans { Spans = { Ending(bench) } } } } },
        }.ToByteArray();
        bytes[bytes.AsSpan().IndexOf("xx"u8)] = 0xFF;

        bench.Push(bytes);

        Assert.Empty(bench.Collect().Series);
        Assert.Equal(1, bench.Counters["tempo_metrics_generator_spans_discarded_total{invalid_utf8,host-info}"]);
    }

    [Fact]
    public void Other_identifiers_and_another_name_apply_at_once_and_end_the_old_series()
    {
        var bench = Bench();
        (string, object)[] resource = [("host.id", "h1"), ("host.name", "h2")];
        bench.Push(resource, Span());
        bench.Collect();

        bench.Apply(s => s with { HostInfo = new HostInfoOptions { HostIdentifiers = ["host.name", "host.id"] } });
        bench.Push(resource, Span());
        bench.Push([("host.id", "h1")], Span());
        var both = bench.Collect();
        bench.Apply(s => s with { HostInfo = s.HostInfo with { MetricName = "hosts" } });
        bench.Push([("host.id", "h1")], Span());
        var renamed = bench.Collect();

        Assert.Equal([Host("h1"), Host("h2", "host.name")], both.Series.Order(StringComparer.Ordinal));
        Assert.DoesNotContain(both.Samples.Values, s => s.IsStale);
        Assert.Equal(1, renamed[Host("h1").Replace("traces_host_info", "hosts")]);
        Assert.True(renamed.Samples[Host("h1")].IsStale);
    }

    [Fact]
    public void Switched_off_host_info_ends_and_the_others_continue()
    {
        var bench = Bench(s => s with { SpanMetricsCount = true });
        bench.Push([("host.id", "h1")], Span());
        bench.Collect();

        bench.Apply(s => s with { HostInfoEnabled = false });
        bench.Push([("host.id", "h1")], Span());
        var collected = bench.Collect();

        Assert.True(collected.Samples[Host("h1")].IsStale);
        var calls = Assert.Single(collected.Samples, s => s.Key.StartsWith("traces_spanmetrics_calls_total", StringComparison.Ordinal)).Value;
        Assert.Equal((2, 0, false), (calls.Value, calls.ZeroTimestampMs, calls.IsStale));
        Assert.Equal(0, bench.Counters["tempo_metrics_generator_active_processors{host-info}"]);
    }

    [Fact]
    public void The_next_generator_continues_host_info()
    {
        var bench = Bench();
        bench.Push([("host.id", "h1")], Span());
        bench.Collect();
        bench.Time.Advance(TimeSpan.FromMinutes(14));

        bench.Restart();
        bench.Push([("host.id", "h2")], Span());

        Assert.Equal([Host("h1"), Host("h2")], bench.Collect().Series.Order(StringComparer.Ordinal));
        Assert.Equal(2, bench.Generator.ActiveSeries);
        bench.Time.Advance(TimeSpan.FromMinutes(1));
        Assert.True(bench.Collect().Samples[Host("h1")].IsStale);
    }

    [Fact]
    public void A_next_generator_without_host_info_ends_its_series()
    {
        var bench = Bench();
        bench.Push([("host.id", "h1")], Span());
        bench.Collect();

        bench.Restart(s => s with { HostInfoEnabled = false, SpanMetricsCount = true });

        Assert.True(bench.Collect().Samples[Host("h1")].IsStale);
        Assert.Equal(0, bench.Generator.ActiveSeries);
    }

    private static IEnumerable<string> Hosts(params (string Key, object Value)[] resource)
    {
        var bench = Bench();
        bench.Push(resource, Span());
        return bench.Collect().Series;
    }

    private static GeneratorBench Bench(Func<GeneratorSettings, GeneratorSettings>? configure = null) =>
        new(s => (configure ?? (x => x))(s.WithoutProcessors() with { HostInfoEnabled = true }));

    private static Span Span() => GeneratorBench.Span("a", Kind.Internal, 1);

    private static Span Ending(GeneratorBench bench)
    {
        var span = Span();
        span.EndTimeUnixNano = bench.Time.NowNanos;
        return span;
    }

    private static string Host(string id, string source = "host.id") => $$"""traces_host_info{grafana_host_id="{{id}}",host_source="{{source}}"}""";
}
