using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace OrleansTempo.Core;

/// <summary>
/// A 64-bit hash of bytes by multiply-and-fold, eight bytes a step, seeded per process so that nobody can prepare keys
/// that collide. Used to find a place in a table, never to decide that two keys are equal.
/// </summary>
internal static class Utf8Hash
{
    private const ulong Multiplier = 0x9E3779B97F4A7C15;

    private static readonly ulong s_seed = BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(8)) | 1;

    public static ulong Of(ReadOnlySpan<byte> bytes)
    {
        var seed = s_seed;
        var hash = seed ^ ((ulong)bytes.Length * Multiplier);
        ref var p = ref MemoryMarshal.GetReference(bytes);
        var left = bytes.Length;
        while (left >= 8)
        {
            hash = Fold(hash ^ Unsafe.ReadUnaligned<ulong>(ref p), seed ^ Multiplier);
            p = ref Unsafe.Add(ref p, 8);
            left -= 8;
        }

        if (left > 0)
            hash = Fold(hash ^ Tail(ref p, left, bytes.Length), seed ^ Multiplier);

        return Fold(hash, Multiplier);
    }

    /// <summary>The hash of three words.</summary>
    public static ulong Of(ulong a, ulong b, ulong c) =>
        Fold(Fold(a ^ s_seed, b ^ Multiplier) ^ c, s_seed ^ Multiplier);

    // What is left after the last whole word. Where there was one, the last eight bytes at once: some of them count twice, which
    // does no harm, as the length is part of the hash.
    private static ulong Tail(ref byte p, int left, int length)
    {
        if (length >= 8)
            return Unsafe.ReadUnaligned<ulong>(ref Unsafe.Subtract(ref Unsafe.Add(ref p, left), 8));
        if (left >= 4)
            return Unsafe.ReadUnaligned<uint>(ref p) | ((ulong)Unsafe.ReadUnaligned<uint>(ref Unsafe.Add(ref p, left - 4)) << 32);
        return p | ((ulong)Unsafe.Add(ref p, left >> 1) << 8) | ((ulong)Unsafe.Add(ref p, left - 1) << 16);
    }

    private static ulong Fold(ulong a, ulong b)
    {
        var high = Math.BigMul(a, b, out var low);
        return high ^ low;
    }
}
