using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace OrleansTempo.Core.Generator;

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
        {
            ulong tail = 0;
            for (var i = 0; i < left; i++)
                tail |= (ulong)Unsafe.Add(ref p, i) << (8 * i);
            hash = Fold(hash ^ tail, seed ^ Multiplier);
        }

        return Fold(hash, Multiplier);
    }

    /// <summary>The hash of three words.</summary>
    public static ulong Of(ulong a, ulong b, ulong c) =>
        Fold(Fold(a ^ s_seed, b ^ Multiplier) ^ c, s_seed ^ Multiplier);

    private static ulong Fold(ulong a, ulong b)
    {
        var high = Math.BigMul(a, b, out var low);
        return high ^ low;
    }
}
