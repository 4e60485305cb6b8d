using System.Globalization;
using OrleansTempo.Core.Configuration.Generator;
using OrleansTempo.Core.Generator.Samples;
using OrleansTempo.Core.Generator.ServiceGraphs;

namespace OrleansTempo.Core.Tests.Generator;

/// <summary>
/// Compares the generator with <see cref="GeneratorModel"/> over random scenarios, the same ones every time. Environment variables
/// select more or others: <c>GENERATOR_MODEL_SCENARIOS</c> (how many) and <c>GENERATOR_MODEL_SEED</c> (the first).
/// </summary>
public sealed class GeneratorModelTests
{
    private const int Scenarios = 1500;

    private static readonly string[] s_counters =
    [
        "tempo_metrics_generator_spans_received_total",
        "tempo_metrics_generator_spans_discarded_total{outside_metrics_ingestion_slack,all}",
        "tempo_metrics_generator_spans_discarded_total{invalid_utf8,span-metrics}",
        "tempo_metrics_generator_spans_discarded_total{invalid_utf8,service-graphs}",
        "tempo_metrics_generator_spans_discarded_total{span_metrics_filtered,span-metrics}",
        "tempo_metrics_generator_spans_discarded_total{service_graphs_filtered,service-graphs}",
        "tempo_metrics_generator_processor_service_graphs_edges",
        "tempo_metrics_generator_processor_service_graphs_dropped_spans",
        "tempo_metrics_generator_processor_service_graphs_dropped_edges_total",
        "tempo_metrics_generator_processor_service_graphs_expired_edges{SPAN_KIND_CLIENT}",
        "tempo_metrics_generator_processor_service_graphs_expired_edges{SPAN_KIND_SERVER}",
        "tempo_metrics_generator_processor_service_graphs_expired_edges{SPAN_KIND_PRODUCER}",
        "tempo_metrics_generator_processor_service_graphs_expired_edges{SPAN_KIND_CONSUMER}",
    ];

    [Fact]
    public void The_generator_agrees_with_the_model_whatever_comes()
    {
        var first = FromEnvironment("GENERATOR_MODEL_SEED", 1);
        for (var seed = first; seed < first + FromEnvironment("GENERATOR_MODEL_SCENARIOS", Scenarios); seed++)
        {
            var scenario = GeneratorScenario.Draw(seed);
            if (DimensionLabels.Collision(scenario.Settings.SpanMetrics) is not null || Disagreement(scenario) is not { } disagreement)
                continue;

            while (scenario.Smaller().Select(s => (Scenario: s, Disagreement: Disagreement(s))).FirstOrDefault(s => s.Disagreement is not null) is { Scenario: { } smaller } found)
                (scenario, disagreement) = (smaller, found.Disagreement!);
            Assert.Fail($"seed {seed}: {disagreement}\n{scenario}");
        }
    }

    /// <summary>The difference between the two in a few lines, or how the generator failed; null for no difference.</summary>
    private static string? Disagreement(GeneratorScenario scenario)
    {
        try
        {
            return Compare(scenario);
        }
        catch (Exception e)
        {
            return e.ToString();
        }
    }

    private static string? Compare(GeneratorScenario scenario)
    {
        const string Tenant = "single-tenant";
        var bench = new GeneratorBench(_ => scenario.Settings, Tenant);

        // A listener receives from every live meter, so thousands of them would slow each other down.
        using var metrics = bench.Metrics;
        using var counters = bench.Counters;
        var model = new GeneratorModel(scenario.Settings, Tenant);
        foreach (var step in scenario.Steps)
        {
            if (step.Request is { } template)
            {
                var request = template.Clone();
                foreach (var span in request.ResourceSpans.SelectMany(r => r.ScopeSpans).SelectMany(s => s.Spans))
                {
                    span.StartTimeUnixNano += bench.Time.NowNanos - GeneratorScenario.Epoch;
                    span.EndTimeUnixNano += bench.Time.NowNanos - GeneratorScenario.Epoch;
                }

                bench.Push(request);
                model.Push(request, bench.Time.NowMs);
            }
            else if (step.Collects)
            {
                var collected = bench.Collect();
                model.BeforeCollection(bench.Time.NowMs);
                var differences = Differences(bench, model, collected).Take(5).ToList();
                if (differences.Count > 0)
                    return string.Join("\n", differences);
                model.AfterCollection();
            }
            else
            {
                bench.Time.Advance(TimeSpan.FromMilliseconds(step.AdvanceMs));
            }
        }

        return null;
    }

    private static IEnumerable<string> Differences(GeneratorBench bench, GeneratorModel model, Recorder collected)
    {
        foreach (var (series, value) in model.Series)
        {
            if (!collected.Samples.TryGetValue(series, out var sample))
                yield return $"missing: {series} {value}";
            else if (Math.Abs(sample.Value - value) > 1e-9 * Math.Max(1, Math.Abs(value)))
                yield return $"{series} is {sample.Value}, expected {value}";
        }

        foreach (var (series, sample) in collected.Samples)
        {
            if (!model.Series.ContainsKey(series))
                yield return $"unexpected: {series} {sample.Value}";
            var expected = model.Exemplars.TryGetValue(series, out var exemplar) ? exemplar : (null, 0);
            if (sample.Exemplar != expected.TraceId || (expected.TraceId is not null && Math.Abs(sample.ExemplarValue - expected.Value) > 1e-9))
                yield return $"{series} has exemplar ({sample.Exemplar}, {sample.ExemplarValue}), expected {expected}";
        }

        foreach (var counter in s_counters.Union(model.Counters.Keys))
        {
            if (bench.Counters[counter] != model.Counters.GetValueOrDefault(counter))
                yield return $"{counter} is {bench.Counters[counter]}, expected {model.Counters.GetValueOrDefault(counter)}";
        }

        if (bench.Generator.WaitingEdges != model.WaitingEdges)
            yield return $"{bench.Generator.WaitingEdges} edges wait, expected {model.WaitingEdges}";
        if (bench.Generator.ActiveSeries != model.Series.Count)
            yield return $"{bench.Generator.ActiveSeries} active series, expected {model.Series.Count}";
    }

    private static int FromEnvironment(string name, int otherwise) =>
        Environment.GetEnvironmentVariable(name) is { Length: > 0 } set ? int.Parse(set, CultureInfo.InvariantCulture) : otherwise;
}
