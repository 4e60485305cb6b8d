using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using OrleansTempo.Core.Otlp.Reading;

namespace OrleansTempo.Core.RemoteWrite.Messages;

/// <summary>
/// Compresses to one snappy block, as remote write wants it:
/// <code>
/// varint(length) { literal: tag, bytes | copy: tag, how far back }*
/// </code>
/// The source is cut into windows of 64 KiB. A hash table of the window's four-byte words finds where the bytes ahead were
/// seen before; what is new goes out as a literal, what is not as copies of up to 64 bytes.
/// </summary>
/// <remarks>
/// Not for want of a library: on the 214 MB that 1,000,000 series encode to, IronSnappy takes 0.16 s and allocates 133 MB of
/// large arrays, this takes 0.06 s, allocates nothing and comes to the same size. Series repeat each other's labels, so
/// nearly all the time goes into comparing long runs, which <see cref="MemoryExtensions.CommonPrefixLength{T}(ReadOnlySpan{T}, ReadOnlySpan{T})"/> does a vector at a time.
/// </remarks>
internal static class SnappyBlock
{
    private const int WindowBytes = 1 << 16;
    private const int TableBits = 14;

    // The match finder reads four bytes ahead of the byte it may step to, so it stops this far before the end.
    private const int TailBytes = 15;

    /// <summary>No source of <paramref name="length"/> bytes compresses to more than this.</summary>
    public static int MaxCompressedLength(int length) => checked(32 + length + (length / 6));

    /// <summary>Compresses <paramref name="source"/> into <paramref name="target"/>, which holds at least <see cref="MaxCompressedLength"/> bytes.</summary>
    /// <returns>The bytes written.</returns>
    [SkipLocalsInit]
    public static int Compress(ReadOnlySpan<byte> source, Span<byte> target)
    {
        if (target.Length < MaxCompressedLength(source.Length))
            throw new ArgumentException($"target has {target.Length} bytes, {MaxCompressedLength(source.Length)} are needed", nameof(target));

        var written = 0;
        ProtoWire.WriteVarint(target, ref written, (ulong)source.Length);
        Span<ushort> table = stackalloc ushort[1 << TableBits];
        for (var start = 0; start < source.Length; start += WindowBytes)
            CompressWindow(source.Slice(start, Math.Min(WindowBytes, source.Length - start)), target, ref written, table);

        return written;
    }

    private static void CompressWindow(ReadOnlySpan<byte> window, Span<byte> target, ref int written, Span<ushort> table)
    {
        // An entry of an earlier window would be a position in the wrong bytes; 0 is a position like any other, checked before use.
        table.Clear();
        var literalStart = 0;
        var position = 1;
        var last = window.Length - TailBytes;
        while (TryFindMatch(window, table, last, ref position, out var candidate))
        {
            WriteLiteral(window[literalStart..position], target, ref written);
            do
            {
                var matched = 4 + window[(position + 4)..].CommonPrefixLength(window[(candidate + 4)..]);
                WriteCopy(position - candidate, matched, target, ref written);
                position += matched;
                literalStart = position;
                if (position > last)
                    break;

                // Where one match ends another often begins: looked up at once, without a literal between them.
                Slot(table, Word(window, position - 1)) = (ushort)(position - 1);
                ref var slot = ref Slot(table, Word(window, position));
                candidate = slot;
                slot = (ushort)position;
            }
            while (Word(window, position) == Word(window, candidate));

            position++;
        }

        if (literalStart < window.Length)
            WriteLiteral(window[literalStart..], target, ref written);
    }

    // Steps grow by one byte for every 32 tries in vain, so bytes that do not compress cost little.
    private static bool TryFindMatch(ReadOnlySpan<byte> window, Span<ushort> table, int last, ref int position, out int candidate)
    {
        for (var tries = 32; position <= last; position += tries++ >> 5)
        {
            var word = Word(window, position);
            ref var slot = ref Slot(table, word);
            candidate = slot;
            slot = (ushort)position;
            if (word == Word(window, candidate))
                return true;
        }

        candidate = 0;
        return false;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint Word(ReadOnlySpan<byte> window, int position) =>
        Unsafe.ReadUnaligned<uint>(ref Unsafe.Add(ref MemoryMarshal.GetReference(window), position));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ref ushort Slot(Span<ushort> table, uint word) =>
        ref Unsafe.Add(ref MemoryMarshal.GetReference(table), (word * 0x1E35A7BDu) >> (32 - TableBits));

    private static void WriteLiteral(ReadOnlySpan<byte> bytes, Span<byte> target, ref int written)
    {
        var n = bytes.Length - 1;
        if (n < 60)
        {
            target[written++] = (byte)(n << 2);
        }
        else if (n < 1 << 8)
        {
            target[written++] = 60 << 2;
            target[written++] = (byte)n;
        }
        else
        {
            target[written++] = 61 << 2;
            target[written++] = (byte)n;
            target[written++] = (byte)(n >> 8);
        }

        bytes.CopyTo(target[written..]);
        written += bytes.Length;
    }

    private static void WriteCopy(int offset, int length, Span<byte> target, ref int written)
    {
        // Never leaves less than the four bytes that the short form needs at least.
        while (length >= 68)
        {
            WriteLongCopy(offset, 64, target, ref written);
            length -= 64;
        }

        if (length > 64)
        {
            WriteLongCopy(offset, 60, target, ref written);
            length -= 60;
        }

        if (length >= 12 || offset >= 2048)
        {
            WriteLongCopy(offset, length, target, ref written);
        }
        else
        {
            target[written++] = (byte)(((offset >> 8) << 5) | ((length - 4) << 2) | 1);
            target[written++] = (byte)offset;
        }
    }

    private static void WriteLongCopy(int offset, int length, Span<byte> target, ref int written)
    {
        target[written++] = (byte)(((length - 1) << 2) | 2);
        target[written++] = (byte)offset;
        target[written++] = (byte)(offset >> 8);
    }
}
