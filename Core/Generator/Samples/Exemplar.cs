using System.Buffers.Binary;

namespace OrleansTempo.Core.Generator.Samples;

/// <summary>The latest trace with an observation in a histogram bucket since the last collection.</summary>
internal struct Exemplar
{
    /// <summary>The 16 bytes of the trace ID as a big-endian number; 0 for no exemplar.</summary>
    public UInt128 TraceId;
    public double Value;

    /// <summary>Steady milliseconds, see <see cref="SteadyClock"/>.</summary>
    public long TimestampMs;

    public readonly bool IsSet => TraceId != UInt128.Zero;

    public static UInt128 ReadTraceId(ReadOnlySpan<byte> bytes) => BinaryPrimitives.ReadUInt128BigEndian(bytes);

    public readonly void WriteTraceId(Span<byte> bytes) => BinaryPrimitives.WriteUInt128BigEndian(bytes, TraceId);
}

/// <summary>An exemplar of a native histogram.</summary>
/// <param name="TraceId">The trace ID's 16 bytes as a big-endian number, see <see cref="Exemplar.ReadTraceId"/>.</param>
/// <param name="Value">The observed value, in the unit of the histogram.</param>
/// <param name="TimestampMs">Unix milliseconds.</param>
public readonly record struct HistogramExemplar(UInt128 TraceId, double Value, long TimestampMs);
