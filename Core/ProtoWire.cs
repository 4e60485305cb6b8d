using System.Buffers;
using System.Buffers.Binary;

namespace OrleansTempo.Core;

/// <summary>
/// The few protobuf primitives that the hot paths read and write by hand: varints (seven bits a byte, the lowest first), doubles, fields. The caller
/// provides spans that are large enough to write to.
/// </summary>
public static class ProtoWire
{
    /// <summary>No varint has more bytes.</summary>
    public const int MaxVarintBytes = 10;

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

    /// <summary>Writes a varint, at most <see cref="MaxVarintBytes"/>.</summary>
    public static void WriteVarint(IBufferWriter<byte> output, ulong value)
    {
        var written = 0;
        WriteVarint(output.GetSpan(MaxVarintBytes), ref written, value);
        output.Advance(written);
    }

    /// <summary>
    /// Reads a varint from untrusted bytes. False if the bytes end within it, or if it is longer than <see cref="MaxVarintBytes"/>;
    /// <paramref name="position"/> is then behind the bytes that were read. Bits beyond 64 are ignored, as protobuf's own parsers do.
    /// </summary>
    public static bool TryReadVarint(ReadOnlySpan<byte> bytes, ref int position, out ulong value)
    {
        value = 0;
        for (var shift = 0; shift < 7 * MaxVarintBytes && (uint)position < (uint)bytes.Length; shift += 7)
        {
            var b = bytes[position++];
            value |= (ulong)(b & 0x7F) << shift;
            if (b < 0x80)
                return true;
        }

        return false;
    }

    /// <summary>Reads a varint that is known to be whole because it has been read before.</summary>
    public static ulong ReadVarint(ReadOnlySpan<byte> bytes, ref int position)
    {
        // Nearly all tags and lengths have one byte: inlined, and the loop is not.
        var first = bytes[position];
        if (first < 0x80)
        {
            position++;
            return first;
        }

        return TryReadVarint(bytes, ref position, out var value) ? value : throw new InvalidDataException("a number is cut off");
    }

    /// <summary>Reads bytes that hold one varint and nothing else; no bytes are 0.</summary>
    public static ulong ReadVarint(ReadOnlySpan<byte> bytes)
    {
        var position = 0;
        return bytes.IsEmpty ? 0 : ReadVarint(bytes, ref position);
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
