using System.Buffers;
using System.Buffers.Binary;

namespace OrleansTempo.Core.Otlp.Reading;

/// <summary>Reads and replaces the IDs in the bytes of a <c>Span</c> message that an <see cref="OtlpReader"/> has checked.</summary>
internal static class SpanIds
{
    private const int IdField = 2;
    private const int ParentField = 4;
    private const int Length = 8;

    /// <summary>The parent's ID, its 8 bytes read in big-endian order; false if the span has none of that length, or one of all zeros.</summary>
    public static bool TryReadParent(ReadOnlySpan<byte> span, out ulong parentId)
    {
        var content = ReadOnlySpan<byte>.Empty;
        var fields = new ProtobufFields(span, 0, span.Length);
        while (fields.MoveNext())
        {
            if (fields is { Field: ParentField, WireType: 2 })
                content = span.Slice(fields.Content.Offset, fields.Content.Length);
        }

        return BinaryPrimitives.TryReadUInt64BigEndian(content, out parentId) && content.Length == Length && parentId != 0;
    }

    /// <summary>A copy of the span with another ID and another parent.</summary>
    public static byte[] Replace(ReadOnlySpan<byte> span, ulong id, ulong parentId)
    {
        var copy = new ArrayBufferWriter<byte>(span.Length + (2 * (2 + Length)));
        var fields = new ProtobufFields(span, 0, span.Length);
        while (fields.MoveNext())
        {
            if (fields.Field is not (IdField or ParentField))
                copy.Write(span[fields.Start..fields.Position]);
        }

        Append(copy, IdField, id);
        Append(copy, ParentField, parentId);
        return copy.WrittenSpan.ToArray();
    }

    private static void Append(ArrayBufferWriter<byte> output, int field, ulong id)
    {
        var target = output.GetSpan(2 + Length);
        target[0] = (byte)((field << 3) | 2);
        target[1] = Length;
        BinaryPrimitives.WriteUInt64BigEndian(target[2..], id);
        output.Advance(2 + Length);
    }
}
