using OrleansTempo.Core.Otlp.Buffers;

namespace OrleansTempo.Core.Otlp.Reading;

/// <summary>
/// Rewrites a request with its overlong attribute keys and string values truncated at a character boundary. Requests without any are never copied.
/// <code>
///   request ─► resource_spans ─► resource ─────────────────────┬─► attribute ─┬─► key
///                   └─► scope_spans ─► scope ──────────────────┤              └─► value ─► string
///                            └─► span ─┬───────────────────────┤
///                                      └─► event, link ────────┘
/// </code>
/// Nothing becomes longer, so the result fits into one counted buffer. A message's new length is found by walking it, once more at each level.
/// </summary>
internal static class OtlpTruncation
{
    /// <summary>The things that have attributes, in Tempo's words.</summary>
    public static readonly string[] Scopes = ["resource", "scope", "span", "event", "link"];

    private static readonly Schema[] s_attributes = [.. Scopes.Select(static (_, scope) => Attribute(scope))];
    private static readonly Schema s_resource = new((1, s_attributes[0]));
    private static readonly Schema s_scope = new((3, s_attributes[1]));
    private static readonly Schema s_event = new((3, s_attributes[3]));
    private static readonly Schema s_link = new((4, s_attributes[4]));
    private static readonly Schema s_span = new((9, s_attributes[2]), (11, s_event), (13, s_link));
    private static readonly Schema s_scopeSpans = new((1, s_scope), (2, s_span));
    private static readonly Schema s_resourceSpans = new((1, s_resource), (2, s_scopeSpans));
    private static readonly Schema s_request = new((1, s_resourceSpans));

    /// <summary>Returns a new buffer, owned by the caller; the batch keeps its own.</summary>
    /// <param name="batch">The batch to rewrite.</param>
    /// <param name="maxAttributeBytes">The maximum length of a key or a string value.</param>
    /// <param name="memory">Where the buffer comes from.</param>
    /// <param name="cuts">How many keys and values were truncated, indexed as <see cref="Scopes"/>.</param>
    /// <exception cref="RequestMemoryException">There is no room for it.</exception>
    public static RequestBuffer Truncate(SpanBatch batch, int maxAttributeBytes, RequestMemory memory, out long[] cuts)
    {
        cuts = new long[Scopes.Length];
        var output = memory.Rent(batch.Bytes.Length);
        var position = 0;
        Write(batch.Bytes, new Slice(0, batch.Bytes.Length), s_request, maxAttributeBytes, output.Array, ref position, cuts);
        output.Length = position;
        return output;
    }

    private static Schema Attribute(int scope)
    {
        var text = new Schema { TextOf = scope };
        return new Schema((1, text), (2, new Schema((1, text))));
    }

    private static int Length(ReadOnlySpan<byte> bytes, Slice message, Schema schema, int max)
    {
        if (schema.TextOf is not null)
            return Cut(bytes, message, max).Length;
        var length = 0;
        var fields = new ProtobufFields(bytes, message.Offset, message.End);
        while (fields.MoveNext())
        {
            if (schema.Child(fields) is not { } child)
            {
                length += fields.Position - fields.Start;
                continue;
            }

            var content = Length(bytes, fields.Content, child, max);
            length += 1 + ProtoWire.VarintLength((ulong)content) + content;
        }

        return length;
    }

    private static void Write(ReadOnlySpan<byte> bytes, Slice message, Schema schema, int max, Span<byte> target, ref int position, long[] cuts)
    {
        if (schema.TextOf is { } scope)
        {
            var text = Cut(bytes, message, max);
            ProtoWire.WriteBytes(target, ref position, text);
            if (text.Length < message.Length)
                cuts[scope]++;
            return;
        }

        var fields = new ProtobufFields(bytes, message.Offset, message.End);
        while (fields.MoveNext())
        {
            if (schema.Child(fields) is not { } child)
            {
                ProtoWire.WriteBytes(target, ref position, bytes[fields.Start..fields.Position]);
                continue;
            }

            target[position++] = (byte)((fields.Field << 3) | 2);
            ProtoWire.WriteVarint(target, ref position, (ulong)Length(bytes, fields.Content, child, max));
            Write(bytes, fields.Content, child, max, target, ref position, cuts);
        }
    }

    private static ReadOnlySpan<byte> Cut(ReadOnlySpan<byte> bytes, Slice text, int max) => Utf8Text.Cut(bytes.Slice(text.Offset, text.Length), max);

    /// <summary>Which fields of a message lead to truncated texts. Their numbers are below 16, so their tags are one byte.</summary>
    private sealed class Schema
    {
        private readonly Schema?[] _children = new Schema?[16];

        public Schema(params ReadOnlySpan<(int Field, Schema Child)> children)
        {
            foreach (var (field, child) in children)
                _children[field] = child;
        }

        /// <summary>For such a text, the index in <see cref="Scopes"/> of what has the attribute.</summary>
        public int? TextOf { get; init; }

        public Schema? Child(in ProtobufFields fields) => fields.WireType == 2 && (uint)fields.Field < (uint)_children.Length ? _children[fields.Field] : null;
    }
}
