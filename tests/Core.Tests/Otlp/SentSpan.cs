using System.Buffers.Binary;
using Google.Protobuf;
using OrleansTempo.Core.Otlp;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Tests.Otlp;
using Span = OrleansTempo.Tests.Otlp.Span;

namespace OrleansTempo.Core.Tests.Otlp;

/// <summary>A span as a client sent it, parsed by protobuf's own parser: the span that must be found again.</summary>
internal sealed record SentSpan(ResourceSpans Resource, ScopeSpans Scope, Span Span)
{
    public TraceId TraceId => TraceId.Read(Span.TraceId.Span);

    /// <summary>The identity of a span within its trace.</summary>
    public (ulong SpanId, SpanKind Kind) Key => (BinaryPrimitives.ReadUInt64BigEndian(Span.SpanId.Span), (SpanKind)(int)Span.Kind);

    public static List<SentSpan> AllOf(byte[] request)
    {
        var sent = new List<SentSpan>();
        foreach (var resource in ExportTraceServiceRequest.Parser.ParseFrom(request).ResourceSpans)
        {
            var resourceAlone = resource.Clone();
            resourceAlone.ScopeSpans.Clear();
            foreach (var scope in resource.ScopeSpans)
            {
                var scopeAlone = scope.Clone();
                scopeAlone.Spans.Clear();
                sent.AddRange(scope.Spans.Select(span => new SentSpan(resourceAlone, scopeAlone, WithStatus(span))));
            }
        }

        return sent;
    }

    /// <summary>Asserts that it is the same span in every field.</summary>
    public void AssertIs(in FoundSpan found)
    {
        Assert.Equal(Key, (found.SpanId, found.Kind));
        Assert.Equal(Span.StartTimeUnixNano, found.StartTimeUnixNano);
        Assert.Equal(Resource, ResourceSpans.Parser.ParseFrom(found.Resource.Span));
        Assert.Equal(Scope, ScopeSpans.Parser.ParseFrom(found.Scope.Span));
        Assert.Equal(Span, Span.Parser.ParseFrom(found.Span.Span));
    }

    /// <summary>Asserts that these spans and no others are found, each once; if one was sent more than once, any of them.</summary>
    public static void AssertAre(IEnumerable<SentSpan> sent, TraceSpans found)
    {
        var copies = sent.ToLookup(static s => s.Key);
        Assert.Equal(copies.Select(static c => c.Key).Order(), found.Spans.Select(static s => (s.SpanId, s.Kind)).Order());
        foreach (var span in found.Spans)
        {
            var parsed = Span.Parser.ParseFrom(span.Span.Span);
            var one = copies[(span.SpanId, span.Kind)].FirstOrDefault(s => s.Span.Equals(parsed)
                && s.Resource.Equals(ResourceSpans.Parser.ParseFrom(span.Resource.Span))
                && s.Scope.Equals(ScopeSpans.Parser.ParseFrom(span.Scope.Span)));
            if (one is null)
                copies[(span.SpanId, span.Kind)].First().AssertIs(span);
        }
    }

    // Tempo always answers with a status; what a later version of OTLP adds to it is not kept.
    private static Span WithStatus(Span span)
    {
        var copy = span.Clone();
        copy.Status = new Status { Code = span.Status?.Code ?? default, Message = span.Status?.Message ?? "" };
        return copy;
    }
}
