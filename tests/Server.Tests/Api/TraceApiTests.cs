using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Google.Protobuf;
using OrleansTempo.Core;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Core.Querier.Traces;
using OrleansTempo.Tests.Otlp;
using OrleansTempo.Tests.Query;

namespace OrleansTempo.Server.Tests.Api;

/// <summary>What a test says of Tempo is of its main branch in August 2026; the file is named where it is said.</summary>
public sealed class TraceApiTests : IAsyncLifetime
{
    private const string Id = "0102030405060708000000000000000a";

    private readonly RecordingTraces _traces = new() { Traces = { [("single-tenant", Id)] = [new Span { Name = "GET /" }.ToByteArray()] } };
    private RunningServer _server = null!;

    public async Task InitializeAsync() => _server = await RunningServer.StartAsync(adapt: parts => parts with { Traces = _traces });

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public async Task V1_answers_the_trace_alone()
    {
        using var answer = await _server.Client.GetAsync(_server.Api("/api/traces/" + Id));

        Assert.Equal((HttpStatusCode.OK, "application/json"), (answer.StatusCode, answer.Content.Headers.ContentType!.ToString()));
        Assert.Equal(
            """{"batches":[{"resource":{},"scopeSpans":[{"scope":{},"spans":[{"name":"GET /","status":{}}]}]}]}""",
            await answer.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task V2_answers_the_trace_and_what_it_took()
    {
        using var answer = await _server.Client.GetAsync(_server.Api("/api/v2/traces/" + Id));

        Assert.Equal((HttpStatusCode.OK, "application/json"), (answer.StatusCode, answer.Content.Headers.ContentType!.ToString()));
        Assert.Equal(
            """{"trace":{"resourceSpans":[{"resource":{},"scopeSpans":[{"scope":{},"spans":[{"name":"GET /","status":{}}]}]}]},"metrics":{"inspectedBytes":"100"}}""",
            await answer.Content.ReadAsStringAsync());
    }

    // pkg/api/http.go, MarshalingFormatFromAcceptHeader: protobuf where the header holds its name anywhere, else JSON.
    [Theory]
    [InlineData("application/protobuf", "application/protobuf")]
    [InlineData("application/json;q=1, application/protobuf;q=0.1", "application/protobuf")]
    [InlineData("application/json", "application/json")]
    [InlineData("*/*", "application/json")]
    [InlineData("text/html", "application/json")]
    [InlineData("application/vnd.grafana.llm", "application/json")]
    [InlineData("", "application/json")]
    public async Task The_accept_header_chooses_the_encoding(string accept, string contentType)
    {
        foreach (var version in (string[])["", "v2/"])
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, _server.Api($"/api/{version}traces/{Id}"));
            request.Headers.TryAddWithoutValidation("Accept", accept);
            using var answer = await _server.Client.SendAsync(request);
            var body = await answer.Content.ReadAsByteArrayAsync();

            Assert.Equal(contentType, answer.Content.Headers.ContentType!.ToString());
            if (contentType == "application/json")
            {
                Assert.NotNull(JsonNode.Parse(body));
                continue;
            }

            var trace = version.Length == 0 ? Trace.Parser.ParseFrom(body) : TraceByIDResponse.Parser.ParseFrom(body).Trace;
            Assert.Equal("GET /", trace.ResourceSpans[0].ScopeSpans[0].Spans[0].Name);
        }
    }

    // modules/frontend/combiner/trace_by_id.go: 404 without a body. modules/frontend/combiner/trace_by_id_v2.go: an empty trace,
    // as in the recorded 161-trace-v2.json.
    [Fact]
    public async Task An_unknown_trace_is_404_in_v1_and_an_empty_trace_in_v2()
    {
        using var v1 = await _server.Client.GetAsync(_server.Api("/api/traces/ff"));
        using var v2 = await _server.Client.GetAsync(_server.Api("/api/v2/traces/ff"));

        Assert.Equal((HttpStatusCode.NotFound, "", null), (v1.StatusCode, await v1.Content.ReadAsStringAsync(), v1.Content.Headers.ContentType));
        Assert.Equal((HttpStatusCode.OK, """{"trace":{},"metrics":{}}"""), (v2.StatusCode, await v2.Content.ReadAsStringAsync()));
    }

    // pkg/util/traceid.go, hexStringToID: padded to the left, an odd digit too.
    [Theory]
    [InlineData("0102030405060708000000000000000A", Id)]
    [InlineData("102030405060708000000000000000a", Id)]
    [InlineData("a1b2c3d4e5f60718", "0000000000000000a1b2c3d4e5f60718")]
    [InlineData("fff", "00000000000000000000000000000fff")]
    [InlineData("0", "00000000000000000000000000000000")]
    [InlineData("%66f", "000000000000000000000000000000ff")]
    public async Task A_short_id_is_padded_and_capitals_are_digits(string asked, string id)
    {
        using var answer = await _server.Client.GetAsync(_server.Api("/api/traces/" + asked));

        Assert.Equal((TenantId.Single, id, TraceRange.Everything), _traces.Asked.Select(static a => (a.Tenant, a.Id.ToString(), a.Range)).Single());
    }

    // pkg/util/traceid.go, hexStringToID; modules/frontend/metrics_query_range_handler.go, httpInvalidRequest.
    [Theory]
    [InlineData("xyz", "trace IDs can only contain hex characters: invalid character 'x' at position 1")]
    [InlineData("0%C3%BCg", "trace IDs can only contain hex characters: invalid character 'ü' at position 2")]
    [InlineData("12-34", "trace IDs can only contain hex characters: invalid character '-' at position 3")]
    [InlineData("+1", "trace IDs can only contain hex characters: invalid character '+' at position 1")]
    [InlineData("%201", "trace IDs can only contain hex characters: invalid character ' ' at position 1")]
    [InlineData("000000000000000000000000000000001", "trace IDs can't be larger than 128 bits")]
    [InlineData("00000000000000000000000000000000000000000000000000000000000000000z", "trace IDs can only contain hex characters: invalid character 'z' at position 66")]
    public async Task A_bad_id_is_refused_in_the_words_of_tempo(string asked, string error)
    {
        foreach (var version in (string[])["", "v2/"])
        {
            using var answer = await _server.Client.GetAsync(_server.Api($"/api/{version}traces/{asked}"));

            Assert.Equal((HttpStatusCode.BadRequest, "text/plain; charset=utf-8", error), (answer.StatusCode, answer.Content.Headers.ContentType!.ToString(), await answer.Content.ReadAsStringAsync()));
        }

        Assert.Empty(_traces.Asked);
    }

    [Theory]
    [InlineData("/api/traces/../x")]
    [InlineData("/api/traces/..")]
    [InlineData("/api/traces/%2e%2e/x")]
    [InlineData("/api/traces/%2e%2e")]
    [InlineData("/api/traces/..%2fx")]
    [InlineData("/api/traces/%2E%2E%2Fx")]
    [InlineData("/api/traces/a/b")]
    [InlineData("/api/traces/a%2fb")]
    [InlineData("/api/traces/a%252fb")]
    [InlineData("/api/traces/a%00")]
    [InlineData("/api/traces/a\\b")]
    [InlineData("/api/traces/")]
    [InlineData("/api/traces")]
    [InlineData("/api/traces//" + Id)]
    [InlineData("/api/traces/" + Id + "/")]
    [InlineData("/api/traces/{traceID}")]
    [InlineData("/API/traces/" + Id)]
    [InlineData("/api/v2/traces/../../traces%2f" + Id)]
    public async Task A_path_that_is_not_one_id_never_reaches_the_traces(string path)
    {
        // Sent as it stands: an HttpClient would tidy it up.
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, _server.Port("http api"));
        await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes($"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"));
        using var reader = new StreamReader(client.GetStream());
        var status = await reader.ReadLineAsync();

        Assert.True(status is "HTTP/1.1 400 Bad Request" or "HTTP/1.1 404 Not Found", status);
        Assert.Empty(_traces.Asked);
    }

    // pkg/api/http.go, ParseTraceByIDRequest.
    [Theory]
    [InlineData("?start=10&end=20", 10L, 20L)]
    [InlineData("?start=10", 10L, null)]
    [InlineData("?end=20", null, 20L)]
    [InlineData("?start=&end=", null, null)]
    [InlineData("?start=-5&end=%2B5", -5L, 5L)]
    [InlineData("?mode=blocks&start=10&end=20&q=", 10L, 20L)]
    [InlineData("?start=10&start=x&end=20", 10L, 20L)]
    public async Task The_range_is_read(string query, long? start, long? end)
    {
        using var answer = await _server.Client.GetAsync(_server.Api($"/api/v2/traces/{Id}{query}"));

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal(new TraceRange(start, end), Assert.Single(_traces.Asked).Range);
    }

    // pkg/api/http.go, ParseTraceByIDRequest, with Go's own words for a number that is none.
    [Theory]
    [InlineData("?start=20&end=10", "http parameter start must be before end. received start=20 end=10")]
    [InlineData("?start=20&end=20", "http parameter start must be before end. received start=20 end=20")]
    [InlineData("?start=x", "invalid start: strconv.ParseInt: parsing \"x\": invalid syntax")]
    [InlineData("?end=1.5", "invalid end: strconv.ParseInt: parsing \"1.5\": invalid syntax")]
    [InlineData("?end=+", "invalid end: strconv.ParseInt: parsing \" \": invalid syntax")]
    [InlineData("?start=9223372036854775808", "invalid start: strconv.ParseInt: parsing \"9223372036854775808\": value out of range")]
    [InlineData("?mode=fast", "invalid value for mode fast")]
    public async Task A_bad_range_is_refused_in_the_words_of_tempo(string query, string error)
    {
        foreach (var version in (string[])["", "v2/"])
        {
            using var answer = await _server.Client.GetAsync(_server.Api($"/api/{version}traces/{Id}{query}"));

            Assert.Equal((HttpStatusCode.BadRequest, error), (answer.StatusCode, await answer.Content.ReadAsStringAsync()));
        }

        Assert.Empty(_traces.Asked);
    }

    [Fact]
    public async Task Nobody_sees_another_tenants_trace()
    {
        var traces = new RecordingTraces { Traces = { [("blue", Id)] = [new Span { Name = "secret" }.ToByteArray()] } };
        await using var server = await RunningServer.StartAsync(RunningServer.Options with { MultitenancyEnabled = true }, parts => parts with { Traces = traces });

        Assert.Equal(HttpStatusCode.OK, (await GetAsync("blue")).Status);
        Assert.Equal((HttpStatusCode.NotFound, ""), await GetAsync("red"));
        Assert.Equal((HttpStatusCode.NotFound, ""), await GetAsync("Blue"));
        Assert.Equal(["blue", "red", "Blue"], traces.Asked.Select(static a => a.Tenant.Value));

        // vendor/github.com/grafana/dskit/middleware/http_auth.go: 401 and this text, with a line's end.
        Assert.Equal((HttpStatusCode.Unauthorized, "no org id\n"), await GetAsync(null));
        Assert.Equal(HttpStatusCode.BadRequest, (await GetAsync("..")).Status);
        Assert.Equal(HttpStatusCode.BadRequest, (await GetAsync("red/../blue")).Status);
        Assert.Equal(HttpStatusCode.BadRequest, (await GetAsync("red", "blue")).Status);
        Assert.Equal(3, traces.Asked.Count);

        async Task<(HttpStatusCode Status, string Body)> GetAsync(params string?[]? tenants)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, server.Api("/api/traces/" + Id));
            foreach (var tenant in tenants ?? [])
                request.Headers.TryAddWithoutValidation("X-Scope-OrgID", tenant);
            using var answer = await server.Client.SendAsync(request);
            return (answer.StatusCode, await answer.Content.ReadAsStringAsync());
        }
    }

    [Fact]
    public async Task Another_tenants_trace_is_an_empty_trace_in_v2_as_one_that_is_nowhere()
    {
        var traces = new RecordingTraces { Traces = { [("blue", Id)] = [new Span { Name = "secret" }.ToByteArray()] } };
        await using var server = await RunningServer.StartAsync(RunningServer.Options with { MultitenancyEnabled = true }, parts => parts with { Traces = traces });

        var others = await GetAsync(Id);
        Assert.Equal((HttpStatusCode.OK, """{"trace":{},"metrics":{}}"""), others);
        Assert.Equal(others, await GetAsync("1234"));

        async Task<(HttpStatusCode Status, string Body)> GetAsync(string id)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, server.Api("/api/v2/traces/" + id));
            request.Headers.Add("X-Scope-OrgID", "red");
            using var answer = await server.Client.SendAsync(request);
            return (answer.StatusCode, await answer.Content.ReadAsStringAsync());
        }
    }

    // modules/frontend/pipeline/async_handler_multitenant.go: the tenants are sorted, each is once, and what they have is combined.
    [Fact]
    public async Task A_query_of_several_tenants_is_answered_from_all_of_them()
    {
        var (traces, server) = await StartWithTenantsAsync();
        await using var stopping = server;

        var (status, v1) = await GetAsync(server, "/api/traces/" + Id, "red|blue|green|blue");
        Assert.Equal(HttpStatusCode.OK, status);
        Assert.Equal(["blue's", "everyone's", "red's"], SpanNames(JsonNode.Parse(v1)!["batches"]!));
        Assert.Equal(["blue", "green", "red"], traces.Asked.Select(static a => a.Tenant.Value));

        (status, var v2) = await GetAsync(server, "/api/v2/traces/" + Id, "blue|red");
        Assert.Equal((HttpStatusCode.OK, "200"), (status, JsonNode.Parse(v2)!["metrics"]!["inspectedBytes"]!.GetValue<string>()));
        Assert.Equal(["blue's", "everyone's", "red's"], SpanNames(JsonNode.Parse(v2)!["trace"]!["resourceSpans"]!));

        Assert.Equal((HttpStatusCode.NotFound, ""), await GetAsync(server, "/api/traces/" + Id, "green|yellow"));
        Assert.Equal((HttpStatusCode.OK, """{"trace":{},"metrics":{}}"""), await GetAsync(server, "/api/v2/traces/" + Id, "green|yellow"));

        // All or nothing: without one of them the trace would look whole.
        traces.Failing = "red";
        Assert.Equal(HttpStatusCode.InternalServerError, (await GetAsync(server, "/api/v2/traces/" + Id, "blue|red")).Status);
    }

    // integration/api/tenant_validation_test.go
    [Theory]
    [InlineData("|blue", "no org id\n")]
    [InlineData("blue|", "no org id\n")]
    [InlineData("blue||red", "no org id\n")]
    [InlineData("|", "no org id\n")]
    [InlineData("blue|red#", "tenant ID 'red#' contains unsupported character '#'; allowed are a-z, A-Z, 0-9 and !-_.*'()\n")]
    [InlineData("blue| red", "tenant ID ' red' contains unsupported character ' '; allowed are a-z, A-Z, 0-9 and !-_.*'()\n")]
    [InlineData("blue|..", "tenant ID '..' is not allowed: it is a path segment\n")]
    public async Task A_query_with_a_bad_tenant_among_several_is_refused(string tenants, string error)
    {
        var (traces, server) = await StartWithTenantsAsync();
        await using var stopping = server;

        foreach (var path in (string[])["/api/traces/", "/api/v2/traces/"])
            Assert.Equal((HttpStatusCode.BadRequest, error), await GetAsync(server, path + Id, tenants));
        Assert.Empty(traces.Asked);
    }

    [Fact]
    public async Task A_query_names_at_most_a_hundred_tenants()
    {
        var (traces, server) = await StartWithTenantsAsync();
        await using var stopping = server;

        Assert.Equal(HttpStatusCode.OK, (await GetAsync(server, "/api/v2/traces/" + Id, string.Join('|', Enumerable.Range(0, 100)))).Status);
        Assert.Equal(100, traces.Asked.Count);
        var (status, error) = await GetAsync(server, "/api/v2/traces/" + Id, string.Join('|', Enumerable.Range(0, 101)));
        Assert.Equal(HttpStatusCode.BadRequest, status);
        Assert.EndsWith("names more than one tenant: it names 101, and a query may name at most 100\n", error);
    }

    [Fact]
    public async Task Several_tenants_are_refused_where_that_is_off_and_one_that_is_named_twice_is_one()
    {
        var (traces, server) = await StartWithTenantsAsync(multiTenantQueries: false);
        await using var stopping = server;

        Assert.Equal(
            (HttpStatusCode.BadRequest, "X-Scope-OrgID 'blue|red' names more than one tenant, and query_frontend.multi_tenant_queries_enabled is false. Send one request per tenant\n"),
            await GetAsync(server, "/api/v2/traces/" + Id, "blue|red"));
        Assert.Empty(traces.Asked);
        Assert.Equal(HttpStatusCode.OK, (await GetAsync(server, "/api/traces/" + Id, "blue|blue")).Status);
    }

    private static async Task<(RecordingTraces Traces, RunningServer Server)> StartWithTenantsAsync(bool multiTenantQueries = true)
    {
        static byte[] Span(byte id, string name) => new Span { SpanId = ByteString.CopyFrom(0, 0, 0, 0, 0, 0, 0, id), Name = name }.ToByteArray();
        var traces = new RecordingTraces
        {
            Traces = { [("blue", Id)] = [Span(1, "blue's"), Span(2, "everyone's")], [("red", Id)] = [Span(3, "red's"), Span(2, "everyone's")] },
        };
        return (traces, await RunningServer.StartAsync(
            RunningServer.Options with { MultitenancyEnabled = true, MultiTenantQueriesEnabled = multiTenantQueries }, parts => parts with { Traces = traces }));
    }

    private static async Task<(HttpStatusCode Status, string Body)> GetAsync(RunningServer server, string path, string tenants)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, server.Api(path));
        request.Headers.TryAddWithoutValidation("X-Scope-OrgID", tenants);
        using var answer = await server.Client.SendAsync(request);
        return (answer.StatusCode, await answer.Content.ReadAsStringAsync());
    }

    private static IEnumerable<string> SpanNames(JsonNode resources) =>
        from resource in resources.AsArray()
        from scope in resource!["scopeSpans"]!.AsArray()
        from span in scope!["spans"]!.AsArray()
        select span!["name"]!.GetValue<string>();

    [Fact]
    public async Task What_could_not_be_looked_at_is_said()
    {
        _traces.Problems = ["block 1 is corrupt: ü\n"];
        using var v1 = await _server.Client.GetAsync(_server.Api("/api/traces/" + Id));
        using var v2 = await _server.Client.GetAsync(_server.Api("/api/v2/traces/" + Id));
        var partial = JsonNode.Parse(await v2.Content.ReadAsStringAsync())!;

        Assert.Equal((HttpStatusCode.OK, "block 1 is corrupt:"), (v1.StatusCode, v1.Headers.GetValues("X-Tempo-Partial-Trace").Single().Trim()));
        Assert.Equal((HttpStatusCode.OK, "PARTIAL", "block 1 is corrupt: ü\n"), (v2.StatusCode, partial["status"]!.GetValue<string>(), partial["message"]!.GetValue<string>()));
    }

    // Tempo's querier fails such a query in v1 (modules/querier/querier.go, blockErrs): 404 would be a lie.
    [Fact]
    public async Task A_trace_that_may_be_where_nothing_could_be_read_is_not_said_to_be_unknown()
    {
        _traces.Problems = ["block 1 is corrupt"];
        using var v1 = await _server.Client.GetAsync(_server.Api("/api/traces/ff"));
        using var v2 = await _server.Client.GetAsync(_server.Api("/api/v2/traces/ff"));

        Assert.Equal((HttpStatusCode.InternalServerError, "the trace was not found, but not all data could be read: block 1 is corrupt\n"), (v1.StatusCode, await v1.Content.ReadAsStringAsync()));
        Assert.Equal("""{"trace":{},"metrics":{},"status":"PARTIAL","message":"block 1 is corrupt"}""", await v2.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task Traces_are_not_looked_for_until_all_are_there()
    {
        await using var server = await RunningServer.StartAsync(adapt: parts => parts with { Traces = _traces }, ready: false);
        using var starting = await server.Client.GetAsync(server.Api("/api/traces/" + Id));
        server.Server.MarkReady();
        using var ready = await server.Client.GetAsync(server.Api("/api/traces/" + Id));
        server.Server.BeginStopping();
        using var stopping = await server.Client.GetAsync(server.Api("/api/traces/" + Id));

        Assert.Equal((HttpStatusCode.ServiceUnavailable, "starting\n"), (starting.StatusCode, await starting.Content.ReadAsStringAsync()));
        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.OK), (ready.StatusCode, stopping.StatusCode));
    }

    [Fact]
    public async Task Head_has_no_body_and_other_methods_are_refused()
    {
        foreach (var version in (string[])["", "v2/"])
        {
            var url = _server.Api($"/api/{version}traces/{Id}");
            using var head = await _server.Client.SendAsync(new HttpRequestMessage(HttpMethod.Head, url));
            using var post = await _server.Client.PostAsync(url, null);

            Assert.Equal((HttpStatusCode.OK, "application/json"), (head.StatusCode, head.Content.Headers.ContentType!.ToString()));
            Assert.Empty(await head.Content.ReadAsByteArrayAsync());
            Assert.Equal((HttpStatusCode.MethodNotAllowed, "send GET\n"), (post.StatusCode, await post.Content.ReadAsStringAsync()));
            Assert.Equal(["GET", "HEAD"], post.Content.Headers.Allow);
        }
    }

    [Fact]
    public async Task The_prefix_is_for_traces_too()
    {
        await using var server = await RunningServer.StartAsync(RunningServer.Options with { HttpApiPrefix = "/tempo" }, parts => parts with { Traces = _traces });
        using var with = await server.Client.GetAsync(server.Api("/tempo/api/traces/" + Id));
        using var without = await server.Client.GetAsync(server.Api("/api/traces/" + Id));

        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.NotFound), (with.StatusCode, without.StatusCode));
        Assert.Contains("/tempo/api/v2/traces/{traceID} a trace by its ID", await server.Client.GetStringAsync(server.Api("/status/endpoints")));
    }

    [Fact]
    public async Task Without_traces_their_paths_are_unknown()
    {
        await using var server = await RunningServer.StartAsync();
        using var answer = await server.Client.GetAsync(server.Api("/api/traces/" + Id));

        Assert.Equal((HttpStatusCode.NotFound, "404 page not found\n"), (answer.StatusCode, await answer.Content.ReadAsStringAsync()));
    }
}
