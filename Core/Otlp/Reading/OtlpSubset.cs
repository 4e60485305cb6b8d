namespace OrleansTempo.Core.Otlp.Reading;

/// <summary>
/// Encodes some spans of a batch as a request of their own, each with its resource and scope. Used for spans that go to another process, and for
/// logging a batch of which some spans were refused.
/// <code>
///   span, span │ span │ span        adjacent spans of one scope share an envelope
///   └─ scope ──┴──────┘      │
///   └─ resource ─────────────┘
/// </code>
/// </summary>
public static class OtlpSubset
{
    // ExportTraceServiceRequest.resource_spans, ResourceSpans.scope_spans and ScopeSpans.spans.
    private const byte ResourceSpansTag = (1 << 3) | 2;
    private const byte ScopeSpansTag = (2 << 3) | 2;
    private const byte SpanTag = (2 << 3) | 2;

    /// <summary>The number of bytes that <see cref="Write"/> needs for these spans.</summary>
    /// <param name="batch">The batch; if several threads use it, <see cref="SpanBatch.Prepare"/> must have been called.</param>
    /// <param name="spans">Indexes of spans in the batch, ascending.</param>
    public static int Length(SpanBatch batch, ReadOnlySpan<int> spans)
    {
        var length = 0;
        for (var i = 0; i < spans.Length;)
            length += FieldLength(ResourceLength(batch, spans, ref i));
        return length;
    }

    /// <summary>Writes the request to the beginning of <paramref name="target"/>, which must be large enough.</summary>
    /// <returns>Its length in bytes.</returns>
    public static int Write(SpanBatch batch, ReadOnlySpan<int> spans, Span<byte> target)
    {
        var bytes = batch.Bytes;
        var all = batch.Spans;
        var position = 0;
        for (var i = 0; i < spans.Length;)
        {
            var next = i;
            var resource = all[spans[i]].Resource;
            WriteHead(target, ref position, ResourceSpansTag, ResourceLength(batch, spans, ref next));
            ProtoWire.WriteBytes(target, ref position, batch.Envelope(batch.Resources[resource]));
            while (i < next)
            {
                var end = i;
                var scope = all[spans[i]].Scope;
                WriteHead(target, ref position, ScopeSpansTag, ScopeLength(batch, spans, ref end));
                ProtoWire.WriteBytes(target, ref position, batch.Envelope(batch.Scopes[scope]));
                for (; i < end; i++)
                {
                    var message = all[spans[i]].Message;
                    ProtoWire.WriteField(target, ref position, SpanTag, bytes.Slice(message.Offset, message.Length));
                }
            }
        }

        return position;
    }

    private static int FieldLength(int content) => 1 + ProtoWire.VarintLength((ulong)content) + content;

    private static void WriteHead(Span<byte> target, ref int position, byte tag, int length)
    {
        target[position++] = tag;
        ProtoWire.WriteVarint(target, ref position, (ulong)length);
    }

    // The content of the ResourceSpans that begins at a span; moves on to the first span outside it.
    private static int ResourceLength(SpanBatch batch, ReadOnlySpan<int> spans, ref int i)
    {
        var all = batch.Spans;
        var resource = all[spans[i]].Resource;
        var length = batch.Envelope(batch.Resources[resource]).Length;
        while (i < spans.Length && all[spans[i]].Resource == resource)
            length += FieldLength(ScopeLength(batch, spans, ref i));
        return length;
    }

    private static int ScopeLength(SpanBatch batch, ReadOnlySpan<int> spans, ref int i)
    {
        var all = batch.Spans;
        var (resource, scope) = (all[spans[i]].Resource, all[spans[i]].Scope);
        var length = batch.Envelope(batch.Scopes[scope]).Length;
        for (; i < spans.Length && all[spans[i]].Scope == scope && all[spans[i]].Resource == resource; i++)
            length += FieldLength(all[spans[i]].Message.Length);
        return length;
    }
}
