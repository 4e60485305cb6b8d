using Google.Protobuf;
using OrleansTempo.Core.Configuration.Generator;
using OrleansTempo.Core.Generator.Samples;
using OrleansTempo.Core.Generator.ServiceGraphs;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Core.Overrides;
using OrleansTempo.Tests.Otlp;
using Kind = OrleansTempo.Tests.Otlp.Span.Types.SpanKind;

namespace OrleansTempo.Core.Tests.Generator.ServiceGraphs;

public sealed class ServiceGraphsTests
{
    private const string Pair = """client="web",server="cart" """;
    private const string Messaging = """client="web",connection_type="messaging_system",server="cart" """;
    private const string Expired = "tempo_metrics_generator_processor_service_graphs_expired_edges";
    private const string Edges = "tempo_metrics_generator_processor_service_graphs_edges";
    private const string DroppedEdges = "tempo_metrics_generator_processor_service_graphs_dropped_edges_total";
    private const string DroppedSpans = "tempo_metrics_generator_processor_service_graphs_dropped_spans";

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_client_and_a_server_span_form_an_edge_whichever_comes_first(bool clientFirst)
    {
        var bench = Graphs();
        void Client() => bench.Push("web", GeneratorBench.Span("GET", Kind.Client, 1, seconds: 0.3));
        void Server() => bench.Push("cart", GeneratorBench.Span("GET", Kind.Server, 2, parent: 1, seconds: 0.15));

        (clientFirst ? (Action)Client : Server)();
        Assert.Equal(1, bench.Generator.WaitingEdges);
        Assert.Empty(bench.Collect().Series);
        (clientFirst ? (Action)Server : Client)();

        Assert.Equal(0, bench.Generator.WaitingEdges);
        var series = bench.Collect();
        Assert.Equal(1, series[Requests(Pair)]);
        Assert.Equal(1, series[Seconds("client", "count", Pair)]);
        Assert.Equal(0.3, series[Seconds("client", "sum", Pair)], 1e-9);
        Assert.Equal(0.15, series[Seconds("server", "sum", Pair)], 1e-9);
        Assert.Equal(0, series[Bucket("0.1")]);
        Assert.Equal(1, series[Bucket("0.2")]);
        Assert.Equal(1, series[Bucket("12.8")]);
        Assert.Equal(1, series[Bucket("+Inf")]);
        Assert.Equal(1, bench.Counters[Edges]);

        static string Bucket(string le) => $$"""traces_service_graph_request_server_seconds_bucket{client="web",le="{{le}}",server="cart"}""";
    }

    [Fact]
    public void Both_sides_may_come_in_one_batch()
    {
        var bench = Graphs();

        bench.Push(new ExportTraceServiceRequest
        {
            ResourceSpans =
            {
                Resource(bench, "cart", GeneratorBench.Span("GET", Kind.Server, 2, parent: 1)),
                Resource(bench, "web", GeneratorBench.Span("GET", Kind.Client, 1)),
            },
        });

        Assert.Equal(1, bench.Collect()[Requests(Pair)]);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_database_named_by_an_empty_attribute_is_a_virtual_node_with_the_clients_latency_on_both_sides(bool isRestarted)
    {
        var bench = Graphs();
        bench.Push("web", GeneratorBench.Span("SELECT", Kind.Client, 1, seconds: 0.3, attributes: [("db.system", "postgresql"), ("server.address", "")]));
        if (isRestarted)
            bench.Restart();
        bench.Time.Advance(TimeSpan.FromSeconds(10));

        var series = bench.Collect();
        const string edge = """client="web",connection_type="virtual_node",server="postgresql" """;
        Assert.Equal(1, series[Requests(edge)]);
        Assert.Equal(0.3, series[Seconds("client", "sum", edge)], 1e-9);
        Assert.Equal(0.3, series[Seconds("server", "sum", edge)], 1e-9);
    }

    [Fact]
    public void A_consumer_without_a_start_time_has_no_latency()
    {
        var bench = Graphs(static o => o with { EnableMessagingSystemLatencyHistogram = true });
        bench.Push("web", GeneratorBench.Span("send", Kind.Producer, 1));
        var cart = Resource(bench, "cart", GeneratorBench.Span("take", Kind.Consumer, 2, parent: 1));
        cart.ScopeSpans[0].Spans[0].StartTimeUnixNano = 0;
        bench.Push(new ExportTraceServiceRequest { ResourceSpans = { cart } });

        var series = bench.Collect();
        Assert.Equal(1, series[Requests(Messaging)]);
        Assert.Equal(0, series[Seconds("server", "sum", Messaging)]);
        Assert.DoesNotContain(series.Series, static s => s.StartsWith("traces_service_graph_request_messaging_system_seconds", StringComparison.Ordinal));
    }

    [Fact]
    public void Sides_pair_only_within_the_same_trace_and_span()
    {
        var bench = Graphs();

        bench.Push("web", GeneratorBench.Span("GET", Kind.Client, 1, trace: 1));
        bench.Push("cart", GeneratorBench.Span("GET", Kind.Server, 2, parent: 1, trace: 2), GeneratorBench.Span("GET", Kind.Server, 4, parent: 3, trace: 1));

        Assert.Empty(bench.Collect().Series);
        Assert.Equal(3, bench.Generator.WaitingEdges);
    }

    [Fact]
    public void Internal_and_unspecified_spans_form_no_edges()
    {
        var bench = Graphs();

        bench.Push("web", GeneratorBench.Span("work", Kind.Internal, 1, parent: 9), GeneratorBench.Span("work", Kind.Unspecified, 2));

        Assert.Equal(0, bench.Generator.WaitingEdges);
        Assert.Empty(bench.Collect().Series);
    }

    [Theory]
    [InlineData(true, false, true)]
    [InlineData(false, true, true)]
    [InlineData(true, true, true)]
    [InlineData(true, false, false)]
    [InlineData(false, true, false)]
    public void An_edge_has_failed_if_either_side_has(bool clientFails, bool serverFails, bool clientFirst)
    {
        var bench = Graphs();
        var client = Status(GeneratorBench.Span("GET", Kind.Client, 1), clientFails);
        var server = Status(GeneratorBench.Span("GET", Kind.Server, 2, parent: 1), serverFails);

        Push(bench, clientFirst, client, server);

        var series = bench.Collect();
        Assert.Equal(1, series[Requests(Pair)]);
        Assert.Equal(1, series[Failed(Pair)]);
    }

    [Fact]
    public void The_series_of_failures_starts_with_the_first_failure()
    {
        var bench = Graphs();
        Push(bench, true, GeneratorBench.Span("GET", Kind.Client, 1), Status(GeneratorBench.Span("GET", Kind.Server, 2, parent: 1), false));
        Assert.DoesNotContain(Failed(Pair), bench.Collect().Series);

        Push(bench, true, GeneratorBench.Span("GET", Kind.Client, 1), Status(GeneratorBench.Span("GET", Kind.Server, 2, parent: 1), true));

        var failed = bench.Collect().Samples[Failed(Pair)];
        Assert.Equal(1, failed.Value);
        Assert.NotEqual(0, failed.ZeroTimestampMs);
    }

    [Theory]
    [InlineData(Kind.Producer, Kind.Consumer, true)]
    [InlineData(Kind.Producer, Kind.Consumer, false)]
    [InlineData(Kind.Client, Kind.Consumer, true)]
    [InlineData(Kind.Producer, Kind.Server, false)]
    public void A_producer_or_a_consumer_makes_an_edge_a_messaging_edge(Kind sending, Kind receiving, bool clientFirst)
    {
        var bench = Graphs();

        Push(bench, clientFirst, GeneratorBench.Span("send", sending, 1), GeneratorBench.Span("receive", receiving, 2, parent: 1));

        Assert.Equal(1, bench.Collect()[Requests(Messaging)]);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void The_latency_of_a_message_is_from_the_end_of_the_producer_to_the_start_of_the_consumer(bool clientFirst)
    {
        var bench = Graphs(o => o with { EnableMessagingSystemLatencyHistogram = true });
        var (producer, consumer) = Message(bench, gapSeconds: 3);

        Push(bench, clientFirst, producer, consumer);

        var series = bench.Collect();
        Assert.Equal(1, series[Seconds("messaging_system", "count", Messaging)]);
        Assert.Equal(3, series[Seconds("messaging_system", "sum", Messaging)], 1e-9);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-2)]
    public void A_message_that_took_no_time_is_not_observed(int gapSeconds)
    {
        var bench = Graphs(o => o with { EnableMessagingSystemLatencyHistogram = true });
        var (producer, consumer) = Message(bench, gapSeconds);

        Push(bench, true, producer, consumer);

        var series = bench.Collect();
        Assert.Equal(1, series[Requests(Messaging)]);
        Assert.DoesNotContain(series.Series, s => s.Contains("messaging_system_seconds", StringComparison.Ordinal));
    }

    [Fact]
    public void Plain_requests_have_no_messaging_latency()
    {
        var bench = Graphs(o => o with { EnableMessagingSystemLatencyHistogram = true });
        var (producer, consumer) = Message(bench, gapSeconds: 3);
        (producer.Kind, consumer.Kind) = (Kind.Client, Kind.Server);

        Push(bench, true, producer, consumer);

        Assert.DoesNotContain(bench.Collect().Series, s => s.Contains("messaging_system", StringComparison.Ordinal));
    }

    [Fact]
    public void The_messaging_histogram_is_off_by_default()
    {
        var bench = Graphs();
        var (producer, consumer) = Message(bench, gapSeconds: 3);

        Push(bench, true, producer, consumer);

        Assert.DoesNotContain(bench.Collect().Series, s => s.Contains("messaging_system_seconds", StringComparison.Ordinal));
    }

    public static TheoryData<string, (string, object)[]> DatabaseNames => new()
    {
        { "orders-db", [("db.system", "postgresql"), ("peer.service", "orders-db"), ("server.address", "10.0.0.1"), ("network.peer.address", "10.0.0.2")] },
        { "10.0.0.1", [("db.system", "postgresql"), ("server.address", "10.0.0.1"), ("network.peer.address", "10.0.0.2")] },
        { "10.0.0.2:5432", [("db.system", "postgresql"), ("network.peer.address", "10.0.0.2"), ("network.peer.port", 5432)] },
        { "10.0.0.2", [("db.system", "postgresql"), ("network.peer.address", "10.0.0.2")] },
        { "postgresql", [("db.system", "postgresql"), ("network.peer.port", 5432)] },
        { "ns", [("db.system.name", "sn"), ("db.system", "s"), ("db.name", "n"), ("db.namespace", "ns")] },
        { "n", [("db.system.name", "sn"), ("db.system", "s"), ("db.name", "n")] },
        { "s", [("db.system.name", "sn"), ("db.system", "s")] },
        { "sn", [("db.system.name", "sn")] },
    };

    [Theory]
    [MemberData(nameof(DatabaseNames))]
    public void A_database_request_completes_at_once_and_names_its_server(string server, (string, object)[] attributes)
    {
        var bench = Graphs();

        bench.Push("web", GeneratorBench.Span("SELECT", Kind.Client, 1, seconds: 0.25, attributes: attributes));

        Assert.Equal(0, bench.Generator.WaitingEdges);
        var series = bench.Collect();
        var labels = $"""client="web",connection_type="database",server="{server}" """;
        Assert.Equal(1, series[Requests(labels)]);
        Assert.Equal(0.25, series[Seconds("client", "sum", labels)], 1e-9);
        Assert.Equal(0.25, series[Seconds("server", "sum", labels)], 1e-9);
        Assert.Equal(1, bench.Counters[Edges]);
    }

    [Fact]
    public void Attributes_of_the_resource_can_make_a_span_a_database_request()
    {
        var bench = Graphs();

        bench.Push([("service.name", "web"), ("db.name", "orders")], GeneratorBench.Span("SELECT", Kind.Client, 1, attributes: ("db.name", "ignored")));

        Assert.Equal(1, bench.Collect()[Requests("""client="web",connection_type="database",server="orders" """)]);
    }

    [Fact]
    public void Database_name_attributes_are_tried_in_the_configured_order()
    {
        var bench = Graphs(o => o with { DatabaseNameAttributes = ["my.second", "my.first"] });

        bench.Push(
            "web",
            GeneratorBench.Span("SELECT", Kind.Client, 1, attributes: [("my.first", "a"), ("my.second", "b")]),
            GeneratorBench.Span("SELECT", Kind.Client, 2, attributes: ("db.namespace", "not asked")));

        Assert.Equal(1, bench.Collect()[Requests("""client="web",connection_type="database",server="b" """)]);
        Assert.Equal(1, bench.Generator.WaitingEdges);
    }

    [Fact]
    public void A_database_with_its_own_spans_still_counts_under_the_name_that_the_client_gives()
    {
        var bench = Graphs();

        bench.Push("postgres", GeneratorBench.Span("SELECT", Kind.Server, 2, parent: 1, seconds: 0.1));
        bench.Push("web", GeneratorBench.Span("SELECT", Kind.Client, 1, seconds: 0.2, attributes: ("db.name", "orders")));

        var series = bench.Collect();
        Assert.Equal(0.2, series[Seconds("server", "sum", """client="web",connection_type="database",server="orders" """)], 1e-9);
        Assert.Equal(0, bench.Generator.WaitingEdges);
    }

    [Fact]
    public void A_failed_database_request_has_failed()
    {
        var bench = Graphs();

        bench.Push("web", Status(GeneratorBench.Span("SELECT", Kind.Client, 1, attributes: ("db.name", "orders")), true));

        Assert.Equal(1, bench.Collect()[Failed("""client="web",connection_type="database",server="orders" """)]);
    }

    [Theory]
    [InlineData(Kind.Server)]
    [InlineData(Kind.Consumer)]
    public void A_root_server_span_completes_at_once_with_the_client_user(Kind kind)
    {
        var bench = Graphs();

        bench.Push("cart", GeneratorBench.Span("GET", kind, 1, seconds: 0.2));

        Assert.Equal(0, bench.Generator.WaitingEdges);
        var series = bench.Collect();
        const string Labels = """client="user",connection_type="virtual_node",server="cart" """;
        Assert.Equal(1, series[Requests(Labels)]);
        Assert.Equal(0.2, series[Seconds("server", "sum", Labels)], 1e-9);
        Assert.Equal(0, series[Seconds("client", "sum", Labels)]);
    }

    [Fact]
    public void A_parent_ID_of_zeros_means_no_parent()
    {
        var bench = Graphs();
        var span = GeneratorBench.Span("GET", Kind.Server, 1);
        span.ParentSpanId = ByteString.CopyFrom(new byte[8]);

        bench.Push("cart", span);

        Assert.Equal(1, bench.Collect()[Requests("""client="user",connection_type="virtual_node",server="cart" """)]);
    }

    [Fact]
    public void The_peer_of_a_root_server_span_is_its_client()
    {
        var bench = Graphs(o => o with { PeerAttributes = ["my.peer", "peer.service"] });

        bench.Push(
            [("service.name", "cart"), ("my.peer", "the resource is not asked")],
            GeneratorBench.Span("GET", Kind.Server, 1, attributes: [("peer.service", "phone")]),
            GeneratorBench.Span("GET", Kind.Server, 2, attributes: [("peer.service", "phone"), ("my.peer", "watch")]));

        var series = bench.Collect();
        Assert.Equal(1, series[Requests("""client="phone",connection_type="virtual_node",server="cart" """)]);
        Assert.Equal(1, series[Requests("""client="watch",connection_type="virtual_node",server="cart" """)]);
    }

    [Fact]
    public void A_client_whose_server_never_arrives_expires_as_an_edge_to_the_peer_it_names()
    {
        var bench = Graphs(o => o with { EnableVirtualNodeLabel = true });
        bench.Push("web", Status(GeneratorBench.Span("GET", Kind.Client, 1, seconds: 0.3, attributes: ("peer.service", "stripe")), true));
        bench.Time.Advance(TimeSpan.FromSeconds(8));
        Assert.Empty(bench.Collect().Series);

        var series = bench.Collect();

        const string Labels = """client="web",connection_type="virtual_node",server="stripe",virtual_node="server" """;
        Assert.Equal(1, series[Requests(Labels)]);
        Assert.Equal(1, series[Failed(Labels)]);
        Assert.Equal(0.3, series[Seconds("client", "sum", Labels)], 1e-9);
        Assert.Equal(0, series[Seconds("server", "sum", Labels)]);
        Assert.Equal(0, bench.Generator.WaitingEdges);
        Assert.Equal(0, bench.Counters[Expired + "{SPAN_KIND_CLIENT}"]);
    }

    [Theory]
    [InlineData(Kind.Client)]
    [InlineData(Kind.Producer)]
    [InlineData(Kind.Server)]
    [InlineData(Kind.Consumer)]
    public void Edges_that_expire_without_a_name_are_counted_by_kind(Kind kind)
    {
        var bench = Graphs(o => o with { Wait = TimeSpan.FromSeconds(5) });
        bench.Push("web", GeneratorBench.Span("GET", kind, 1, parent: 9));
        bench.Time.Advance(TimeSpan.FromSeconds(5));

        bench.Push("other", GeneratorBench.Span("GET", Kind.Client, 2, parent: 9));

        Assert.Equal(1, bench.Generator.WaitingEdges);
        Assert.Equal(1, bench.Counters[$"{Expired}{{SPAN_KIND_{kind.ToString().ToUpperInvariant()}}}"]);
        Assert.Empty(bench.Collect().Series);
    }

    [Fact]
    public void A_server_span_that_names_a_peer_but_has_a_parent_just_expires()
    {
        var bench = Graphs();
        bench.Push("cart", GeneratorBench.Span("GET", Kind.Server, 2, parent: 1, attributes: ("peer.service", "phone")));
        bench.Time.Advance(TimeSpan.FromSeconds(10));

        Assert.Empty(bench.Collect().Series);
        Assert.Equal(1, bench.Counters[Expired + "{SPAN_KIND_SERVER}"]);
    }

    [Fact]
    public void Beyond_max_items_spans_are_dropped_and_counted_but_waiting_sides_still_complete()
    {
        var bench = Graphs(o => o with { MaxItems = 2 });

        bench.Push("web", GeneratorBench.Span("GET", Kind.Client, 1), GeneratorBench.Span("GET", Kind.Client, 2), GeneratorBench.Span("GET", Kind.Client, 3));
        bench.Push("cart", GeneratorBench.Span("GET", Kind.Server, 11, parent: 1), GeneratorBench.Span("GET", Kind.Server, 10));

        Assert.Equal(1, bench.Counters[DroppedSpans]);
        Assert.Equal(1, bench.Generator.WaitingEdges);
        var series = bench.Collect();
        Assert.Equal(1, series[Requests(Pair)]);
        Assert.Equal(1, series[Requests("""client="user",connection_type="virtual_node",server="cart" """)]);
    }

    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(false, false)]
    public void A_side_dropped_by_a_filter_drops_the_other_side_too(bool dropsClient, bool clientFirst)
    {
        var bench = Graphs(o => o with { FilterPolicies = [Excluding("secret")] });
        var client = GeneratorBench.Span(dropsClient ? "secret" : "GET", Kind.Client, 1);
        var server = GeneratorBench.Span(dropsClient ? "GET" : "secret", Kind.Server, 2, parent: 1);

        Push(bench, clientFirst, client, server);
        bench.Time.Advance(TimeSpan.FromSeconds(10));

        Assert.Empty(bench.Collect().Series);
        Assert.Equal(0, bench.Generator.WaitingEdges);
        Assert.Equal(1, bench.Counters[DroppedEdges]);
        Assert.Equal(1, bench.Counters["tempo_metrics_generator_spans_discarded_total{service_graphs_filtered,service-graphs}"]);
        Assert.Equal(0, bench.Counters[$"{Expired}{{SPAN_KIND_CLIENT}}"] + bench.Counters[$"{Expired}{{SPAN_KIND_SERVER}}"]);
    }

    [Fact]
    public void Two_sides_dropped_by_a_filter_are_not_a_dropped_edge()
    {
        var bench = Graphs(o => o with { FilterPolicies = [Excluding("secret")] });

        Push(bench, true, GeneratorBench.Span("secret", Kind.Client, 1), GeneratorBench.Span("secret", Kind.Server, 2, parent: 1));
        bench.Push("cart", GeneratorBench.Span("secret", Kind.Server, 3));

        Assert.Equal(0, bench.Counters[DroppedEdges]);
        Assert.Equal(3, bench.Counters["tempo_metrics_generator_spans_discarded_total{service_graphs_filtered,service-graphs}"]);
        Assert.Empty(bench.Collect().Series);
    }

    [Theory]
    [InlineData(true, 4)]
    [InlineData(false, 2)]
    public void The_multiplier_of_the_last_side_applies_to_the_edge(bool clientFirst, double times)
    {
        var bench = Graphs(o => o with { SpanMultiplierKey = "ratio" });
        var client = Status(GeneratorBench.Span("GET", Kind.Client, 1, seconds: 1, attributes: ("ratio", 0.5)), true);
        var server = GeneratorBench.Span("GET", Kind.Server, 2, parent: 1, attributes: ("ratio", 0.25));

        Push(bench, clientFirst, client, server);

        var series = bench.Collect();
        Assert.Equal(times, series[Requests(Pair)]);
        Assert.Equal(times, series[Failed(Pair)]);
        Assert.Equal(times, series[Seconds("client", "sum", Pair)], 1e-9);
        Assert.Equal(times, series[Seconds("server", "count", Pair)]);
    }

    [Fact]
    public void The_tracestate_can_give_the_multiplier()
    {
        var bench = Graphs(o => o with { EnableTracestateSpanMultiplier = true });
        var span = GeneratorBench.Span("SELECT", Kind.Client, 1, attributes: ("db.name", "orders"));
        span.TraceState = "ot=th:c";

        bench.Push("web", span);

        Assert.Equal(4, bench.Collect()[Requests("""client="web",connection_type="database",server="orders" """)]);
    }

    [Fact]
    public void A_resource_without_a_service_name_is_skipped()
    {
        var bench = Graphs();

        bench.Push([("other", "x")], GeneratorBench.Span("GET", Kind.Client, 1), GeneratorBench.Span("GET", Kind.Server, 2));
        bench.Push([("service.name", "")], GeneratorBench.Span("GET", Kind.Client, 3), GeneratorBench.Span("GET", Kind.Server, 4));

        Assert.Equal(0, bench.Generator.WaitingEdges);
        Assert.Empty(bench.Collect().Series);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_dimension_has_the_clients_value_or_else_the_servers(bool clientFirst)
    {
        var bench = Graphs(o => o with { Dimensions = ["cloud.region", "http.route"] });
        var client = GeneratorBench.Span("GET", Kind.Client, 1, attributes: ("cloud.region", "eu"));
        var server = GeneratorBench.Span("GET", Kind.Server, 2, parent: 1, attributes: [("cloud.region", "us"), ("http.route", "/cart")]);

        Push(bench, clientFirst, client, server);

        Assert.Equal(1, bench.Collect()[Requests("""client="web",cloud_region="eu",http_route="/cart",server="cart" """)]);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void With_the_prefix_a_dimension_is_a_label_for_each_side(bool clientFirst)
    {
        var bench = Graphs(o => o with { Dimensions = ["cloud.region"], EnableClientServerPrefix = true });
        var client = GeneratorBench.Span("GET", Kind.Client, 1, attributes: ("cloud.region", "eu"));
        var server = GeneratorBench.Span("GET", Kind.Server, 2, parent: 1, attributes: ("cloud.region", "us"));

        Push(bench, clientFirst, client, server);
        bench.Push("cart", GeneratorBench.Span("GET", Kind.Server, 3, attributes: ("cloud.region", "us")));
        bench.Push("web", GeneratorBench.Span("SELECT", Kind.Client, 4, attributes: [("cloud.region", "eu"), ("db.name", "orders")]));

        var series = bench.Collect();
        Assert.Equal(1, series[Requests("""client="web",client_cloud_region="eu",server="cart",server_cloud_region="us" """)]);
        Assert.Equal(1, series[Requests("""client="user",connection_type="virtual_node",server="cart",server_cloud_region="us" """)]);
        Assert.Equal(1, series[Requests("""client="web",client_cloud_region="eu",connection_type="database",server="orders" """)]);
    }

    [Fact]
    public void The_resource_wins_over_the_span_for_a_dimension_and_each_span_has_its_own_value()
    {
        var bench = Graphs(o => o with { Dimensions = ["zone", "route"] });

        bench.Push(
            [("service.name", "web"), ("zone", "z1")],
            GeneratorBench.Span("GET", Kind.Client, 1, attributes: [("zone", "ignored"), ("route", "a")]),
            GeneratorBench.Span("GET", Kind.Client, 2, attributes: ("route", "b")),
            GeneratorBench.Span("GET", Kind.Client, 3));
        bench.Push("cart", GeneratorBench.Span("GET", Kind.Server, 11, parent: 1), GeneratorBench.Span("GET", Kind.Server, 12, parent: 2), GeneratorBench.Span("GET", Kind.Server, 13, parent: 3));

        var series = bench.Collect();
        Assert.Equal(1, series[Requests("""client="web",route="a",server="cart",zone="z1" """)]);
        Assert.Equal(1, series[Requests("""client="web",route="b",server="cart",zone="z1" """)]);
        Assert.Equal(1, series[Requests("""client="web",server="cart",zone="z1" """)]);
    }

    [Fact]
    public void A_client_that_expires_keeps_its_dimensions()
    {
        var bench = Graphs(o => o with { Dimensions = ["zone"], EnableClientServerPrefix = true });
        bench.Push("web", GeneratorBench.Span("GET", Kind.Client, 1, attributes: [("zone", "z1"), ("peer.service", "stripe")]));
        bench.Time.Advance(TimeSpan.FromSeconds(10));

        Assert.Equal(1, bench.Collect()[Requests("""client="web",client_zone="z1",connection_type="virtual_node",server="stripe" """)]);
    }

    [Fact]
    public void The_virtual_node_label_names_the_virtual_side_and_is_only_on_virtual_nodes()
    {
        var bench = Graphs(o => o with { EnableVirtualNodeLabel = true });

        bench.Push("cart", GeneratorBench.Span("GET", Kind.Server, 1));
        bench.Push("web", GeneratorBench.Span("SELECT", Kind.Client, 2, attributes: ("db.name", "orders")));
        Push(bench, true, GeneratorBench.Span("GET", Kind.Client, 3), GeneratorBench.Span("GET", Kind.Server, 4, parent: 3));

        var series = bench.Collect();
        Assert.Equal(1, series[Requests("""client="user",connection_type="virtual_node",server="cart",virtual_node="client" """)]);
        Assert.Equal(1, series[Requests("""client="web",connection_type="database",server="orders" """)]);
        Assert.Equal(1, series[Requests(Pair)]);
    }

    [Fact]
    public void A_side_that_arrives_twice_counts_once_with_its_last_values()
    {
        var bench = Graphs();

        bench.Push("web", GeneratorBench.Span("GET", Kind.Client, 1, seconds: 1));
        bench.Push("web2", GeneratorBench.Span("GET", Kind.Client, 1, seconds: 2));
        bench.Push("cart", GeneratorBench.Span("GET", Kind.Server, 2, parent: 1));

        var series = bench.Collect();
        Assert.Equal(2, series[Seconds("client", "sum", """client="web2",server="cart" """)], 1e-9);
        Assert.DoesNotContain(Requests(Pair), series.Series);
        Assert.Equal(1, bench.Counters[Edges]);
        Assert.Equal(0, bench.Generator.WaitingEdges);
    }

    [Fact]
    public void A_completed_edge_is_removed()
    {
        var bench = Graphs();
        Push(bench, true, GeneratorBench.Span("GET", Kind.Client, 1), GeneratorBench.Span("GET", Kind.Server, 2, parent: 1));

        bench.Push("cart", GeneratorBench.Span("GET", Kind.Server, 3, parent: 1));

        Assert.Equal(1, bench.Collect()[Requests(Pair)]);
        Assert.Equal(1, bench.Generator.WaitingEdges);
    }

    [Fact]
    public void Connection_info_is_a_gauge_of_1_for_tenants_that_opt_in()
    {
        var bench = Graphs();
        Push(bench, true, GeneratorBench.Span("GET", Kind.Client, 1), GeneratorBench.Span("GET", Kind.Server, 2, parent: 1));
        Assert.DoesNotContain(bench.Collect().Series, s => s.StartsWith("traces_service_graph_connection_info", StringComparison.Ordinal));

        bench.Apply(s => s with { ServiceGraphsConnectionInfo = true, ServiceGraphsRequest = false, ServiceGraphsLatency = false });
        for (byte i = 0; i < 2; i++)
            Push(bench, true, GeneratorBench.Span("GET", Kind.Client, 3), GeneratorBench.Span("GET", Kind.Server, 4, parent: 3));

        var live = bench.Collect().Samples.Where(s => !s.Value.IsStale).ToDictionary();
        Assert.Equal([$"traces_service_graph_connection_info{{{Pair.Trim()}}}"], live.Keys);
        Assert.Equal(1, live.Values.Single().Value);
        Assert.Equal(0, live.Values.Single().ZeroTimestampMs);
    }

    [Fact]
    public void Only_the_enabled_subprocessors_write_series()
    {
        var requests = new GeneratorBench(s => Only(s) with { ServiceGraphsLatency = false });
        var latency = new GeneratorBench(s => Only(s) with { ServiceGraphsRequest = false });

        foreach (var bench in new[] { requests, latency })
            bench.Push("cart", GeneratorBench.Span("GET", Kind.Server, 1));

        Assert.All(requests.Collect().Series, s => Assert.StartsWith("traces_service_graph_request_total", s, StringComparison.Ordinal));
        Assert.DoesNotContain(latency.Collect().Series, s => s.StartsWith("traces_service_graph_request_total", StringComparison.Ordinal));
        Assert.NotEmpty(latency.Collect().Series);
    }

    [Fact]
    public void An_exemplar_carries_the_trace_of_the_edge()
    {
        var bench = Graphs();

        bench.Push("web", GeneratorBench.Span("GET", Kind.Client, 1, seconds: 0.3, trace: 0xAB));
        bench.Push("cart", GeneratorBench.Span("GET", Kind.Server, 2, parent: 1, seconds: 0.15, trace: 0xAB));

        var series = bench.Collect().Samples;
        var client = series["""traces_service_graph_request_client_seconds_bucket{client="web",le="0.4",server="cart"}"""];
        var server = series["""traces_service_graph_request_server_seconds_bucket{client="web",le="0.2",server="cart"}"""];
        Assert.Equal(("000000000000000000000000000000ab", 0.3), (client.Exemplar, client.ExemplarValue));
        Assert.Equal(("000000000000000000000000000000ab", 0.15), (server.Exemplar, server.ExemplarValue));
        Assert.Equal(2, series.Values.Count(s => s.Exemplar is not null));
    }

    [Fact]
    public void An_edge_with_names_that_are_not_UTF8_is_discarded_and_counted()
    {
        var bench = Graphs();
        var request = new ExportTraceServiceRequest { ResourceSpans = { Resource(bench, "bad name", GeneratorBench.Span("GET", Kind.Server, 1)) } };
        var bytes = request.ToByteArray();
        bytes[bytes.AsSpan().IndexOf("bad name"u8)] = 0xFF;

        bench.Push(bytes);

        Assert.Empty(bench.Collect().Series);
        Assert.Equal(1, bench.Counters["tempo_metrics_generator_spans_discarded_total{invalid_utf8,service-graphs}"]);
    }

    private static GeneratorBench Graphs(Func<ServiceGraphsOptions, ServiceGraphsOptions>? configure = null) =>
        new(s => Only(s) with { ServiceGraphs = (configure ?? (o => o))(s.ServiceGraphs) });

    private static GeneratorSettings Only(GeneratorSettings settings) => settings with { SpanMetricsCount = false, SpanMetricsLatency = false, SpanMetricsSize = false };

    private static void Push(GeneratorBench bench, bool clientFirst, Span client, Span server)
    {
        if (clientFirst)
            bench.Push("web", client);
        bench.Push("cart", server);
        if (!clientFirst)
            bench.Push("web", client);
    }

    private static Span Status(Span span, bool failed)
    {
        span.Status = new Status { Code = failed ? OrleansTempo.Tests.Otlp.Status.Types.StatusCode.Error : OrleansTempo.Tests.Otlp.Status.Types.StatusCode.Ok };
        return span;
    }

    private static (Span Producer, Span Consumer) Message(GeneratorBench bench, int gapSeconds)
    {
        const ulong Second = 1_000_000_000;
        var now = bench.Time.NowNanos;
        var producer = GeneratorBench.Span("send", Kind.Producer, 1);
        (producer.StartTimeUnixNano, producer.EndTimeUnixNano) = (now - (6 * Second), now - (5 * Second));
        var consumer = GeneratorBench.Span("receive", Kind.Consumer, 2, parent: 1);
        (consumer.StartTimeUnixNano, consumer.EndTimeUnixNano) = (producer.EndTimeUnixNano + (ulong)(gapSeconds * (long)Second), now);
        return (producer, consumer);
    }

    private static ResourceSpans Resource(GeneratorBench bench, string service, Span span)
    {
        span.EndTimeUnixNano = bench.Time.NowNanos;
        span.StartTimeUnixNano = bench.Time.NowNanos;
        return new ResourceSpans
        {
            Resource = new Resource { Attributes = { GeneratorBench.Attribute("service.name", service) } },
            ScopeSpans = { new ScopeSpans { Spans = { span } } },
        };
    }

    private static FilterPolicyOptions Excluding(string name) => new()
    {
        Exclude = new PolicyMatchOptions { Attributes = [new PolicyAttributeOptions { Key = "name", Value = name }] },
    };

    private static string Requests(string labels) => $"traces_service_graph_request_total{{{labels.Trim()}}}";

    private static string Failed(string labels) => $"traces_service_graph_request_failed_total{{{labels.Trim()}}}";

    private static string Seconds(string side, string part, string labels) => $"traces_service_graph_request_{side}_seconds_{part}{{{labels.Trim()}}}";
}
