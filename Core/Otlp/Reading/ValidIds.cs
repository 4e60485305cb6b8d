using System.Buffers.Binary;

namespace OrleansTempo.Core.Otlp.Reading;

/// <summary>Checks that spans have valid IDs: 16 and 8 bytes, not all zero. Everything after the distributor relies on that.</summary>
public static class ValidIds
{
    private const int SpanIdLength = 8;

    public static bool HasTraceId(ReadOnlySpan<byte> bytes, in SpanRecord span) => IsId(bytes, span.TraceId, TraceId.Length);

    public static bool HasSpanId(ReadOnlySpan<byte> bytes, in SpanRecord span) => IsId(bytes, span.SpanId, SpanIdLength);

    /// <summary>Removes the spans without valid IDs.</summary>
    public static void RemoveInvalid(SpanBatch batch) =>
        batch.RemoveWhere(static (b, i) => HasTraceId(b.Bytes, b.Spans[i]) && HasSpanId(b.Bytes, b.Spans[i]));

    private static bool IsId(ReadOnlySpan<byte> bytes, Slice id, int length)
    {
        if (id.Length != length)
            return false;
        var value = bytes.Slice(id.Offset, length);
        var first = BinaryPrimitives.ReadUInt64LittleEndian(value);
        return first != 0 || value[(length - 8)..].ContainsAnyExcept((byte)0);
    }
}
