
namespace OrleansTempo.Integration;

/// <summary>What every SDK is made to send here, as metrics: calls of <c>GET shop</c> by the service web, served by shop as <c>GET /items</c>.</summary>
internal static class CallsOfTwoServices
{
    /// <param name="failed">How many of the calls the server span marked as an error.</param>
    public static async Task CheckAsync(SiloProcess silo, PrometheusProcess prometheus, int calls, int failed)
    {
        var expected = SeriesValues.Parse($$"""
            traces_service_graph_request_total{client="web",server="shop"} {{calls}}
            traces_service_graph_request_client_seconds_count{client="web",server="shop"} {{calls}}
            traces_service_graph_request_server_seconds_count{client="web",server="shop"} {{calls}}
            traces_spanmetrics_calls_total{service="shop",span_kind="SPAN_KIND_SERVER",span_name="GET /items",status_code="STATUS_CODE_UNSET"} {{calls - failed}}
            traces_spanmetrics_calls_total{service="web",span_kind="SPAN_KIND_CLIENT",span_name="GET shop",status_code="STATUS_CODE_UNSET"} {{calls}}
            traces_spanmetrics_latency_count{service="shop",span_kind="SPAN_KIND_SERVER",span_name="GET /items",status_code="STATUS_CODE_UNSET"} {{calls - failed}}
            traces_spanmetrics_latency_count{service="web",span_kind="SPAN_KIND_CLIENT",span_name="GET shop",status_code="STATUS_CODE_UNSET"} {{calls}}
            """);
        if (failed > 0)
        {
            expected.Add("""traces_service_graph_request_failed_total{client="web",server="shop"}""", failed);
            expected.Add("""traces_spanmetrics_calls_total{service="shop",span_kind="SPAN_KIND_SERVER",span_name="GET /items",status_code="STATUS_CODE_ERROR"}""", failed);
            expected.Add("""traces_spanmetrics_latency_count{service="shop",span_kind="SPAN_KIND_SERVER",span_name="GET /items",status_code="STATUS_CODE_ERROR"}""", failed);
        }

        // How long the calls took and how large their spans are is the SDK's; how many there were is not.
        await Eventually.GetAsync(
            async () => (await silo.StoredAsync(prometheus)).Where(key => key.Contains("_total{") && !key.Contains("_size_total") || key.Contains("_count{")),
            values => values.DifferenceFrom(expected).Length == 0,
            values => values.DifferenceFrom(expected) + silo.Log);
    }
}
