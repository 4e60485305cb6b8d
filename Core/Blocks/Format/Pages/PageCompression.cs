using System.IO.Compression;
using OrleansTempo.Core.Otlp.Reading;

namespace OrleansTempo.Core.Blocks.Format.Pages;

/// <summary>
/// Stores a page's columns one after another, each raw or compressed, whichever is smaller:
/// <code>
///   per column: [codec, 1 byte][varint raw length][varint stored length]      then the columns' bytes
/// </code>
/// The headers of all columns come first, so that any column can be read without those before it.
/// </summary>
internal static class PageCompression
{
    public const byte Stored = 0, Brotli = 1;

    // The fastest: the next level takes half as long again and saves a twentieth.
    private const int Quality = 0;
    private const int WindowBits = 18;

    // IDs and durations are practically random: compressing them costs time and gains little or nothing.
    private const int NeverCompressed =
        (1 << (int)PageColumn.TraceIds) | (1 << (int)PageColumn.SpanIds) | (1 << (int)PageColumn.TraceStarts) | (1 << (int)PageColumn.Durations);

    // Below this size, the codec's own header eats up the gain.
    private const int SmallestCompressed = 64;

    [ThreadStatic]
    private static byte[]? t_scratch;

    /// <summary>Appends the columns to <paramref name="page"/>.</summary>
    /// <returns>The length of the page before <see cref="PageColumn.SpanIds"/>.</returns>
    public static int Write(ReadOnlySpan<ColumnBuffer> columns, ColumnBuffer page)
    {
        var scratch = Compress(columns, out var lengths);
        for (var i = 0; i < columns.Length; i++)
        {
            page.WriteByte(lengths[i] >= 0 ? Brotli : Stored);
            page.WriteVarint((uint)columns[i].Length);
            page.WriteVarint((uint)(lengths[i] >= 0 ? lengths[i] : columns[i].Length));
        }

        var searchLength = 0;
        var from = 0;
        for (var i = 0; i < columns.Length; i++)
        {
            if (i == (int)PageColumn.SpanIds)
                searchLength = page.Length;
            if (lengths[i] < 0)
            {
                page.WriteBytes(columns[i].Bytes);
                continue;
            }

            page.WriteBytes(scratch.AsSpan(from, lengths[i]));
            from += lengths[i];
        }

        return searchLength;
    }

    /// <summary>Decompresses a column.</summary>
    /// <exception cref="InvalidDataException">The bytes are not what the codec wrote.</exception>
    public static void Read(byte codec, ReadOnlySpan<byte> stored, Span<byte> raw)
    {
        switch (codec)
        {
            case Stored when stored.Length == raw.Length:
                stored.CopyTo(raw);
                break;
            case Brotli when BrotliDecoder.TryDecompress(stored, raw, out var written) && written == raw.Length:
                break;
            case Stored or Brotli:
                throw new InvalidDataException("a column's length differs from what the page says");
            default:
                throw new InvalidDataException($"a column has the unknown codec {codec}");
        }
    }

    private static byte[] Compress(ReadOnlySpan<ColumnBuffer> columns, out int[] lengths)
    {
        lengths = new int[columns.Length];
        var most = 0;
        foreach (var column in columns)
            most += column.Length;
        var scratch = t_scratch is { } former && former.Length >= most ? former : t_scratch = new byte[most];
        var used = 0;
        for (var i = 0; i < columns.Length; i++)
        {
            lengths[i] = -1;
            var raw = columns[i].Bytes;
            if ((NeverCompressed & (1 << i)) != 0 || raw.Length < SmallestCompressed)
                continue;

            // The target is shorter than the source: what does not fit is not worth compressing.
            var target = scratch.AsSpan(used, raw.Length - (raw.Length >> 5));
            if (!BrotliEncoder.TryCompress(raw, target, out var written, Quality, WindowBits))
                continue;
            lengths[i] = written;
            used += written;
        }

        return scratch;
    }
}
