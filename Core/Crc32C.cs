using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace OrleansTempo.Core;

/// <summary>
/// Computes the CRC-32C (Castagnoli) that iSCSI and ext4 use: check value 0xE3069283 for <c>123456789</c>.
/// <code>
/// ├─ lane a ─┼─ lane b ─┼─ lane c ─┤   three at once: the processor's instruction takes eight bytes and three cycles,
///    crc→a        0→b        0→c       but can start another one every cycle
/// crc = shift(shift(a) ^ b) ^ c        a checksum is linear: a table gives the effect of a lane of zeros
/// </code>
/// </summary>
internal static class Crc32C
{
    private const int LaneBytes = 1024;

    // Indexed by byte of the checksum and by its value: 4 * 256.
    private static readonly uint[] s_shift = BuildShift();

    public static uint Of(ReadOnlySpan<byte> bytes) => Append(0, bytes);

    /// <summary>Extends a checksum: returns the checksum of the bytes of <paramref name="crc"/> followed by <paramref name="bytes"/>.</summary>
    public static uint Append(uint crc, ReadOnlySpan<byte> bytes)
    {
        crc = ~crc;
        for (; bytes.Length >= 3 * LaneBytes; bytes = bytes[(3 * LaneBytes)..])
        {
            // Reads eight bytes as a little-endian number, the byte order of all our platforms.
            var a = MemoryMarshal.Cast<byte, ulong>(bytes[..LaneBytes]);
            var b = MemoryMarshal.Cast<byte, ulong>(bytes.Slice(LaneBytes, LaneBytes));
            var c = MemoryMarshal.Cast<byte, ulong>(bytes.Slice(2 * LaneBytes, LaneBytes));
            uint crcB = 0, crcC = 0;
            for (var i = 0; i < a.Length && i < b.Length && i < c.Length; i++)
            {
                crc = BitOperations.Crc32C(crc, a[i]);
                crcB = BitOperations.Crc32C(crcB, b[i]);
                crcC = BitOperations.Crc32C(crcC, c[i]);
            }

            crc = Shift(Shift(crc) ^ crcB) ^ crcC;
        }

        foreach (var eight in MemoryMarshal.Cast<byte, ulong>(bytes))
            crc = BitOperations.Crc32C(crc, eight);
        foreach (var one in bytes[(bytes.Length & ~7)..])
            crc = BitOperations.Crc32C(crc, one);
        return ~crc;
    }

    // The checksum after a lane of zeros.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint Shift(uint crc)
    {
        var table = s_shift;
        return table[crc & 0xFF] ^ table[256 + ((crc >> 8) & 0xFF)] ^ table[512 + ((crc >> 16) & 0xFF)] ^ table[768 + (crc >> 24)];
    }

    private static uint[] BuildShift()
    {
        var table = new uint[4 * 256];
        for (var bit = 0; bit < 32; bit++)
        {
            var shifted = 1u << bit;
            for (var i = 0; i < LaneBytes; i++)
                shifted = BitOperations.Crc32C(shifted, (byte)0);

            // The shift of a value is the sum of the shifts of its bits.
            var ofByte = table.AsSpan(bit / 8 * 256, 256);
            for (var value = 0; value < 256; value++)
            {
                if ((value >> (bit % 8) & 1) != 0)
                    ofByte[value] ^= shifted;
            }
        }

        return table;
    }
}
