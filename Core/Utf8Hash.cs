using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Security.Cryptography;
using ArmAes = System.Runtime.Intrinsics.Arm.Aes;
using X86Aes = System.Runtime.Intrinsics.X86.Aes;

namespace OrleansTempo.Core;

/// <summary>
/// A 64-bit hash of bytes or numbers with a random key per process, so that no client can prepare keys that collide. All tables that
/// clients fill use it to find a place, but never to decide that two keys are equal. It is on the per-span path; <c>bench micro --filter
/// '*Hash*'</c> measures it.
/// <code>
///   state = key
///   each 16 bytes:             state = round(round(state ⊕ bytes))                       a round: AES, with a secret round key
///   what is left, up to 15:    hash  = round(round(round(state ⊕ bytes, their number)))
/// </code>
/// It uses rounds of AES because the processor has an instruction for one; SipHash-1-3, the fallback on processors without it, takes two to
/// three times as long. Multiply-and-fold is faster still, but a client breaks it by making one factor 0, and it does not notice swapped
/// factors. There are two rounds between blocks: through one round, a difference chosen by a client survives as expected once in 64 times,
/// through two once in 2^30.
/// </summary>
internal static class Utf8Hash
{
    private const int BlockBytes = 16;
    private const ulong Multiplier = 0x9E3779B97F4A7C15;
    private const ulong LastingSeed = 0xD1B54A32D192ED03;

    private static readonly Vector128<byte> s_key = RandomKey(), s_round1 = RandomKey(), s_round2 = RandomKey(), s_round3 = RandomKey();

    private static bool HasAes => X86Aes.IsSupported || ArmAes.IsSupported;

    public static ulong Of(ReadOnlySpan<byte> bytes)
    {
        if (!HasAes)
            return SipHash(bytes, s_key.AsUInt64());
        ref var p = ref MemoryMarshal.GetReference(bytes);
        var left = bytes.Length;
        var state = s_key;
        for (; left >= BlockBytes; left -= BlockBytes)
        {
            state = Round(Round(state ^ Vector128.LoadUnsafe(ref p), s_round1), s_round2);
            p = ref Unsafe.Add(ref p, BlockBytes);
        }

        return Finish(state ^ Rest(ref p, left));
    }

    /// <summary>The hash of two numbers.</summary>
    public static ulong Of(ulong a, ulong b) => HasAes
        ? Finish(s_key ^ Vector128.Create(a, b).AsByte())
        : SipHash(MemoryMarshal.AsBytes([a, b]), s_key.AsUInt64());

    /// <summary>The hash of three or four numbers.</summary>
    public static ulong Of(ulong a, ulong b, ulong c, ulong d = 0) => HasAes
        ? Finish(Round(Round(s_key ^ Vector128.Create(a, b).AsByte(), s_round1), s_round2) ^ Vector128.Create(c, d).AsByte())
        : SipHash(MemoryMarshal.AsBytes([a, b, c, d]), s_key.AsUInt64());

    /// <summary>
    /// A hash that is the same in every process, for estimates only and not for tables: a client that prepares values only makes the
    /// estimates of its own tenant wrong, which costs nobody anything.
    /// </summary>
    public static ulong Lasting(ReadOnlySpan<byte> bytes)
    {
        var hash = LastingSeed ^ ((ulong)bytes.Length * Multiplier);
        ref var p = ref MemoryMarshal.GetReference(bytes);
        var left = bytes.Length;
        for (; left > 16; left -= 16)
        {
            hash = Fold(hash ^ Unsafe.ReadUnaligned<ulong>(ref p), Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref p, 8)) ^ LastingSeed ^ Multiplier);
            p = ref Unsafe.Add(ref p, 16);
        }

        // Reads the rest, up to 16 bytes, as two overlapping words: some bytes count twice, which is harmless because the length is part of
        // the hash.
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

        return Fold(Fold(hash ^ first, last ^ LastingSeed ^ Multiplier), Multiplier);
    }

    /// <summary>SipHash-1-3 (Aumasson, Bernstein, "SipHash: a fast short-input PRF", 2012).</summary>
    internal static ulong SipHash(ReadOnlySpan<byte> bytes, Vector128<ulong> key)
    {
        var (v0, v1) = (key[0] ^ 0x736F6D6570736575, key[1] ^ 0x646F72616E646F6D);
        var (v2, v3) = (key[0] ^ 0x6C7967656E657261, key[1] ^ 0x7465646279746573);
        var length = (ulong)bytes.Length << 56;
        for (; bytes.Length >= sizeof(ulong); bytes = bytes[sizeof(ulong)..])
            Absorb(MemoryMarshal.Read<ulong>(bytes));
        ulong last = 0;
        bytes.CopyTo(MemoryMarshal.AsBytes(new Span<ulong>(ref last)));
        Absorb(last | length);
        v2 ^= 0xFF;
        SipRound();
        SipRound();
        SipRound();
        return v0 ^ v1 ^ v2 ^ v3;

        void Absorb(ulong word)
        {
            v3 ^= word;
            SipRound();
            v0 ^= word;
        }

        void SipRound()
        {
            v0 += v1;
            v2 += v3;
            v1 = BitOperations.RotateLeft(v1, 13) ^ v0;
            v3 = BitOperations.RotateLeft(v3, 16) ^ v2;
            v0 = BitOperations.RotateLeft(v0, 32);
            v2 += v1;
            v0 += v3;
            v1 = BitOperations.RotateLeft(v1, 17) ^ v2;
            v3 = BitOperations.RotateLeft(v3, 21) ^ v0;
            v2 = BitOperations.RotateLeft(v2, 32);
        }
    }

    // Reads fewer bytes than a block, with their number in its last byte, so that no two texts give the same blocks. If two overlapping words
    // are read, the second one is shifted by what the first already contains.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> Rest(ref byte p, int length)
    {
        ulong first = 0, last = (ulong)length << 56;
        if (length >= 8)
        {
            first = Unsafe.ReadUnaligned<ulong>(ref p);
            if (length > 8)
                last |= Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref p, length - 8)) >> (8 * (BlockBytes - length));
        }
        else if (length >= 4)
        {
            first = Unsafe.ReadUnaligned<uint>(ref p) | ((ulong)Unsafe.ReadUnaligned<uint>(ref Unsafe.Add(ref p, length - 4)) << 32);
        }
        else if (length > 0)
        {
            first = p | ((ulong)Unsafe.Add(ref p, length >> 1) << 8) | ((ulong)Unsafe.Add(ref p, length - 1) << 16);
        }

        return Vector128.Create(first, last).AsByte();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Finish(Vector128<byte> state) =>
        Round(Round(Round(state, s_round1), s_round2), s_round3).AsUInt64().ToScalar();

    // One round of AES: substitute bytes, shift rows, mix columns, add the key. ARM's instruction adds a key first and not last.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> Round(Vector128<byte> state, Vector128<byte> key) => X86Aes.IsSupported
        ? X86Aes.Encrypt(state, key)
        : ArmAes.MixColumns(ArmAes.Encrypt(state, Vector128<byte>.Zero)) ^ key;

    private static Vector128<byte> RandomKey() => Vector128.Create(RandomNumberGenerator.GetBytes(BlockBytes));

    private static ulong Fold(ulong a, ulong b)
    {
        var high = Math.BigMul(a, b, out var low);
        return high ^ low;
    }
}
