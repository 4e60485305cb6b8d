using System.Net;
using OrleansTempo.Core.Configuration.Generator;
using OrleansTempo.Integration.Harness;

namespace OrleansTempo.Integration;

/// <summary>What is over a limit of the generator is counted where the limit says, and nowhere lost.</summary>
public sealed class LimitsTests(PrometheusFixture prometheus) : IClassFixture<PrometheusFixture>
{
    [PrometheusFact]
    public async Task Beyond_max_active_entities_calls_count_in_the_overflow()
    {
        await using var silo = await SiloProcess.StartAsync(new()
        {
            Test = "entities",
            RemoteWriteUrls = [prometheus.Process.RemoteWriteUrl],
            LimiterType = "entity",
            GeneratorOverrides = "max_active_entities: 3",
        });
        // Each pair of services makes two entities of the span metrics and one of the graph.
        foreach (var number in (int[])[0, 1, 2, 0])
            Assert.Equal(HttpStatusCode.OK, await silo.Sender.PostAsync(GoldenBodies.Call($"client{number}", $"server{number}")));

        var expected = SeriesValues.Parse("""
            traces_service_graph_request_total{client="client0",server="server0"} 2
            traces_service_graph_request_total{metric_overflow="true"} 2
            traces_spanmetrics_calls_total{metric_overflow="true"} 4
            traces_spanmetrics_calls_total{service="client0",span_kind="SPAN_KIND_CLIENT",span_name="call",status_code="STATUS_CODE_UNSET"} 2
            traces_spanmetrics_calls_total{service="server0",span_kind="SPAN_KIND_SERVER",span_name="serve",status_code="STATUS_CODE_UNSET"} 2
            """);
        await Eventually.GetAsync(
            async () => (await silo.StoredAsync(prometheus.Process)).Where(key => key.Contains("calls_total{") || key.Contains("request_total{")),
            values => values.DifferenceFrom(expected).Length == 0,
            values => values.DifferenceFrom(expected) + silo.Log);
        var own = await silo.OwnMetricsAsync();
        Assert.Equal(3, own.Sum("tempo_metrics_generator_registry_active_entities"));
        Assert.Equal(3, own.Sum("tempo_metrics_generator_registry_max_active_entities"));
        Assert.Equal(6, own.Sum("tempo_metrics_generator_registry_entities_limited_total"));
        Assert.Equal(9, own.Sum("tempo_metrics_generator_registry_entity_demand_estimate"));
        Assert.Equal(3 * (2 * 19 + 1 + 2 * 11), own.Sum("tempo_metrics_generator_registry_active_series_demand_estimate"));
    }

    [PrometheusFact]
    public async Task A_label_with_too_many_values_comes_with_one_instead()
    {
        await using var silo = await SiloProcess.StartAsync(new()
        {
            Test = "cardinality",
            RemoteWriteUrls = [prometheus.Process.RemoteWriteUrl],
            GeneratorOverrides = "max_cardinality_per_label: 5",
        });
        var sent = 0;
        for (; sent < 10; sent++)
            Assert.Equal(HttpStatusCode.OK, await silo.Sender.PostAsync(GoldenBodies.Call($"client{sent}", $"server{sent}")));

        const string Spans = """traces_spanmetrics_calls_total{service="__cardinality_overflow__",span_kind="SPAN_KIND_SERVER",span_name="serve",status_code="STATUS_CODE_UNSET"}""";
        const string Edges = """traces_service_graph_request_total{client="__cardinality_overflow__",server="__cardinality_overflow__"}""";
        await Eventually.GetAsync(
            async () =>
            {
                Assert.Equal(HttpStatusCode.OK, await silo.Sender.PostAsync(GoldenBodies.Call("client0", "server0")));
                sent++;
                return await silo.StoredAsync(prometheus.Process);
            },
            stored => stored.GetValueOrDefault(Spans) > 0 && stored.GetValueOrDefault(Edges) > 0,
            stored => $"{stored}\n{silo.Log}");
        Assert.True(await silo.TerminateAsync() == 0, silo.Log);

        var last = await silo.StoredAsync(prometheus.Process);
        Assert.Equal(2 * sent, last.Sum("traces_spanmetrics_calls_total"));
        Assert.Equal(sent, last.Sum("traces_service_graph_request_total"));
        Assert.Empty(prometheus.Process.OrderComplaints);
    }
}
