using System.Buffers.Binary;
using System.IO.Pipelines;
using System.Text.Json.Nodes;
using Google.Protobuf;
using OrleansTempo.Core.Otlp;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Core.Querier.Traces;
using OrleansTempo.Tests.Otlp;
using OrleansTempo.Tests.Query;
using Span = OrleansTempo.Tests.Otlp.Span;

namespace OrleansTempo.Core.Tests.Querier.Traces;

/// <summary>Makes found spans from protobuf classes, and reads answers as a client does.</summary>
internal static class Found
{
    public static readonly TraceId Id = new(0x0102030405060708, 0x11);

    /// <summary>All of the spans, whatever their trace.</summary>
    public static TraceSpans Spans(params IEnumerable<ResourceSpans> resources)
    {
        var spans = new TraceSpans(Id);
        foreach (var (resource, scope, span) in Each(resources))
            spans.Add(Of(resource, scope, span));
        return spans;
    }

    public static IEnumerable<(ResourceSpans Resource, ScopeSpans Scope, Span Span)> Each(IEnumerable<ResourceSpans> resources) =>
        from resource in resources
        from scope in resource.ScopeSpans
        from span in scope.Spans
        select (resource, scope, span);

    public static FoundSpan Of(ResourceSpans resource, ScopeSpans scope, Span span)
    {
        var (resourceEnvelope, scopeEnvelope) = (resource.Clone(), scope.Clone());
        resourceEnvelope.ScopeSpans.Clear();
        scopeEnvelope.Spans.Clear();
        return Of(resourceEnvelope.ToByteArray(), scopeEnvelope.ToByteArray(), span);
    }

    public static FoundSpan Of(byte[] resourceEnvelope, byte[] scopeEnvelope, Span span) => Of(resourceEnvelope, scopeEnvelope, span, span.ToByteArray());

    public static FoundSpan Of(byte[] resourceEnvelope, byte[] scopeEnvelope, Span span, byte[] spanBytes) => new()
    {
        SpanId = span.SpanId.Length >= 8 ? BinaryPrimitives.ReadUInt64BigEndian(span.SpanId.Span) : 0,
        Kind = (SpanKind)(int)span.Kind,
        StartTimeUnixNano = span.StartTimeUnixNano,
        Resource = resourceEnvelope,
        Scope = scopeEnvelope,
        Span = spanBytes,
    };

    /// <summary>The spans of a request as they are in its bytes, including unknown fields.</summary>
    public static TraceSpans Raw(byte[] request)
    {
        var spans = new TraceSpans(Id);
        foreach (var (_, _, resource) in Fields(request).Where(static f => f.Number == 1))
        {
            foreach (var (_, _, scope) in Fields(resource).Where(static f => f.Number == 2))
            {
                foreach (var (_, _, span) in Fields(scope).Where(static f => f.Number == 2))
                    spans.Add(Of(Envelope(resource), Envelope(scope), Span.Parser.ParseFrom(span), span));
            }
        }

        return spans;

        static byte[] Envelope(byte[] message) => [.. Fields(message).Where(static f => f.Number != 2).SelectMany(static f => f.Field)];
    }

    public static void AssertSame(JsonNode expected, JsonNode actual) =>
        Assert.True(JsonNode.DeepEquals(expected, actual), $"expected {expected.ToJsonString()}\nactual   {actual.ToJsonString()}");

    public static AssembledTrace Assemble(TraceSpans spans, params string[] problems) => AssembledTrace.From(new TraceAnswer { Spans = spans, Problems = problems });

    public static ByteString SpanId(ulong id)
    {
        var bytes = new byte[8];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, id);
        return ByteString.CopyFrom(bytes);
    }

    public static Task<Trace> ProtobufV1(AssembledTrace trace) => Read(Trace.Parser.ParseFrom, (output, ct) => TraceProtobuf.WriteV1Async(trace, output, ct));

    public static Task<TraceByIDResponse> ProtobufV2(AssembledTrace trace) => Read(TraceByIDResponse.Parser.ParseFrom, (output, ct) => TraceProtobuf.WriteV2Async(trace, output, ct));

    public static Task<JsonNode> JsonV1(AssembledTrace trace) => Read(static bytes => JsonNode.Parse(bytes)!, (output, ct) => TraceJson.WriteV1Async(trace, output, ct));

    public static Task<JsonNode> JsonV2(AssembledTrace trace) => Read(static bytes => JsonNode.Parse(bytes)!, (output, ct) => TraceJson.WriteV2Async(trace, output, ct));

    public static async Task<byte[]> Bytes(Func<PipeWriter, CancellationToken, Task> write)
    {
        using var bytes = new MemoryStream();
        var output = PipeWriter.Create(bytes, new StreamPipeWriterOptions(leaveOpen: true));
        await write(output, CancellationToken.None);
        await output.CompleteAsync();
        return bytes.ToArray();
    }

    private static async Task<T> Read<T>(Func<byte[], T> parse, Func<PipeWriter, CancellationToken, Task> write) => parse(await Bytes(write));

    // Content of a length-delimited field.
    private static IEnumerable<(int Number, byte[] Field, byte[] Content)> Fields(byte[] message)
    {
        var input = new CodedInputStream(message);
        while (true)
        {
            var start = (int)input.Position;
            var tag = input.ReadTag();
            if (tag == 0)
                yield break;
            byte[] content = [];
            if (WireFormat.GetTagWireType(tag) == WireFormat.WireType.LengthDelimited)
                content = input.ReadBytes().ToByteArray();
            else
                input.SkipLastField();
            yield return (WireFormat.GetTagFieldNumber(tag), message[start..(int)input.Position], content);
        }
    }
}
