
namespace OrleansTempo.Integration;

/// <summary>
/// What the generator's contract says of the golden bodies that <c>expected.prom</c> does not cover, series by series, as
/// Prometheus has them. Each test names every series of its services but the buckets, so one too many fails as well.
/// </summary>
public sealed class ContractTests(ContractFixture contract) : IClassFixture<ContractFixture>
{
    [PrometheusFact]
    public void Client_without_a_server_becomes_an_edge_to_its_peer_attribute() => Check("payment", """
        traces_service_graph_request_client_seconds_count{client="payment",connection_type="virtual_node",server="payments-ext"} 1
        traces_service_graph_request_client_seconds_sum{client="payment",connection_type="virtual_node",server="payments-ext"} 0.333
        traces_service_graph_request_server_seconds_count{client="payment",connection_type="virtual_node",server="payments-ext"} 1
        traces_service_graph_request_server_seconds_sum{client="payment",connection_type="virtual_node",server="payments-ext"} 0
        traces_service_graph_request_total{client="payment",connection_type="virtual_node",server="payments-ext"} 1
        traces_spanmetrics_calls_total{service="payment",span_kind="SPAN_KIND_CLIENT",span_name="charge",status_code="STATUS_CODE_UNSET"} 1
        traces_spanmetrics_latency_count{service="payment",span_kind="SPAN_KIND_CLIENT",span_name="charge",status_code="STATUS_CODE_UNSET"} 1
        traces_spanmetrics_latency_sum{service="payment",span_kind="SPAN_KIND_CLIENT",span_name="charge",status_code="STATUS_CODE_UNSET"} 0.333
        traces_spanmetrics_size_total{service="payment",span_kind="SPAN_KIND_CLIENT",span_name="charge",status_code="STATUS_CODE_UNSET"} 90
        """);

    [PrometheusFact]
    public void Server_whose_parent_never_comes_makes_no_edge() => Check("edge", """
        traces_spanmetrics_calls_total{service="edge",span_kind="SPAN_KIND_SERVER",span_name="GET /orphan",status_code="STATUS_CODE_UNSET"} 1
        traces_spanmetrics_latency_count{service="edge",span_kind="SPAN_KIND_SERVER",span_name="GET /orphan",status_code="STATUS_CODE_UNSET"} 1
        traces_spanmetrics_latency_sum{service="edge",span_kind="SPAN_KIND_SERVER",span_name="GET /orphan",status_code="STATUS_CODE_UNSET"} 0.007
        traces_spanmetrics_size_total{service="edge",span_kind="SPAN_KIND_SERVER",span_name="GET /orphan",status_code="STATUS_CODE_UNSET"} 73
        """);

    [PrometheusFact]
    public void Server_whose_parent_never_comes_is_the_one_edge_counted_as_expired() =>
        Assert.Equal(1, contract.Own.Sum("tempo_metrics_generator_processor_service_graphs_expired_edges"));

    [PrometheusFact]
    public void Resource_without_a_service_name_has_no_service_label_and_no_edge()
    {
        var expected = SeriesValues.Parse("""
            traces_spanmetrics_calls_total{span_kind="SPAN_KIND_UNSPECIFIED",span_name="anon",status_code="STATUS_CODE_OK"} 1
            traces_spanmetrics_latency_count{span_kind="SPAN_KIND_UNSPECIFIED",span_name="anon",status_code="STATUS_CODE_OK"} 1
            traces_spanmetrics_latency_sum{span_kind="SPAN_KIND_UNSPECIFIED",span_name="anon",status_code="STATUS_CODE_OK"} 0.001
            traces_spanmetrics_size_total{span_kind="SPAN_KIND_UNSPECIFIED",span_name="anon",status_code="STATUS_CODE_OK"} 56
            """);

        var actual = contract.Stored.Where(key => !IsBucket(key) && !key.Contains("service=") && !key.Contains("client="));

        Assert.Equal("", actual.DifferenceFrom(expected));
    }

    [PrometheusFact]
    public void Span_that_ends_before_it_starts_lasts_zero_seconds()
    {
        Check("neg", """
            traces_spanmetrics_calls_total{service="neg",span_kind="SPAN_KIND_INTERNAL",span_name="neg",status_code="STATUS_CODE_UNSET"} 1
            traces_spanmetrics_latency_count{service="neg",span_kind="SPAN_KIND_INTERNAL",span_name="neg",status_code="STATUS_CODE_UNSET"} 1
            traces_spanmetrics_latency_sum{service="neg",span_kind="SPAN_KIND_INTERNAL",span_name="neg",status_code="STATUS_CODE_UNSET"} 0
            traces_spanmetrics_size_total{service="neg",span_kind="SPAN_KIND_INTERNAL",span_name="neg",status_code="STATUS_CODE_UNSET"} 55
            """);
        Assert.All(Buckets("traces_spanmetrics_latency", "neg"), bucket => Assert.Equal(1, bucket.Value));
    }

    [PrometheusFact]
    public void Database_without_a_peer_is_named_by_its_address_or_else_its_system() => Check("inventory", """
        traces_service_graph_request_client_seconds_count{client="inventory",connection_type="database",server="10.1.1.1:27017"} 1
        traces_service_graph_request_client_seconds_count{client="inventory",connection_type="database",server="redis"} 1
        traces_service_graph_request_client_seconds_sum{client="inventory",connection_type="database",server="10.1.1.1:27017"} 0.009
        traces_service_graph_request_client_seconds_sum{client="inventory",connection_type="database",server="redis"} 0.001
        traces_service_graph_request_server_seconds_count{client="inventory",connection_type="database",server="10.1.1.1:27017"} 1
        traces_service_graph_request_server_seconds_count{client="inventory",connection_type="database",server="redis"} 1
        traces_service_graph_request_server_seconds_sum{client="inventory",connection_type="database",server="10.1.1.1:27017"} 0.009
        traces_service_graph_request_server_seconds_sum{client="inventory",connection_type="database",server="redis"} 0.001
        traces_service_graph_request_total{client="inventory",connection_type="database",server="10.1.1.1:27017"} 1
        traces_service_graph_request_total{client="inventory",connection_type="database",server="redis"} 1
        traces_spanmetrics_calls_total{service="inventory",span_kind="SPAN_KIND_CLIENT",span_name="GET key",status_code="STATUS_CODE_UNSET"} 1
        traces_spanmetrics_calls_total{service="inventory",span_kind="SPAN_KIND_CLIENT",span_name="find",status_code="STATUS_CODE_UNSET"} 1
        traces_spanmetrics_latency_count{service="inventory",span_kind="SPAN_KIND_CLIENT",span_name="GET key",status_code="STATUS_CODE_UNSET"} 1
        traces_spanmetrics_latency_count{service="inventory",span_kind="SPAN_KIND_CLIENT",span_name="find",status_code="STATUS_CODE_UNSET"} 1
        traces_spanmetrics_latency_sum{service="inventory",span_kind="SPAN_KIND_CLIENT",span_name="GET key",status_code="STATUS_CODE_UNSET"} 0.001
        traces_spanmetrics_latency_sum{service="inventory",span_kind="SPAN_KIND_CLIENT",span_name="find",status_code="STATUS_CODE_UNSET"} 0.009
        traces_spanmetrics_size_total{service="inventory",span_kind="SPAN_KIND_CLIENT",span_name="GET key",status_code="STATUS_CODE_UNSET"} 81
        traces_spanmetrics_size_total{service="inventory",span_kind="SPAN_KIND_CLIENT",span_name="find",status_code="STATUS_CODE_UNSET"} 171
        """);

    [PrometheusFact]
    public void Equal_spans_add_up_in_one_series()
    {
        Check("looper", """
            traces_spanmetrics_calls_total{service="looper",span_kind="SPAN_KIND_INTERNAL",span_name="loop",status_code="STATUS_CODE_UNSET"} 3
            traces_spanmetrics_latency_count{service="looper",span_kind="SPAN_KIND_INTERNAL",span_name="loop",status_code="STATUS_CODE_UNSET"} 3
            traces_spanmetrics_latency_sum{service="looper",span_kind="SPAN_KIND_INTERNAL",span_name="loop",status_code="STATUS_CODE_UNSET"} 0.104
            traces_spanmetrics_size_total{service="looper",span_kind="SPAN_KIND_INTERNAL",span_name="loop",status_code="STATUS_CODE_UNSET"} 168
            """);
        // 1 ms, 3 ms and 100 ms, in buckets of 2 ms × 2^i.
        Assert.Equal(
            [3, 1, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3],
            new[] { "+Inf", "0.002", "0.004", "0.008", "0.016", "0.032", "0.064", "0.128", "0.256", "0.512", "1.024", "2.048", "4.096", "8.192", "16.384" }
                .Select(le => Buckets("traces_spanmetrics_latency", "looper").Single(bucket => bucket.Key.Contains($"le=\"{le}\"")).Value));
    }

    [PrometheusFact]
    public void Odd_names_come_through_escaped_and_long_ones_are_cut()
    {
        var service = """svc \"q\" \\ ü""";
        var cut = new string('n', 2048);
        Check(service, $$"""
            traces_service_graph_request_client_seconds_count{client="browser",connection_type="virtual_node",server="{{service}}"} 1
            traces_service_graph_request_client_seconds_sum{client="browser",connection_type="virtual_node",server="{{service}}"} 0
            traces_service_graph_request_server_seconds_count{client="browser",connection_type="virtual_node",server="{{service}}"} 1
            traces_service_graph_request_server_seconds_sum{client="browser",connection_type="virtual_node",server="{{service}}"} 0.012345678
            traces_service_graph_request_total{client="browser",connection_type="virtual_node",server="{{service}}"} 1
            traces_spanmetrics_calls_total{service="{{service}}",span_kind="17",status_code="9"} 1
            traces_spanmetrics_calls_total{service="{{service}}",span_kind="SPAN_KIND_INTERNAL",span_name="{{cut}}",status_code="STATUS_CODE_UNSET"} 1
            traces_spanmetrics_calls_total{service="{{service}}",span_kind="SPAN_KIND_SERVER",span_name="GET /naïve/λ\nline2",status_code="STATUS_CODE_UNSET"} 1
            traces_spanmetrics_latency_count{service="{{service}}",span_kind="17",status_code="9"} 1
            traces_spanmetrics_latency_count{service="{{service}}",span_kind="SPAN_KIND_INTERNAL",span_name="{{cut}}",status_code="STATUS_CODE_UNSET"} 1
            traces_spanmetrics_latency_count{service="{{service}}",span_kind="SPAN_KIND_SERVER",span_name="GET /naïve/λ\nline2",status_code="STATUS_CODE_UNSET"} 1
            traces_spanmetrics_latency_sum{service="{{service}}",span_kind="17",status_code="9"} 0.001
            traces_spanmetrics_latency_sum{service="{{service}}",span_kind="SPAN_KIND_INTERNAL",span_name="{{cut}}",status_code="STATUS_CODE_UNSET"} 0.001
            traces_spanmetrics_latency_sum{service="{{service}}",span_kind="SPAN_KIND_SERVER",span_name="GET /naïve/λ\nline2",status_code="STATUS_CODE_UNSET"} 0.012345678
            traces_spanmetrics_size_total{service="{{service}}",span_kind="17",status_code="9"} 52
            traces_spanmetrics_size_total{service="{{service}}",span_kind="SPAN_KIND_INTERNAL",span_name="{{cut}}",status_code="STATUS_CODE_UNSET"} 2153
            traces_spanmetrics_size_total{service="{{service}}",span_kind="SPAN_KIND_SERVER",span_name="GET /naïve/λ\nline2",status_code="STATUS_CODE_UNSET"} 99
            """);
    }

    [PrometheusFact]
    public void No_span_of_the_bodies_was_refused_or_left_out()
    {
        Assert.Equal(0, contract.Own.Sum("tempo_discarded_spans_total"));
        Assert.Equal(0, contract.Own.Sum("tempo_metrics_generator_spans_discarded_total"));
        Assert.Equal(12, contract.Own.Sum("tempo_metrics_generator_spans_received_total"));
        Assert.Equal(12, contract.Stored.Sum("traces_spanmetrics_calls_total"));
    }

    /// <summary>Compares all series of a service, as itself or as either end of an edge, but their buckets.</summary>
    private void Check(string service, string expected)
    {
        var actual = contract.Stored.Where(key => !IsBucket(key) && Names(key, service));

        Assert.Equal("", actual.DifferenceFrom(SeriesValues.Parse(expected)));
    }

    private SeriesValues Buckets(string family, string service) =>
        contract.Stored.Where(key => key.StartsWith(family + "_bucket{", StringComparison.Ordinal) && Names(key, service));

    private static bool IsBucket(string key) => key.Contains("_bucket{", StringComparison.Ordinal);

    private static bool Names(string key, string service) =>
        key.Contains($"service=\"{service}\"") || key.Contains($"client=\"{service}\"") || key.Contains($"server=\"{service}\"");
}
