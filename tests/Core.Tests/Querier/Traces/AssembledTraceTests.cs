using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;
using Google.Protobuf;
using OrleansTempo.Core.Otlp;
using OrleansTempo.Core.Querier.Traces;
using OrleansTempo.Core.Tests.Otlp;
using OrleansTempo.Tests.Otlp;
using OrleansTempo.Tests.Query;
using Span = OrleansTempo.Tests.Otlp.Span;

namespace OrleansTempo.Core.Tests.Querier.Traces;

public sealed class AssembledTraceTests
{
    [Fact]
    public void Any_found_spans_are_the_spans_of_the_protobuf_answer_whatever_encoder_wrote_them()
    {
        Prop.ForAll(Requests.ToArbitrary(), input =>
        {
            var bytes = new WireShuffler(new Random(input.Seed)).Shuffle(input.Request.ToByteArray());
            var sent = ExportTraceServiceRequest.Parser.ParseFrom(bytes).ResourceSpans;

            var answer = Found.ProtobufV1(Found.Assemble(Found.Raw(bytes))).Result;

            Assert.Equal(Lines(sent), Lines(answer.ResourceSpans));
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(150));
    }

    [Fact]
    public void Any_found_spans_read_the_same_in_json_and_in_protobuf()
    {
        Prop.ForAll(Requests.ToArbitrary(), input =>
        {
            var bytes = new WireShuffler(new Random(input.Seed)).Shuffle(input.Request.ToByteArray());
            var trace = Found.Assemble(Found.Raw(bytes));

            var protobuf = Found.ProtobufV2(trace).Result;
            var json = Found.JsonV2(trace).Result;

            Found.AssertSame(ProtobufAsJson.Format(protobuf), json);
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(150));
    }

    [Fact]
    public async Task Spans_are_in_the_order_of_their_start_then_their_id_and_groups_in_that_of_their_first_span()
    {
        var answer = await Found.ProtobufV1(Found.Assemble(Found.Spans(
            Resource("a", Scope("s", Span(3, 30), Span(2, 30)), Scope("t", Span(4, 40))),
            Resource("b", Scope("s", Span(1, 10))),
            Resource("a", Scope("t", Span(5, 20))))));

        Assert.Equal(["b", "a"], answer.ResourceSpans.Select(static r => r.Resource.Attributes[0].Key));
        Assert.Equal(["t", "s"], answer.ResourceSpans[1].ScopeSpans.Select(static s => s.Scope.Name));
        Assert.Equal(
            [[Found.SpanId(5), Found.SpanId(4)], [Found.SpanId(2), Found.SpanId(3)]],
            answer.ResourceSpans[1].ScopeSpans.Select(static s => s.Spans.Select(static p => p.SpanId).ToArray()));
    }

    [Fact]
    public async Task Resources_that_differ_in_their_schema_alone_stay_apart()
    {
        var other = Resource("a", Scope("s", Span(2, 2)));
        other.SchemaUrl = "https://example.com/1.0";

        var answer = await Found.ProtobufV1(Found.Assemble(Found.Spans(Resource("a", Scope("s", Span(1, 1))), other)));

        Assert.Equal(["", "https://example.com/1.0"], answer.ResourceSpans.Select(static r => r.SchemaUrl));
    }

    [Fact]
    public async Task A_trace_of_half_a_million_spans_is_answered_whole()
    {
        const int count = 500_000;
        var spans = new OrleansTempo.Core.Otlp.TraceSpans(Found.Id);
        var sent = new List<ByteString>();
        byte[][] resources = [.. Enumerable.Range(0, 50).Select(static i => Resource($"r{i}").ToByteArray())];
        byte[][] scopes = [.. Enumerable.Range(0, 5).Select(static i => Scope($"s{i}").ToByteArray())];
        for (var i = 0; i < count; i++)
        {
            var span = Span((ulong)i + 1, (ulong)(i * 7919 % count));
            sent.Add(span.SpanId);
            spans.Add(Found.Of(resources[i % resources.Length], scopes[i % 7 % scopes.Length], span));
        }

        var trace = Found.Assemble(spans);
        var protobuf = await Found.ProtobufV1(trace);
        var json = await Found.Bytes((output, ct) => TraceJson.WriteV1Async(trace, output, ct));

        Assert.Equal(50, protobuf.ResourceSpans.Count);
        Assert.Equal(250, protobuf.ResourceSpans.Sum(static r => r.ScopeSpans.Count));
        var answered = Found.Each(protobuf.ResourceSpans).Select(static s => s.Span.SpanId).ToList();
        Assert.True(sent.ToHashSet().SetEquals(answered));
        Assert.Equal(count, answered.Count);
        Assert.Equal(answered, SpanIdsOf(json));
    }

    [Fact]
    public async Task Data_that_could_not_be_searched_makes_a_v2_answer_partial()
    {
        var spans = Found.Spans(Resource("a", Scope("s", Span(1, 1))));
        spans.InspectedBytes = 300;
        var trace = Found.Assemble(spans, "block 1 is corrupt", "block 2 is corrupt");

        var protobuf = await Found.ProtobufV2(trace);
        var json = await Found.JsonV2(trace);

        Assert.Equal((PartialStatus.Partial, "block 1 is corrupt; block 2 is corrupt", 300ul), (protobuf.Status, protobuf.Message, protobuf.Metrics.InspectedBytes));
        Assert.Equal(("PARTIAL", "block 1 is corrupt; block 2 is corrupt", "300"), (json["status"]!.GetValue<string>(), json["message"]!.GetValue<string>(), json["metrics"]!["inspectedBytes"]!.GetValue<string>()));
        Assert.Single(protobuf.Trace.ResourceSpans);
    }

    [Fact]
    public async Task No_spans_are_an_empty_trace()
    {
        var trace = Found.Assemble(Found.Spans());

        var protobuf = await Found.ProtobufV2(trace);

        Assert.True(trace.IsEmpty);
        Assert.Equal("""{"trace":{},"metrics":{}}""", (await Found.JsonV2(trace)).ToJsonString());
        Assert.Equal("{}", (await Found.JsonV1(trace)).ToJsonString());
        Assert.Equal(new TraceByIDResponse { Trace = new(), Metrics = new() }, protobuf);
        Assert.Equal(new Trace(), await Found.ProtobufV1(trace));
    }

    [Fact]
    public async Task Fields_the_sender_left_out_are_answered_empty_in_protobuf_and_JSON()
    {
        var sent = new ResourceSpans { SchemaUrl = "r", ScopeSpans = { new ScopeSpans { SchemaUrl = "s", Spans = { Span(1, 1), Span(2, 2) } } } };
        var trace = Found.Assemble(Found.Spans(sent));

        foreach (var answer in (Trace[])[await Found.ProtobufV1(trace), (await Found.ProtobufV2(trace)).Trace])
        {
            var resource = Assert.Single(answer.ResourceSpans);
            var scope = Assert.Single(resource.ScopeSpans);
            Assert.Equal((new Resource(), "r"), (resource.Resource, resource.SchemaUrl));
            Assert.Equal((new InstrumentationScope(), "s"), (scope.Scope, scope.SchemaUrl));
            Assert.Equal(2, scope.Spans.Count);
        }

        var json = (await Found.JsonV2(trace))["trace"]!["resourceSpans"]![0]!;
        Assert.Equal(("{}", "{}"), (json["resource"]!.ToJsonString(), json["scopeSpans"]![0]!["scope"]!.ToJsonString()));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(4)]
    [InlineData(8)]
    [InlineData(16)]
    public async Task An_all_zero_parent_is_no_parent(int length)
    {
        var span = Span(1, 1);
        span.ParentSpanId = ByteString.CopyFrom(new byte[length]);
        span.Name = "root";
        var child = Span(2, 2);
        child.ParentSpanId = Found.SpanId(1);
        var trace = Found.Assemble(Found.Spans(Resource("a", Scope("s", span, child))));

        var protobuf = (await Found.ProtobufV1(trace)).ResourceSpans[0].ScopeSpans[0].Spans;
        var json = (await Found.JsonV1(trace))["batches"]![0]!["scopeSpans"]![0]!["spans"]!;

        Assert.Equal([ByteString.Empty, Found.SpanId(1)], protobuf.Select(static s => s.ParentSpanId));
        Assert.Equal("root", protobuf[0].Name);
        Assert.Equal((null, "AAAAAAAAAAE="), (json[0]!["parentSpanId"], json[1]!["parentSpanId"]!.GetValue<string>()));
    }

    [Fact]
    public async Task Of_several_parents_the_last_one_decides_whether_there_is_one()
    {
        byte[] Twice(ByteString first, ByteString second) => [.. new Span { SpanId = Found.SpanId(1), ParentSpanId = first }.ToByteArray(), .. new Span { ParentSpanId = second }.ToByteArray()];
        async Task<ByteString> Parent(byte[] span)
        {
            var spans = new OrleansTempo.Core.Otlp.TraceSpans(Found.Id);
            spans.Add(Found.Of([], [], Span(1, 1), span));
            return (await Found.ProtobufV1(Found.Assemble(spans))).ResourceSpans[0].ScopeSpans[0].Spans[0].ParentSpanId;
        }

        Assert.Equal(ByteString.Empty, await Parent(Twice(Found.SpanId(7), Found.SpanId(0))));
        Assert.Equal(Found.SpanId(7), await Parent(Twice(Found.SpanId(0), Found.SpanId(7))));
    }

    [Fact]
    public async Task All_zero_IDs_of_a_link_are_left_out_and_the_rest_stays()
    {
        var span = Span(1, 1);
        Span.Types.Link real = new() { TraceId = ByteString.CopyFrom([.. new byte[15], 1]), SpanId = Found.SpanId(9), TraceState = "a=b" };
        Span.Types.Link zeros = new() { TraceId = ByteString.CopyFrom(new byte[16]), SpanId = Found.SpanId(0), Attributes = { new KeyValue { Key = "k", Value = new() { StringValue = new string('x', 200) } } } };
        span.Links.AddRange([real, zeros, real]);
        var trace = Found.Assemble(Found.Spans(Resource("a", Scope("s", span))));

        var links = (await Found.ProtobufV1(trace)).ResourceSpans[0].ScopeSpans[0].Spans[0].Links;
        var json = (await Found.JsonV1(trace))["batches"]![0]!["scopeSpans"]![0]!["spans"]![0]!["links"]![1]!.AsObject();

        Assert.Equal([real, new Span.Types.Link { Attributes = { zeros.Attributes } }, real], links);
        Assert.Equal(["attributes"], json.Select(static p => p.Key));
    }

    // Requests whose spans all have different IDs, because found spans are a set.
    private static Gen<(ExportTraceServiceRequest Request, int Seed)> Requests =>
        from request in OtlpGen.Request
        from seed in Gen.Choose(0, int.MaxValue)
        select (WithDistinctIds(request), seed);

    private static ExportTraceServiceRequest WithDistinctIds(ExportTraceServiceRequest request)
    {
        ulong id = 0;
        foreach (var (_, _, span) in Found.Each(request.ResourceSpans))
            span.SpanId = Found.SpanId(++id);
        return request;
    }

    private static string[] Lines(IEnumerable<ResourceSpans> resources) =>
    [
        .. Found.Each(resources).Select(static found =>
        {
            var (resource, scope) = (found.Resource.Clone(), found.Scope.Clone());
            resource.ScopeSpans.Clear();
            scope.Spans.Clear();
            var span = found.Span.Clone();

            // The answer if the sender left it out.
            resource.Resource ??= new Resource();
            scope.Scope ??= new InstrumentationScope();
            if (span.ParentSpanId.All(static b => b == 0))
                span.ParentSpanId = ByteString.Empty;
            foreach (var link in span.Links)
            {
                link.TraceId = link.TraceId.All(static b => b == 0) ? ByteString.Empty : link.TraceId;
                link.SpanId = link.SpanId.All(static b => b == 0) ? ByteString.Empty : link.SpanId;
            }

            return string.Join('|', new IMessage[] { resource, scope, span }.Select(static m => Convert.ToHexString(m.ToByteArray())));
        }).Order(StringComparer.Ordinal),
    ];

    private static List<ByteString> SpanIdsOf(byte[] json)
    {
        var ids = new List<ByteString>();
        var reader = new Utf8JsonReader(json);
        while (reader.Read())
        {
            if (reader.TokenType != JsonTokenType.PropertyName || !reader.ValueTextEquals("spanId"u8))
                continue;
            reader.Read();
            ids.Add(ByteString.CopyFrom(reader.GetBytesFromBase64()));
        }

        return ids;
    }

    private static ResourceSpans Resource(string key, params ScopeSpans[] scopes) => new() { Resource = new Resource { Attributes = { new KeyValue { Key = key } } }, ScopeSpans = { scopes } };

    private static ScopeSpans Scope(string name, params Span[] spans) => new() { Scope = new InstrumentationScope { Name = name }, Spans = { spans } };

    private static Span Span(ulong id, ulong start) => new() { SpanId = Found.SpanId(id), StartTimeUnixNano = start };
}
