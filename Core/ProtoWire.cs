using System.Buffers.Binary;

namespace OrleansTempo.Core;

/// <summary>The few protobuf primitives that the hot paths write by hand, over spans that the caller has made large enough.</summary>
public static class ProtoWire
{
    /// <summary>A varint takes one byte for every seven bits, and one for 0.</summary>
    public static int VarintLength(ulong value) => (63 - System.Numerics.BitOperations.LeadingZeroCount(value | 1)) / 7 + 1;

    /// <summary>A signed number near 0, of either sign, as a small unsigned one: how <c>sint32</c> and <c>sint64</c> stand in a varint.</summary>
    public static ulong ZigZag(long value) => (ulong)(value << 1) ^ (ulong)(value >> 63);

    /// <summary>The inverse of <see cref="ZigZag"/>.</summary>
    public static long UnZigZag(ulong value) => (long)(value >> 1) ^ -(long)(value & 1);

    /// <summary>Writes a varint, at most 10 bytes, and moves <paramref name="position"/> past it.</summary>
    public static void WriteVarint(Span<byte> target, ref int position, ulong value)
    {
        while (value >= 0x80)
        {
            target[position++] = (byte)(value | 0x80);
            value >>= 7;
        }

        target[position++] = (byte)value;
    }

    /// <summary>Writes 8 bytes, bit for bit, and moves <paramref name="position"/> past them.</summary>
    public static void WriteDouble(Span<byte> target, ref int position, double value)
    {
        // As bits: the staleness marker is a signalling NaN, and its payload is its meaning.
        BinaryPrimitives.WriteInt64LittleEndian(target[position..], BitConverter.DoubleToInt64Bits(value));
        position += sizeof(double);
    }

    /// <summary>Writes the bytes alone, and moves <paramref name="position"/> past them.</summary>
    public static void WriteBytes(Span<byte> target, ref int position, ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(target[position..]);
        position += bytes.Length;
    }

    /// <summary>A length-delimited field: <paramref name="tag"/>, length, bytes.</summary>
    public static void WriteField(Span<byte> target, ref int position, byte tag, ReadOnlySpan<byte> bytes)
    {
        target[position++] = tag;
        WriteVarint(target, ref position, (ulong)bytes.Length);
        WriteBytes(target, ref position, bytes);
    }
}
