using OrleansTempo.Core.Generator.NativeHistograms;
using static OrleansTempo.Core.ProtoWire;

namespace OrleansTempo.Core.RemoteWrite.Messages;

/// <summary>
/// Writes the fields of a <c>Histogram</c> message with integer counts. They have the same numbers in remote write 1.0 and 2.0;
/// <c>start_timestamp</c> exists in 2.0 only.
/// </summary>
internal static class HistogramMessage
{
    private const byte CountTag = 0x08;
    private const byte SumTag = 0x19;
    private const byte SchemaTag = 0x20;
    private const byte ZeroThresholdTag = 0x29;
    private const byte ZeroCountTag = 0x30;
    private const byte PositiveSpansTag = 0x5A;
    private const byte PositiveDeltasTag = 0x62;
    private const byte TimestampTag = 0x78;
    private const byte OffsetTag = 0x08;
    private const byte LengthTag = 0x10;

    // Field 17 needs two bytes.
    private const ulong StartTimestampTag = 0x88;

    /// <param name="histogram">The sample.</param>
    /// <param name="timestampMs">Unix time in milliseconds.</param>
    /// <param name="startTimestampMs">When the histogram started to count, in Unix milliseconds; 0 to leave it out.</param>
    public static int Length(in NativeHistogramPoint histogram, long timestampMs, long startTimestampMs = 0)
    {
        var length = 1 + VarintLength(histogram.Count) + 1 + sizeof(double) + 1 + VarintLength(ZigZag(histogram.Schema)) + 1 + sizeof(double)
            + 1 + VarintLength(histogram.ZeroCount) + 1 + VarintLength((ulong)timestampMs);
        foreach (var span in histogram.PositiveSpans)
            length += 2 + SpanLength(span);
        if (!histogram.PositiveDeltas.IsEmpty)
        {
            var deltas = DeltasLength(histogram.PositiveDeltas);
            length += 1 + VarintLength((ulong)deltas) + deltas;
        }

        return startTimestampMs == 0 ? length : length + 2 + VarintLength((ulong)startTimestampMs);
    }

    /// <summary>Writes the fields; the number of bytes is what <see cref="Length"/> returns.</summary>
    public static void Write(Span<byte> target, ref int position, in NativeHistogramPoint histogram, long timestampMs, long startTimestampMs = 0)
    {
        // Written even if zero: the field says that counts are integers.
        target[position++] = CountTag;
        WriteVarint(target, ref position, histogram.Count);
        target[position++] = SumTag;
        WriteDouble(target, ref position, histogram.Sum);
        target[position++] = SchemaTag;
        WriteVarint(target, ref position, ZigZag(histogram.Schema));
        target[position++] = ZeroThresholdTag;
        WriteDouble(target, ref position, histogram.ZeroThreshold);
        target[position++] = ZeroCountTag;
        WriteVarint(target, ref position, histogram.ZeroCount);
        foreach (var span in histogram.PositiveSpans)
        {
            target[position++] = PositiveSpansTag;
            target[position++] = (byte)SpanLength(span);
            target[position++] = OffsetTag;
            WriteVarint(target, ref position, ZigZag(span.Offset));
            target[position++] = LengthTag;
            WriteVarint(target, ref position, (ulong)span.Length);
        }

        if (!histogram.PositiveDeltas.IsEmpty)
        {
            target[position++] = PositiveDeltasTag;
            WriteVarint(target, ref position, (ulong)DeltasLength(histogram.PositiveDeltas));
            foreach (var delta in histogram.PositiveDeltas)
                WriteVarint(target, ref position, ZigZag(delta));
        }

        target[position++] = TimestampTag;
        WriteVarint(target, ref position, (ulong)timestampMs);
        if (startTimestampMs != 0)
        {
            WriteVarint(target, ref position, StartTimestampTag);
            WriteVarint(target, ref position, (ulong)startTimestampMs);
        }
    }

    private static int SpanLength(HistogramSpan span) => 1 + VarintLength(ZigZag(span.Offset)) + 1 + VarintLength((ulong)span.Length);

    private static int DeltasLength(ReadOnlySpan<long> deltas)
    {
        var length = 0;
        foreach (var delta in deltas)
            length += VarintLength(ZigZag(delta));
        return length;
    }
}
