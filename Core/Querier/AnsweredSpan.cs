using System.Buffers;
using OrleansTempo.Core.Otlp;

namespace OrleansTempo.Core.Querier;

/// <summary>A span as it is answered: as it was sent, but for IDs of zeros. A parent of zeros is none, and who draws the trace would look for it.</summary>
/// <param name="Bytes">The inside of the <c>Span</c> message.</param>
/// <param name="HasStatus">Whether the sender wrote a status; without one, an empty one is answered.</param>
public readonly record struct AnsweredSpan(ReadOnlyMemory<byte> Bytes, bool HasStatus)
{
    private const int ParentField = 4, LinkField = 13, StatusField = 15;
    private const int LinkedTraceField = 1, LinkedSpanField = 2;
    private const int LengthDelimited = 2;

    /// <summary>The span to be answered for one that was found.</summary>
    public static AnsweredSpan Of(ReadOnlyMemory<byte> span)
    {
        var bytes = span.Span;
        var (hasStatus, hasNoParent, hasZeroLink) = (false, false, false);
        var fields = new ProtobufFields(bytes, 0, bytes.Length);
        while (fields.MoveNext())
        {
            if (fields.WireType != LengthDelimited)
                continue;
            var content = bytes.Slice(fields.Content.Offset, fields.Content.Length);
            switch (fields.Field)
            {
                // Of several the last one counts.
                case ParentField:
                    hasNoParent = IsZero(content);
                    break;
                case LinkField:
                    hasZeroLink |= HasZeroId(content);
                    break;
                case StatusField:
                    hasStatus = true;
                    break;
            }
        }

        return new AnsweredSpan(hasNoParent || hasZeroLink ? WithoutZeros(bytes, hasNoParent) : span, hasStatus);
    }

    private static ReadOnlyMemory<byte> WithoutZeros(ReadOnlySpan<byte> span, bool dropParents)
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
