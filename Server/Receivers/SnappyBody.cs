using System.IO.Compression;
using OrleansTempo.Core.Otlp.Buffers;
using Snappier;

namespace OrleansTempo.Server.Receivers;

/// <summary>
/// Decompresses snappy: a stream of chunks, or a single block.
/// <code>
/// stream  FF 06 00 00 "sNaPpY" { 1 byte: kind, 3 bytes: length, that many bytes }*     kind 0: checksum, block | 1: checksum, plain bytes | 80…FF: nothing of ours
/// block   varint(length) { literal | copy }*
/// </code>
/// The library's stream takes one that is cut off for one that ends, and makes room for whatever length a chunk claims. So the chunks are checked first.
/// </summary>
internal static class SnappyBody
{
    private const int ChunkPrefixBytes = 4;
    private const int ChecksumBytes = 4;

    // What the format allows.
    private const int MaxChunkContentBytes = 64 << 10;

    private static readonly byte[] s_streamStart = [0xFF, 6, 0, 0, .. "sNaPpY"u8];

    public static BodyStatus Decompress(RequestBuffer compressed, RequestBuffer content, int limit)
    {
        if (compressed.Length == 0)
            return BodyStatus.Complete;
        return compressed.Bytes.StartsWith(s_streamStart) ? FromStream(compressed, content, limit) : FromBlock(compressed.Bytes, content, limit);
    }

    // The format's lengths have no sign, so those of 2 GiB and more come out of the library as negative.
    private static BodyStatus FromBlock(ReadOnlySpan<byte> block, RequestBuffer content, int limit)
    {
        var length = Snappy.GetUncompressedLength(block);
        if ((uint)length > (uint)limit)
            return BodyStatus.TooLarge;
        if (!Snappy.TryDecompress(block, content.GetMemory(length).Span[..length], out var written) || written != length)
            return BodyStatus.Undecodable;
        content.Length = length;
        return BodyStatus.Complete;
    }

    private static BodyStatus FromStream(RequestBuffer compressed, RequestBuffer content, int limit)
    {
        if (!AreWhole(compressed.Bytes))
            return BodyStatus.Undecodable;
        using var body = new MemoryStream(compressed.Array, 0, compressed.Length, writable: false);
        using var snappy = new SnappyStream(body, CompressionMode.Decompress);
        return RequestBody.TryFill(content, snappy, limit) ? BodyStatus.Complete : BodyStatus.TooLarge;
    }

    private static bool AreWhole(ReadOnlySpan<byte> chunks)
    {
        while (!chunks.IsEmpty)
        {
            if (chunks.Length < ChunkPrefixBytes)
                return false;
            var kind = chunks[0];
            var length = chunks[1] | chunks[2] << 8 | chunks[3] << 16;
            chunks = chunks[ChunkPrefixBytes..];
            if (length > chunks.Length)
                return false;
            var isSound = kind switch
            {
                0 => length > ChecksumBytes && (uint)Snappy.GetUncompressedLength(chunks[ChecksumBytes..length]) <= MaxChunkContentBytes,
                1 => length is >= ChecksumBytes and <= ChecksumBytes + MaxChunkContentBytes,
                _ => kind >= 0x80,
            };
            if (!isSound)
                return false;
            chunks = chunks[length..];
        }

        return true;
    }
}
