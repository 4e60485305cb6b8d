using OrleansTempo.Core.Configuration.Generator;
using OrleansTempo.Core.Generator.SpanMetrics;
using Kind = OrleansTempo.Tests.Otlp.Span.Types.SpanKind;

namespace OrleansTempo.Core.Tests.Generator.SpanMetrics;

public sealed class SpanMultiplierTests
{
    private const string Ignored = "tempo_metrics_generator_ignored_values_total";

    [Theory]
    [InlineData("", 0)]
    [InlineData("ot=th:0", 1)]
    [InlineData("ot=th:8", 2)]
    [InlineData("ot=th:c", 4)]
    [InlineData("ot=th:fd70a4", 100)]
    [InlineData("vendor1=value1,ot=th:8,vendor2=value2", 2)]
    [InlineData("vendor1=value1, ot=th:8 ,vendor2=value2", 2)]
    [InlineData("ot=rv:00112233445566;th:8", 2)]
    [InlineData("ot=th:8;rv:12345678901234", 2)]
    [InlineData("ot=th:c;rv:12345678901234", 4)]
    [InlineData("ot=other:x;th:c", 4)]
    [InlineData("ot=th:xyz", 0)]
    [InlineData("ot=th:8;rv:xyz", 0)]
    [InlineData("ot=th:8;rv:0011", 0)]
    [InlineData("ot=th:C", 0)]
    [InlineData("ot=th:123456789abcdef", 0)]
    [InlineData("ot=th:", 0)]
    [InlineData("ot=th", 0)]
    [InlineData("ot=:8", 0)]
    [InlineData("ot=", 0)]
    [InlineData(",,,", 0)]
    [InlineData("ot=rv:00112233445566", 0)]
    [InlineData("vendor1=value1,vendor2=value2", 0)]
    [InlineData("not=th:c", 0)]
    [InlineData("not=th:8, ot=th:c", 4)]
    public void A_tracestate_gives_its_adjusted_count_or_nothing(string traceState, double count) =>
        Assert.Equal(count, FromTraceState(traceState), 1e-3);

    [Fact]
    public void A_randomness_value_rounds_the_count_so_that_the_mean_stays()
    {
        Assert.Equal(4 / 3.0, FromTraceState("ot=th:4"), 1e-9);

        double sum = 0;
        const int Values = 4096;
        for (ulong i = 0; i < Values; i++)
        {
            var count = FromTraceState($"ot=th:4;rv:{i << 44:x14}");
            Assert.True(count is 1 or 2, $"{count} for {i}");
            sum += count;
        }

        Assert.Equal(4 / 3.0, sum / Values, 1e-3);
    }

    [Theory]
    [InlineData(0.25, null, 4)]
    [InlineData(null, 0.5, 2)]
    [InlineData(0.25, 0.5, 4)]
    [InlineData(0.0, 0.5, 2)]
    [InlineData(-0.5, null, 1)]
    [InlineData(2.0, null, 0.5)]
    [InlineData("0.25", 0.5, 2)]
    [InlineData(4, null, 1)]
    [InlineData(double.NaN, null, 1)]
    [InlineData(null, null, 1)]
    public void The_multiplier_attribute_is_a_double_greater_than_0_of_the_span_or_else_of_the_resource(object? ofSpan, object? ofResource, double count)
    {
        var span = GeneratorBench.Span("a", Kind.Server, 1, attributes: [("other", 0.1), .. ofSpan is null ? [] : new[] { ("ratio", ofSpan) }]);
        using var batch = new OneSpan(span, ofResource is null ? [] : [("ratio", ofResource)]);

        Assert.Equal(count, new SpanMultiplier("ratio", useTraceState: false).Of(batch.Batch, batch.Batch.Spans[0]));
    }

    [Theory]
    [InlineData(5e-324)]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    [InlineData(double.NegativeInfinity)]
    [InlineData(0.0)]
    [InlineData(-0.5)]
    public void An_attribute_without_a_finite_count_is_ignored_and_counted_and_the_resource_is_tried(double ratio)
    {
        var bench = Bench();
        bench.Push([("service.name", "cart"), ("ratio", 0.25)], GeneratorBench.Span("a", Kind.Server, 1, attributes: ("ratio", ratio)));
        bench.Push("cart", GeneratorBench.Span("a", Kind.Server, 2, attributes: ("ratio", ratio)));

        var series = bench.Collect();
        Assert.Equal(5, series[Calls("a")]);
        Assert.Equal(5, series["""traces_service_graph_request_total{client="user",connection_type="virtual_node",server="cart"}"""]);
        Assert.Equal(2, bench.Counters[Ignored + "{invalid_multiplier,span-metrics}"]);
        Assert.Equal(2, bench.Counters[Ignored + "{invalid_multiplier,service-graphs}"]);
    }

    [Theory]
    [InlineData(HistogramMode.Classic)]
    [InlineData(HistogramMode.Both)]
    [InlineData(HistogramMode.Native)]
    public void No_multiplier_makes_a_series_infinite_and_skipped_amounts_are_counted(HistogramMode mode)
    {
        var bench = Bench(mode);
        for (byte i = 1; i < 9; i++)
            bench.Push("cart", GeneratorBench.Span("a", Kind.Server, i, seconds: 0.001 * (1 << i), attributes: ("ratio", 6e-309)));
        bench.Push("cart", GeneratorBench.Span("a", Kind.Server, 9, seconds: 20, attributes: ("ratio", 6e-309)));
        bench.Push("cart", GeneratorBench.Span("b", Kind.Server, 10));

        var series = bench.Collect();
        AssertFinite(series);
        Assert.True(bench.Counters[Ignored + "{overflow,span-metrics}"] > 0);
        Assert.True(bench.Counters[Ignored + "{overflow,service-graphs}"] > 0);
        Assert.Equal(1, series[Calls("b")]);

        bench.Restart();
        bench.Push("cart", GeneratorBench.Span("a", Kind.Server, 11));
        AssertFinite(bench.Collect());
    }

    [Theory]
    [InlineData("", false, "ot=th:c", 1)]
    [InlineData("", true, "ot=th:c", 4)]
    [InlineData("ratio", false, "ot=th:c", 2)]
    [InlineData("ratio", true, "ot=th:c", 4)]
    [InlineData("ratio", true, "ot=th:broken", 2)]
    [InlineData("ratio", true, "", 2)]
    public void A_tracestate_wins_if_it_is_enabled(string key, bool useTraceState, string traceState, double count)
    {
        var span = GeneratorBench.Span("a", Kind.Server, 1, attributes: ("ratio", 0.5));
        span.TraceState = traceState;
        using var batch = new OneSpan(span);
        var multiplier = new SpanMultiplier(key, useTraceState);

        Assert.Equal(count, multiplier.Of(batch.Batch, batch.Batch.Spans[0]));
        Assert.Equal(key.Length == 0 && !useTraceState, multiplier.IsOne);
    }

    private static double FromTraceState(string traceState) => SpanMultiplier.FromTraceState(System.Text.Encoding.UTF8.GetBytes(traceState));

    private static GeneratorBench Bench(HistogramMode mode = HistogramMode.Classic) => new(s => s with
    {
        SpanMetrics = s.SpanMetrics with { SpanMultiplierKey = "ratio" },
        ServiceGraphs = s.ServiceGraphs with { SpanMultiplierKey = "ratio" },
        NativeHistograms = s.NativeHistograms with { Mode = mode },
    });

    private static string Calls(string name) => $$"""traces_spanmetrics_calls_total{service="cart",span_kind="SPAN_KIND_SERVER",span_name="{{name}}",status_code="STATUS_CODE_UNSET"}""";

    private static void AssertFinite(Recorder series) => Assert.All(series.Samples, static s => Assert.True(double.IsFinite(s.Value.Value), s.Key));
}
