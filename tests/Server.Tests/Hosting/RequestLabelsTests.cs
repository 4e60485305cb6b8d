using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Globalization;
using System.Net;
using System.Text;
using System.Text.RegularExpressions;
using Google.Protobuf;
using OrleansTempo.Core;
using OrleansTempo.Core.Distributor;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Core.Tests;
using OrleansTempo.Server.Hosting;
using OrleansTempo.Server.Tests.Api;
using OrleansTempo.Server.Tests.Receivers;
using OrleansTempo.Tests.Otlp;

namespace OrleansTempo.Server.Tests.Hosting;

public sealed class RequestLabelsTests
{
    // dskit, middleware/route_injector.go, MakeLabelValue.
    [Theory]
    [InlineData("/api/traces/{traceID}", "api_traces_traceid")]
    [InlineData("/api/v2/search/tag/{tagName}/values", "api_v2_search_tag_tagname_values")]
    [InlineData("/status/runtime_config", "status_runtime_config")]
    [InlineData("/dashboard/{**}", "dashboard")]
    [InlineData("/", "root")]
    public void Routes_have_the_names_of_Tempos_server(string path, string route) => Assert.Equal(route, RequestLabels.RouteOf(path));

    [Fact]
    public async Task Requests_are_measured_by_method_route_and_status_but_by_nothing_a_client_can_make_up()
    {
        const string id = "0102030405060708000000000000000a";
        var traces = new RecordingTraces { Traces = { [("single-tenant", id)] = [new Span { Name = "GET /" }.ToByteArray()] } };
        await using var server = await RunningServer.StartAsync(RunningServer.Options with { HttpApiPrefix = "/tempo" }, parts => parts with { Traces = traces });
        var requests = new Requested(server.Metrics);

        await server.Client.SendAsync(Requests.Post(server.Otlp(), Requests.Golden));
        await server.Client.GetAsync(server.Otlp("/no/such/path"));
        server.Push.Answer = static () => new(new PushResult { Status = PushStatus.RateLimited, Message = "slow down" });
        await GrpcCall.SendAsync(server, GrpcCall.Export, GrpcCall.Frame(Requests.Golden));
        server.Push.Answer = static () => new(PushResult.Accepted);
        await GrpcCall.SendAsync(server, GrpcCall.Export, GrpcCall.Frame(Requests.Golden));
        await GrpcCall.SendAsync(server, "/some.Service/Method", GrpcCall.Frame([]));
        await server.Client.GetAsync(server.Api("/tempo/api/traces/" + id));
        await server.Client.GetAsync(server.Api("/tempo/api/v2/traces/0b"));
        await server.Client.GetAsync(server.Api("/tempo/api/v2/traces/xyz"));
        await server.Client.GetAsync(server.Api("/ready"));
        await server.Client.SendAsync(new(new("ODD"), server.Api("/made/up")));

        Assert.Equal(
            [
                "GET other 404 false",
                "GET querier_tempo_api_traces_traceid 200 false",
                "GET querier_tempo_api_v2_traces_traceid 404 false",
                "GET ready 200 false",
                "GET tempo_api_traces_traceid 200 false",
                "GET tempo_api_v2_traces_traceid 200 false",
                "GET tempo_api_v2_traces_traceid 400 false",
                "POST otlp_v1_traces 200 false",
                "gRPC opentelemetry_proto_collector_trace_v1_traceservice_export 200 false",
                "gRPC opentelemetry_proto_collector_trace_v1_traceservice_export 429 false",
                "gRPC other 501 false",
                "other other 404 false",
            ],
            await requests.UntilAsync(12));
    }

    [Fact]
    public async Task A_request_that_fails_is_measured_as_500()
    {
        await using var server = await RunningServer.StartAsync();
        server.Push.Answer = static () => throw new InvalidOperationException("no room");
        var requests = new Requested(server.Metrics);

        await server.Client.SendAsync(Requests.Post(server.Otlp(), Requests.Golden));
        await GrpcCall.SendAsync(server, GrpcCall.Export, GrpcCall.Frame(Requests.Golden));

        Assert.All(await requests.UntilAsync(2), static request => Assert.EndsWith(" 500 false", request));
    }

    [Fact]
    public async Task Receivers_count_accepted_and_refused_spans()
    {
        await using var server = await RunningServer.StartAsync();
        using var counters = new MetricValues(server.Metrics);
        server.Push.Answer = static () => new(new PushResult { Status = PushStatus.Accepted, Message = "", Spans = 10, RejectedSpans = 3 });
        await server.Client.SendAsync(Requests.Post(server.Otlp(), Requests.Golden));
        server.Push.Answer = static async () =>
        {
            await Task.Yield();
            return new PushResult { Status = PushStatus.Unavailable, Message = "later", Spans = 5 };
        };
        await GrpcCall.SendAsync(server, GrpcCall.Export, GrpcCall.Frame(Requests.Golden));

        Assert.Equal(
            (7, 3, 0, 5),
            (counters["tempo_receiver_accepted_spans{otlp/otlp_receiver,http}"], counters["tempo_receiver_refused_spans{otlp/otlp_receiver,http}"],
                counters["tempo_receiver_accepted_spans{otlp/otlp_receiver,grpc}"], counters["tempo_receiver_refused_spans{otlp/otlp_receiver,grpc}"]));
    }

    [Fact]
    public async Task Queries_are_counted_by_tenant()
    {
        await using var server = await RunningServer.StartAsync(adapt: static parts => parts with { Traces = new RecordingTraces() });
        using var counters = new MetricValues(server.Metrics);

        Assert.Equal(HttpStatusCode.NotFound, (await server.Client.GetAsync(server.Api("/api/traces/0b"))).StatusCode);
        await server.Client.GetAsync(server.Api("/api/v2/traces/0b"));

        Assert.Equal(2, counters["tempo_query_frontend_queries_total{traces,completed}"]);
    }

    [Fact]
    public async Task A_query_of_an_unknown_tenant_is_counted_without_its_name()
    {
        var traces = new RecordingTraces { Traces = { [("blue", "0000000000000000000000000000000a")] = [[]] } };
        await using var server = await RunningServer.StartAsync(RunningServer.Options with { MultitenancyEnabled = true }, parts => parts with { Traces = traces });
        var counted = new ConcurrentQueue<string>();
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, own) =>
        {
            if (instrument == server.Metrics.QueryFrontendQueries)
                own.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<long>((_, value, tags, _) => counted.Enqueue($"{value} {string.Join(' ', tags.ToArray().Select(static tag => tag.Value))}"));
        listener.Start();

        foreach (var tenants in (string[])["made-up", "blue|made-up-1|made-up-2", "blue"])
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, server.Api("/api/v2/traces/0b")) { Headers = { { "X-Scope-OrgID", tenants } } };
            Assert.Equal(HttpStatusCode.OK, (await server.Client.SendAsync(request)).StatusCode);
        }

        Assert.Equal(["1  traces completed", "1  traces completed", "1  traces completed", "1 blue traces completed", "1 blue traces completed"], counted.Order(StringComparer.Ordinal));
    }

    /// <summary>What <c>tempo_request_duration_seconds</c> has come to: the values of a series' labels in one line, as often as it was measured.</summary>
    private sealed class Requested(TempoMetrics metrics)
    {
        /// <summary>The client has its answer a little before the server is through.</summary>
        public async Task<IReadOnlyList<string>> UntilAsync(int count)
        {
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
            while (true)
            {
                var requests = Read();
                if (requests.Count >= count)
                    return requests;
                await Task.Delay(1, patience.Token);
            }
        }

        private List<string> Read()
        {
            var page = new StringBuilder();
            metrics.RequestDuration.WriteTo(page);
            var counts = Regex.Matches(page.ToString(), """^tempo_request_duration_seconds_count\{method="(.*)",route="(.*)",status_code="(.*)",ws="(.*)"\} (\d+)$""", RegexOptions.Multiline);
            return [.. counts.SelectMany(static series => Enumerable.Repeat(string.Join(' ', series.Groups.Values.Skip(1).Take(4)), int.Parse(series.Groups[5].Value, CultureInfo.InvariantCulture))).Order(StringComparer.Ordinal)];
        }
    }
}
