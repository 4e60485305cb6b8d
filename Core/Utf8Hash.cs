using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace OrleansTempo.Core;

/// <summary>
/// A 64-bit hash of bytes by multiply-and-fold, sixteen bytes a step, seeded per process so that nobody can prepare keys
/// that collide. Used to find a place in a table, never to decide that two keys are equal.
/// </summary>
internal static class Utf8Hash
{
    private const ulong Multiplier = 0x9E3779B97F4A7C15;
    private const ulong LastingSeed = 0xD1B54A32D192ED03;

    private static readonly ulong s_seed = BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(8)) | 1;

    public static ulong Of(ReadOnlySpan<byte> bytes) => Of(bytes, s_seed);

    /// <summary>As <see cref="Of(ReadOnlySpan{byte})"/>, but the same in every process: for what is only estimated, and by several of them, so that a prepared collision breaks nothing.</summary>
    public static ulong Lasting(ReadOnlySpan<byte> bytes) => Of(bytes, LastingSeed);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Of(ReadOnlySpan<byte> bytes, ulong seed)
    {
        var hash = seed ^ ((ulong)bytes.Length * Multiplier);
        ref var p = ref MemoryMarshal.GetReference(bytes);
        var left = bytes.Length;
        for (; left > 16; left -= 16)
        {
            hash = Fold(hash ^ Unsafe.ReadUnaligned<ulong>(ref p), Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref p, 8)) ^ seed ^ Multiplier);
            p = ref Unsafe.Add(ref p, 16);
        }

        // What is left, up to 16 bytes, as two words that overlap: some bytes count twice, which does no harm, as the length is
        // part of the hash.
        ulong first = 0, last = 0;
        if (left >= 8)
        {
            first = Unsafe.ReadUnaligned<ulong>(ref p);
            last = Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref p, left - 8));
        }
        else if (left >= 4)
        {
            first = Unsafe.ReadUnaligned<uint>(ref p);
            last = Unsafe.ReadUnaligned<uint>(ref Unsafe.Add(ref p, left - 4));
        }
        else if (left > 0)
        {
            first = p;
            last = Unsafe.Add(ref p, left >> 1) | ((ulong)Unsafe.Add(ref p, left - 1) << 8);
        }

        return Fold(Fold(hash ^ first, last ^ seed ^ Multiplier), Multiplier);
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
