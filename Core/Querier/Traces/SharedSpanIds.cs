using OrleansTempo.Core.Otlp;
using OrleansTempo.Core.Otlp.Reading;

namespace OrleansTempo.Core.Querier.Traces;

/// <summary>
/// Separates spans that share an ID. In Zipkin's model, the two sides of a call are one span of two kinds with one ID, but a tree of spans needs two.
/// As Tempo does, the server's span gets a new ID and the client's span as its parent, and the children of the shared ID become children of the
/// server's span.
/// <code>
///   client 7, server 7, child of 7    becomes    client 7 ─► server 1 ─► child of 1
/// </code>
/// New IDs count up from 1, skipping those that the trace has.
/// </summary>
internal static class SharedSpanIds
{
    /// <summary>Changes the spans in place where two sides share an ID.</summary>
    public static void Separate(Span<FoundSpan> spans)
    {
        var used = new HashSet<ulong>(SpanIdComparer.Instance);
        var clients = new HashSet<ulong>(SpanIdComparer.Instance);
        foreach (ref readonly var span in spans)
        {
            used.Add(span.SpanId);
            if (span.Kind == SpanKind.Client)
                clients.Add(span.SpanId);
        }

        var newIds = new Dictionary<ulong, ulong>(SpanIdComparer.Instance);
        ulong id = 0;
        foreach (ref var span in spans)
        {
            if (span.Kind != SpanKind.Server || !clients.Contains(span.SpanId))
                continue;
            do
                id++;
            while (used.Contains(id));
            newIds[span.SpanId] = id;
            span = WithIds(span, id, span.SpanId);
        }

        if (newIds.Count == 0)
            return;
        foreach (ref var span in spans)
        {
            if (SpanIds.TryReadParent(span.Span.Span, out var parent) && newIds.TryGetValue(parent, out var newParent) && span.SpanId != newParent)
                span = WithIds(span, span.SpanId, newParent);
        }
    }

    private static FoundSpan WithIds(in FoundSpan span, ulong id, ulong parentId) =>
        span with { SpanId = id, Span = SpanIds.Replace(span.Span.Span, id, parentId) };
}
