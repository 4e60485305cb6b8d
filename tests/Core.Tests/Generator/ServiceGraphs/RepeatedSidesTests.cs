using OrleansTempo.Core.Configuration.Generator;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Tests.Otlp;
using Kind = OrleansTempo.Tests.Otlp.Span.Types.SpanKind;

namespace OrleansTempo.Core.Tests.Generator.ServiceGraphs;

/// <summary>Several spans for the same side of an edge: a span sent twice, or a request of a client served twice.</summary>
public sealed class RepeatedSidesTests
{
    private const string Edges = "tempo_metrics_generator_processor_service_graphs_edges";
    private const string Requests = """traces_service_graph_request_total{client="shop",server="cart"}""";

    [Fact]
    public void An_edge_has_failed_if_any_of_its_spans_has()
    {
        var bench = new GeneratorBench();
        var failed = GeneratorBench.Span("GET /", Kind.Server, 2, parent: 1);
        failed.Status = new Status { Code = Status.Types.StatusCode.Error };

        bench.Push("cart", failed, GeneratorBench.Span("GET /", Kind.Server, 3, parent: 1));
        bench.Push("shop", GeneratorBench.Span("GET", Kind.Client, 1));

        Assert.Equal(1, bench.Collect()["""traces_service_graph_request_failed_total{client="shop",server="cart"}"""]);
    }

    [Fact]
    public void A_client_span_that_turns_out_to_call_a_database_is_still_one_edge()
    {
        var bench = new GeneratorBench();

        bench.Push("shop", GeneratorBench.Span("SELECT", Kind.Client, 1));
        bench.Push("shop", GeneratorBench.Span("SELECT", Kind.Client, 1, attributes: ("db.name", "orders")));

        Assert.Equal(1, bench.Collect()["""traces_service_graph_request_total{client="shop",connection_type="database",server="orders"}"""]);
        Assert.Equal(1, bench.Counters[Edges]);
    }

    [Fact]
    public void A_span_that_replaces_a_dropped_one_waits_its_full_time_and_is_counted()
    {
        var bench = WithoutProbes();

        bench.Push("cart", GeneratorBench.Span("probe", Kind.Server, 2, parent: 1));
        bench.Time.Advance(TimeSpan.FromSeconds(9));
        bench.Push("cart", GeneratorBench.Span("GET /", Kind.Server, 3, parent: 1));
        bench.Time.Advance(TimeSpan.FromSeconds(9));
        bench.Push("shop", GeneratorBench.Span("GET", Kind.Client, 1));

        Assert.Equal(1, bench.Collect()[Requests]);
        Assert.Equal(1, bench.Counters[Edges]);
    }

    [Fact]
    public void A_side_that_is_dropped_again_is_remembered_for_the_full_time_again()
    {
        var bench = WithoutProbes();

        bench.Push("cart", GeneratorBench.Span("probe", Kind.Server, 2, parent: 1));
        bench.Time.Advance(TimeSpan.FromSeconds(9));
        bench.Push("cart", GeneratorBench.Span("probe", Kind.Server, 3, parent: 1));
        bench.Time.Advance(TimeSpan.FromSeconds(9));
        bench.Push("shop", GeneratorBench.Span("GET", Kind.Client, 1));

        Assert.Equal(1, bench.Counters["tempo_metrics_generator_processor_service_graphs_dropped_edges_total"]);
        Assert.Equal(0, bench.Counters[Edges]);
    }

    private static GeneratorBench WithoutProbes()
    {
        var probe = new PolicyMatchOptions { Attributes = [new PolicyAttributeOptions { Key = "name", Value = "probe" }] };
        return new GeneratorBench(s => s with { ServiceGraphs = s.ServiceGraphs with { FilterPolicies = [new FilterPolicyOptions { Exclude = probe }] } });
    }
}
