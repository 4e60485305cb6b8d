using System.Numerics;
using System.Runtime.InteropServices;

namespace OrleansTempo.Core.Storage;

/// <summary>The CRC-32C (Castagnoli) of bytes, as iSCSI and ext4 use it: check value 0xE3069283 for <c>123456789</c>.</summary>
internal static class Crc32C
{
    public static uint Of(ReadOnlySpan<byte> bytes) => Append(0, bytes);

    /// <summary>The checksum of what <paramref name="crc"/> is of, followed by <paramref name="bytes"/>.</summary>
    public static uint Append(uint crc, ReadOnlySpan<byte> bytes)
    {
        crc = ~crc;

        // The processor takes eight at once. It reads them as a little-endian number, as every platform of ours stores them.
        foreach (var eight in MemoryMarshal.Cast<byte, ulong>(bytes))
            crc = BitOperations.Crc32C(crc, eight);
        foreach (var one in bytes[(bytes.Length & ~7)..])
            crc = BitOperations.Crc32C(crc, one);
        return ~crc;
    }
}
