using OrleansTempo.Core.Configuration.Generator;
using OrleansTempo.Core.Configuration.Overrides;
using OrleansTempo.Core.Overrides;
using OrleansTempo.Tests.Otlp;
using Kind = OrleansTempo.Tests.Otlp.Span.Types.SpanKind;

namespace OrleansTempo.Core.Tests.Generator.SpanNames;

/// <summary><c>span_name_sanitization</c> from the tenant's view: the labels of its series, and the service's own metrics.</summary>
public sealed class SpanNameSanitizationTests
{
    private const string Registry = "tempo_metrics_generator_registry_";

    [Fact]
    public void Without_sanitization_every_name_has_its_series()
    {
        var bench = Bench(SpanNameSanitization.Off);
        bench.Push("shop", Spans("GET /users/1", "GET /users/2", "GET /users/3"));

        Assert.Equal([("GET /users/1", 1), ("GET /users/2", 1), ("GET /users/3", 1)], Calls(bench.Collect()));
        Assert.Equal(0, bench.Counters[Registry + "drain_patterns_detected_total"]);
    }

    [Fact]
    public void With_sanitization_names_that_differ_in_their_data_are_one_series_except_the_first()
    {
        var bench = Bench(SpanNameSanitization.Enabled);
        bench.Push("shop", Spans("GET /users/1", "GET /users/2", "GET /users/3", "GET /users/1", "checkout", "GET /users/1/cart"));

        Assert.Equal([("GET /users/1", 1), ("GET /users/1/cart", 1), ("GET /users/<_>", 3), ("checkout", 1)], Calls(bench.Collect()));
        Assert.Equal(3, bench.Counters[Registry + "spans_sanitized_total"]);
        Assert.Equal(2, bench.Counters[Registry + "drain_patterns_detected_total"]);
        Assert.Equal(1, bench.Counters[Registry + "drain_lines_skipped_total{too_few_tokens}"]);
        Assert.Equal(4, bench.Counters[Registry + "post_sanitization_demand_estimate"]);
    }

    [Fact]
    public void In_a_dry_run_labels_stay_and_the_demand_is_what_it_would_be()
    {
        var bench = Bench(SpanNameSanitization.DryRun);
        bench.Push("shop", Spans([.. Enumerable.Range(0, 200).Select(i => $"GET /users/{i}")]));
        bench.Push("shop", GeneratorBench.Span("root", Kind.Server, 1));

        var collected = bench.Collect();

        Assert.Equal(201, Calls(collected).Count);
        Assert.Equal(199, bench.Counters[Registry + "spans_sanitized_total"]);

        // The first name, the template, the root, and the edge to it.
        Assert.Equal(4, bench.Counters[Registry + "post_sanitization_demand_estimate"]);
    }

    [Fact]
    public void A_more_general_template_has_its_own_series_and_the_previous_one_goes_stale()
    {
        var bench = Bench(SpanNameSanitization.Enabled);
        bench.Push("shop", Spans("PUT /a/1/b/1", "PUT /a/2/b/1"));
        bench.Push("shop", Spans("PUT /a/3/b/3"));
        Assert.Equal([("PUT /a/1/b/1", 1), ("PUT /a/<_>/b/1", 1), ("PUT /a/<_>/b/<_>", 1)], Calls(bench.Collect()));

        bench.Time.Advance(TimeSpan.FromMinutes(10));
        bench.Push("shop", Spans("PUT /a/1/b/1"));
        bench.Time.Advance(TimeSpan.FromMinutes(5));

        Assert.Equal([("PUT /a/<_>/b/<_>", 2)], Calls(bench.Collect()));
    }

    [Fact]
    public void Sanitization_can_be_switched_at_run_time()
    {
        var bench = Bench(SpanNameSanitization.Off);
        bench.Push("shop", Spans("GET /users/1", "GET /users/2"));
        bench.Collect();

        bench.Apply(Mode(SpanNameSanitization.DryRun));
        bench.Push("shop", Spans("GET /users/1"));
        bench.Apply(Mode(SpanNameSanitization.Enabled));
        bench.Push("shop", Spans("GET /users/1"));
        var enabled = bench.Collect();
        bench.Apply(Mode(SpanNameSanitization.Off));
        bench.Push("shop", Spans("GET /users/1"));
        var off = bench.Collect();

        Assert.Equal([("GET /users/1", 2), ("GET /users/2", 1), ("GET /users/<_>", 1)], Calls(enabled));
        Assert.Equal([("GET /users/1", 3), ("GET /users/2", 1), ("GET /users/<_>", 1)], Calls(off));
        Assert.DoesNotContain(off.Samples.Values, s => s.IsStale);
        Assert.Equal(0, bench.Counters[Registry + "post_sanitization_demand_estimate"]);
    }

    [Theory]
    [InlineData(SpanNameSanitization.Enabled)]
    [InlineData(SpanNameSanitization.DryRun)]
    public void The_next_generator_knows_the_templates_of_the_restored_series(SpanNameSanitization mode)
    {
        var bench = Bench(mode);
        bench.Push("shop", Spans("GET /users/1", "GET /users/2", "INSERT INTO t_2023", "INSERT INTO t_2024"));
        bench.Collect();

        bench.Restart(Mode(SpanNameSanitization.Enabled));
        bench.Push("shop", Spans("GET /users/77", "INSERT INTO t_2025"));
        var collected = bench.Collect();

        var calls = Calls(collected).ToDictionary(c => c.Name, c => c.Calls);
        Assert.Equal(mode == SpanNameSanitization.Enabled ? 2 : 1, calls["GET /users/<_>"]);
        Assert.Equal(mode == SpanNameSanitization.Enabled ? 2 : 1, calls["INSERT INTO t_<_>"]);
        Assert.DoesNotContain("GET /users/77", calls.Keys);
        Assert.Equal(collected.Samples.Count, bench.Generator.ActiveSeries);
    }

    [Fact]
    public void A_change_of_other_settings_keeps_the_templates()
    {
        var bench = Bench(SpanNameSanitization.Enabled);
        bench.Push("shop", Spans("GET /users/1", "GET /users/2"));
        bench.Collect();

        bench.Apply(s => s with { SpanMetrics = s.SpanMetrics with { Dimensions = ["zone"] } });
        bench.Push("shop", Spans("GET /users/3"));

        Assert.Equal([("GET /users/1", 1), ("GET /users/<_>", 2)], Calls(bench.Collect()));
    }

    [Fact]
    public void A_template_that_is_longer_than_a_label_may_be_is_cut_once_more()
    {
        var bench = Bench(SpanNameSanitization.Enabled, s => s with { Registry = s.Registry with { MaxLabelValueLength = 6 } });
        bench.Push("shop", Spans("/ab/1 c", "/ab/2 d", "/ab/2", "/ab/3"));

        // Templates are made of the cut names: "/ab/1 ", "/ab/2 ".
        Assert.Equal([("/ab/1 ", 1), ("/ab/2", 1), ("/ab/<_", 2)], Calls(bench.Collect()));
        Assert.Equal(3 * 19, bench.Generator.ActiveSeries);
    }

    [Fact]
    public void Nothing_is_learned_from_a_hidden_name_label()
    {
        var bench = Bench(SpanNameSanitization.Enabled, s => s with { SpanMetrics = s.SpanMetrics with { IntrinsicDimensions = new IntrinsicDimensionsOptions { SpanName = false } } });
        bench.Push("shop", Spans("GET /users/1", "GET /users/2"));

        Assert.Equal([("", 2)], Calls(bench.Collect()));
        Assert.Equal(0, bench.Counters[Registry + "drain_patterns_detected_total"]);
        Assert.Equal(1, bench.Counters[Registry + "post_sanitization_demand_estimate"]);
    }

    [Fact]
    public void Nothing_is_learned_from_names_that_a_filter_drops()
    {
        var bench = Bench(SpanNameSanitization.Enabled, s => s with
        {
            SpanMetrics = s.SpanMetrics with
            {
                FilterPolicies = [new FilterPolicyOptions { Exclude = new PolicyMatchOptions { Attributes = [new PolicyAttributeOptions { Key = "name", Value = "GET /users/1" }] } }],
            },
        });
        bench.Push("shop", Spans("GET /users/1", "GET /users/2"));

        Assert.Equal([("GET /users/2", 1)], Calls(bench.Collect()));
    }

    private static GeneratorBench Bench(SpanNameSanitization mode, Func<GeneratorSettings, GeneratorSettings>? configure = null) =>
        new(s => (configure ?? (x => x))(s with { SpanNameSanitization = mode }));

    private static Func<GeneratorSettings, GeneratorSettings> Mode(SpanNameSanitization mode) => s => s with { SpanNameSanitization = mode };

    // Internal spans, which the service graph ignores.
    private static Span[] Spans(params string[] names) => [.. names.Select((name, i) => GeneratorBench.Span(name, Kind.Internal, (byte)(i + 1)))];

    /// <summary>The span names of the calls series, in order, with their number of calls; without series that end.</summary>
    private static List<(string Name, double Calls)> Calls(Recorder collected) =>
    [
        .. collected.Samples
            .Where(s => s.Key.StartsWith("traces_spanmetrics_calls_total", StringComparison.Ordinal) && !s.Value.IsStale)
            .Select(s => (Name: Label(s.Key), s.Value.Value))
            .OrderBy(s => s.Name, StringComparer.Ordinal),
    ];

    private static string Label(string series)
    {
        const string Start = "span_name=\"";
        var start = series.IndexOf(Start, StringComparison.Ordinal);
        return start < 0 ? "" : series[(start + Start.Length)..series.IndexOf('"', start + Start.Length)];
    }
}
