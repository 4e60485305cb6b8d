using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Tests.Otlp;
using Span = OrleansTempo.Tests.Otlp.Span;

namespace OrleansTempo.Core.Tests.Querier.Traces;

/// <summary>Follows Tempo's modules/frontend/combiner/trace_by_id_deduper.go.</summary>
public sealed class SharedSpanIdsTests
{
    [Fact]
    public async Task A_server_span_with_its_clients_id_gets_its_own_and_takes_the_children()
    {
        var answered = await Answer(
            Of(7, 5, Span.Types.SpanKind.Client, start: 10),
            Of(7, 5, Span.Types.SpanKind.Server, start: 11),
            Of(1, 7, Span.Types.SpanKind.Internal, start: 12),
            Of(9, 1, Span.Types.SpanKind.Internal, start: 13));

        // 1 is taken, so the new ID is 2.
        Assert.Equal([(7, 5), (2, 7), (1, 2), (9, 1)], answered);
    }

    [Fact]
    public async Task A_server_span_without_a_parent_hangs_under_the_client_span()
    {
        var client = Of(7, 0, Span.Types.SpanKind.Client, start: 10);
        var server = Of(7, 0, Span.Types.SpanKind.Server, start: 11);
        client.ParentSpanId = server.ParentSpanId = Google.Protobuf.ByteString.Empty;
        server.Name = "kept";

        var trace = await Found.ProtobufV1(Found.Assemble(Found.Spans(Request(client, server))));

        var separated = trace.ResourceSpans[0].ScopeSpans[0].Spans[1];
        Assert.Equal(new Span { SpanId = Found.SpanId(1), ParentSpanId = Found.SpanId(7), Name = "kept", Kind = Span.Types.SpanKind.Server, StartTimeUnixNano = 11 }, separated);
    }

    [Fact]
    public async Task Other_kinds_may_share_an_id()
    {
        var answered = await Answer(
            Of(7, 5, Span.Types.SpanKind.Producer, start: 10),
            Of(7, 5, Span.Types.SpanKind.Server, start: 11),
            Of(9, 7, Span.Types.SpanKind.Client, start: 12));

        Assert.Equal([(7, 5), (7, 5), (9, 7)], answered);
    }

    private static async Task<(int Id, int Parent)[]> Answer(params Span[] spans)
    {
        var trace = await Found.ProtobufV1(Found.Assemble(Found.Spans(Request(spans))));
        return [.. trace.ResourceSpans[0].ScopeSpans[0].Spans.Select(static s => ((int)s.SpanId[^1], (int)s.ParentSpanId[^1]))];
    }

    private static ResourceSpans Request(params Span[] spans) => new() { ScopeSpans = { new ScopeSpans { Spans = { spans } } } };

    private static Span Of(ulong id, ulong parent, Span.Types.SpanKind kind, ulong start) => new() { SpanId = Found.SpanId(id), ParentSpanId = Found.SpanId(parent), Kind = kind, StartTimeUnixNano = start };
}
