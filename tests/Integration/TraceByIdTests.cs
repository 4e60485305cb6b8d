using System.Net;
using Google.Protobuf;
using OrleansTempo.Core;
using OrleansTempo.Core.Blocks.Compaction;
using OrleansTempo.Tests.Otlp;
using OrleansTempo.Tests.Query;

namespace OrleansTempo.Integration;

/// <summary>A trace asked for by its ID, from the moment its push is answered until its retention ends.</summary>
public sealed class TraceByIdTests
{
    // Nothing is cut by itself.
    private const string StaysLive = "trace_idle_period: 1h, trace_live_period: 1h, max_block_duration: 1h";

    [Fact]
    public async Task Recorded_queries_are_answered_as_Tempo_answered_from_live_traces_and_from_blocks()
    {
        await using var silo = await SiloProcess.StartAsync(new() { Test = "recorded", Ingester = StaysLive });
        foreach (var body in GoldenBodies.ReadQueried())
            Assert.True((await silo.Sender.PushAsync(body)).IsWhole);

        var recorded = RecordedAnswer.Files.Select(RecordedAnswer.Read).ToArray();
        Assert.Equal(14, recorded.Length);
        foreach (var answer in recorded)
            await AssertAnsweredAsync(silo, answer);

        Assert.Equal(HttpStatusCode.NoContent, await silo.FlushAsync());
        Assert.Equal(0, (await silo.OwnMetricsAsync()).Sum("tempo_ingester_live_traces"));

        // One asks for 1970, where no block is; what was live did not mind.
        var ranged = Assert.Single(recorded, static answer => answer.HasRange);
        foreach (var answer in recorded.Where(answer => answer != ranged))
            await AssertAnsweredAsync(silo, answer);
        Assert.Empty(TraceByIDResponse.Parser.ParseFrom(await silo.Traces.ProtobufAsync(ranged.PathAndQuery)).Trace.ResourceSpans);
        var now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        ranged.AssertSame(await silo.Traces.JsonAsync($"/api/v2/traces/{ranged.TraceId}?start={now - 3600}&end={now + 60}"));
    }

    [Fact]
    public async Task Trace_is_found_as_soon_as_its_push_is_answered()
    {
        await using var silo = await SiloProcess.StartAsync(new() { Test = "at-once" });
        var sent = new SentSpans();
        var traces = new RandomTraces(1);
        for (var i = 0; i < 200; i++)
        {
            var request = sent.Add(traces.Next(1));
            var answer = i % 2 == 0 ? await silo.Sender.PushAsync(request.Body) : await silo.Sender.PushOverGrpcAsync(request.Body);
            Assert.True(answer.IsWhole, answer.ToString());
            request.Acknowledge();

            await sent.AssertFoundAsync(silo.Traces, request.Traces, $"after push {i}");
        }
    }

    [Fact]
    public async Task What_cannot_be_answered_is_refused_as_Tempo_refuses_it()
    {
        await using var silo = await SiloProcess.StartAsync(new() { Test = "refused", Multitenancy = true });
        const string Id = "0102030405060708000000000000abcd";

        Assert.Equal((HttpStatusCode.NotFound, ""), await silo.Traces.TextAsync($"/api/traces/{Id}", "a"));
        Assert.Equal((HttpStatusCode.OK, "{\"trace\":{},\"metrics\":{}}"), await silo.Traces.TextAsync($"/api/v2/traces/{Id}", "a"));
        foreach (var path in (string[])["/api/traces", "/api/v2/traces"])
        {
            Assert.Equal((HttpStatusCode.BadRequest, "trace IDs can only contain hex characters: invalid character 'x' at position 3"), await silo.Traces.TextAsync($"{path}/01x2", "a"));
            Assert.Equal((HttpStatusCode.BadRequest, "trace IDs can't be larger than 128 bits"), await silo.Traces.TextAsync($"{path}/{Id}00", "a"));
            Assert.Equal((HttpStatusCode.BadRequest, "http parameter start must be before end. received start=20 end=10"), await silo.Traces.TextAsync($"{path}/{Id}?start=20&end=10", "a"));
            Assert.Equal((HttpStatusCode.BadRequest, "invalid start: strconv.ParseInt: parsing \"soon\": invalid syntax"), await silo.Traces.TextAsync($"{path}/{Id}?start=soon", "a"));
            Assert.Equal((HttpStatusCode.Unauthorized, "no org id\n"), await silo.Traces.TextAsync($"{path}/{Id}"));
            Assert.Equal(HttpStatusCode.BadRequest, (await silo.Traces.TextAsync($"{path}/{Id}", "..")).Status);
        }
    }

    [Fact]
    public async Task Tenants_with_the_same_trace_id_see_their_own_spans_only()
    {
        await using var silo = await SiloProcess.StartAsync(new()
        {
            Test = "tenants",
            Multitenancy = true,
            Ingester = StaysLive + ", partitions: 1",
            Compactor = "compaction: { compaction_cycle: 500ms }",
        });
        string[] tenants = ["a", "A", "a.b", "(a)"];
        var traceId = ByteString.CopyFrom(Convert.FromHexString("0102030405060708000000000000abcd"));
        var sent = tenants.ToDictionary(static tenant => tenant, static _ => new List<ByteString>());

        // Four blocks of each: as many as are merged.
        for (var block = 0; block < 4; block++)
        {
            foreach (var tenant in tenants)
            {
                var request = ExportTraceServiceRequest.Parser.ParseFrom(GoldenBodies.Call("client-" + tenant, "server-" + tenant));
                foreach (var span in request.ResourceSpans.Select(static resource => resource.ScopeSpans[0].Spans[0]))
                {
                    span.TraceId = traceId;
                    sent[tenant].Add(span.SpanId);
                }

                Assert.True((await silo.Sender.PushAsync(request.ToByteArray(), tenant)).IsWhole);
            }

            await AssertEachSeesItsOwnAsync();
            if (block == 0)
            {
                Assert.Equal(HttpStatusCode.NoContent, await silo.FlushAsync("a.b"));
                Assert.Equal(HttpStatusCode.NotFound, await silo.FlushAsync("b"));
                Assert.Equal(HttpStatusCode.BadRequest, await silo.FlushAsync(".."));
                Assert.Equal(3, (await silo.OwnMetricsAsync()).Sum("tempo_ingester_live_traces"));
            }

            Assert.Equal(HttpStatusCode.NoContent, await silo.FlushAsync());
            await AssertEachSeesItsOwnAsync();
        }

        await Eventually.GetAsync(silo.OwnMetricsAsync, own => own.Sum("tempodb_blocklist_length") == tenants.Length, own => $"{own}\n{silo.Log}");
        await AssertEachSeesItsOwnAsync();
        Assert.Equal(0, (await silo.OwnMetricsAsync()).Sum("tempo_ingester_live_traces"));

        var refused = await silo.Sender.PushAsync(GoldenBodies.Call("client", "server"), "..");
        Assert.Equal(400, refused.Code);
        Assert.Contains("'..'", refused.Message);
        Assert.Equal(401, (await silo.Sender.PushAsync(GoldenBodies.Call("client", "server"))).Code);

        async Task AssertEachSeesItsOwnAsync()
        {
            foreach (var tenant in tenants)
            {
                var found = (await silo.Traces.FindAsync(traceId, tenant)).Trace.ResourceSpans;
                Assert.Equal(sent[tenant].ToHashSet(), found.SelectMany(static resource => resource.ScopeSpans).SelectMany(static scope => scope.Spans).Select(static span => span.SpanId).ToHashSet());
                Assert.Equal(["client-" + tenant, "server-" + tenant], found.Select(static resource => resource.Resource.Attributes[0].Value.StringValue).Order(StringComparer.Ordinal));
            }

            Assert.Equal(HttpStatusCode.NotFound, await silo.Traces.StatusAsync(traceId, "b"));
        }
    }

    [Fact]
    public async Task Traces_beyond_max_traces_per_user_are_refused_and_neither_stored_nor_counted()
    {
        await using var silo = await SiloProcess.StartAsync(new() { Test = "live-limit", Ingester = StaysLive, Ingestion = "max_traces_per_user: 2" });
        var request = Merge(GoldenBodies.Call("one", "two"), GoldenBodies.Call("three", "four"), GoldenBodies.Call("five", "six"));

        var answer = await silo.Sender.PushAsync(request.ToByteArray());

        Assert.Equal((200, 2L), (answer.Code, answer.RejectedSpans));
        Assert.Contains("LIVE_TRACES_EXCEEDED", answer.Message);
        Assert.Contains("max_traces_per_user", answer.Message);
        await AssertRefusedAsync(silo, request, "live_traces_exceeded", kept: 4);
        var again = await silo.Sender.PushOverGrpcAsync(GoldenBodies.Call("seven", "eight"));
        Assert.Equal((0, 2L), (again.Code, again.RejectedSpans));
    }

    [Fact]
    public async Task Spans_beyond_max_bytes_per_trace_are_refused_and_neither_stored_nor_counted()
    {
        await using var silo = await SiloProcess.StartAsync(new() { Test = "trace-limit", Ingester = StaysLive, Global = "max_bytes_per_trace: 1000" });
        var request = ExportTraceServiceRequest.Parser.ParseFrom(GoldenBodies.Call("small", "large"));
        request.ResourceSpans[1].ScopeSpans[0].Spans[0].Name = new string('x', 1000);

        var answer = await silo.Sender.PushAsync(request.ToByteArray());

        Assert.Equal((200, 1L), (answer.Code, answer.RejectedSpans));
        Assert.Contains("TRACE_TOO_LARGE", answer.Message);
        Assert.Contains("max_bytes_per_trace", answer.Message);
        await AssertRefusedAsync(silo, request, "trace_too_large", kept: 1);
    }

    private static async Task AssertRefusedAsync(SiloProcess silo, ExportTraceServiceRequest request, string reason, int kept)
    {
        var sent = request.ResourceSpans.Select(static resource => resource.ScopeSpans[0].Spans[0]).ToArray();
        var found = 0;
        foreach (var traceId in sent.Select(static span => span.TraceId).Distinct())
            found += (await silo.Traces.FindAsync(traceId)).Trace.ResourceSpans.Count;
        Assert.Equal(kept, found);
        var discarded = Assert.Single(await silo.OwnMetricsAsync(), static own => own.Key.StartsWith("tempo_discarded_spans_total{", StringComparison.Ordinal));
        Assert.Equal(sent.Length - kept, discarded.Value);
        Assert.Contains($"reason=\"{reason}\"", discarded.Key);
        await Eventually.GetAsync(silo.GeneratedAsync, generated => generated.Sum("traces_spanmetrics_calls_total") == kept, generated => $"{generated}\n{silo.Log}");
        await silo.CollectAsync(1);
        Assert.Equal(kept, (await silo.GeneratedAsync()).Sum("traces_spanmetrics_calls_total"));

        // What is not in the live traces is not in the log either.
        await silo.KillAsync();
        await silo.StartAgainAsync();
        foreach (var traceId in sent.Select(static span => span.TraceId).Distinct())
            found -= (await silo.Traces.FindAsync(traceId)).Trace.ResourceSpans.Count;
        Assert.Equal(0, found);
    }

    private static ExportTraceServiceRequest Merge(params byte[][] requests)
    {
        var merged = new ExportTraceServiceRequest();
        foreach (var request in requests)
            merged.MergeFrom(request);
        return merged;
    }

    private static async Task AssertAnsweredAsync(SiloProcess silo, RecordedAnswer recorded)
    {
        recorded.AssertSame(await silo.Traces.JsonAsync(recorded.PathAndQuery));
        var protobuf = await silo.Traces.ProtobufAsync(recorded.PathAndQuery);
        recorded.AssertSame(recorded.IsV1 ? ProtobufAsJson.Format(Trace.Parser.ParseFrom(protobuf)) : ProtobufAsJson.Format(TraceByIDResponse.Parser.ParseFrom(protobuf)));
    }
}
