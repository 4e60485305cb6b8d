using System.Buffers;
using OrleansTempo.Core.Otlp.Reading;

namespace OrleansTempo.Core.Querier.Traces;

/// <summary>Removes all-zero IDs from a span's parent and links: they mean that there is none, but clients that draw the trace would look for them.</summary>
internal static class ZeroIds
{
    private const int ParentField = 4, LinkField = 13;
    private const int LinkedTraceField = 1, LinkedSpanField = 2;
    private const int LengthDelimited = 2;

    /// <summary>The content of a <c>Span</c> message without them: the same bytes if it has none.</summary>
    public static ReadOnlyMemory<byte> Remove(ReadOnlyMemory<byte> span)
    {
        var bytes = span.Span;
        var (hasNoParent, hasZeroLink) = (false, false);
        var fields = new ProtobufFields(bytes, 0, bytes.Length);
        while (fields.MoveNext())
        {
            var content = bytes.Slice(fields.Content.Offset, fields.Content.Length);

            // Of several parents, the last one counts.
            if (fields is { Field: ParentField, WireType: LengthDelimited })
                hasNoParent = IsZero(content);
            else if (fields is { Field: LinkField, WireType: LengthDelimited })
                hasZeroLink |= HasZeroId(content);
        }

        return hasNoParent || hasZeroLink ? Copy(bytes, hasNoParent) : span;
    }

    private static ReadOnlyMemory<byte> Copy(ReadOnlySpan<byte> span, bool dropParents)
    {
        var copy = new ArrayBufferWriter<byte>(span.Length);
        var fields = new ProtobufFields(span, 0, span.Length);
        while (fields.MoveNext())
        {
            var content = span.Slice(fields.Content.Offset, fields.Content.Length);
            if (fields is { Field: ParentField, WireType: LengthDelimited } && dropParents)
                continue;
            if (fields is { Field: LinkField, WireType: LengthDelimited } && HasZeroId(content))
                WriteLink(copy, content);
            else
                copy.Write(span[fields.Start..fields.Position]);
        }

        return copy.WrittenMemory;
    }

    private static void WriteLink(ArrayBufferWriter<byte> output, ReadOnlySpan<byte> link)
    {
        var length = 0;
        var fields = new ProtobufFields(link, 0, link.Length);
        while (fields.MoveNext())
            length += IsZeroId(link, fields) ? 0 : fields.Position - fields.Start;

        var head = output.GetSpan(1 + ProtoWire.VarintLength((ulong)length));
        head[0] = LinkField << 3 | LengthDelimited;
        var position = 1;
        ProtoWire.WriteVarint(head, ref position, (ulong)length);
        output.Advance(position);

        fields = new ProtobufFields(link, 0, link.Length);
        while (fields.MoveNext())
        {
            if (!IsZeroId(link, fields))
                output.Write(link[fields.Start..fields.Position]);
        }
    }

    private static bool HasZeroId(ReadOnlySpan<byte> link)
    {
        var fields = new ProtobufFields(link, 0, link.Length);
        while (fields.MoveNext())
        {
            if (IsZeroId(link, fields))
                return true;
        }

        return false;
    }

    private static bool IsZeroId(ReadOnlySpan<byte> link, in ProtobufFields field) =>
        field is { Field: LinkedTraceField or LinkedSpanField, WireType: LengthDelimited } && IsZero(link.Slice(field.Content.Offset, field.Content.Length));

    private static bool IsZero(ReadOnlySpan<byte> id) => !id.ContainsAnyExcept((byte)0);
}
