using System.IO.Compression;
using OrleansTempo.Core.Otlp.Buffers;

namespace OrleansTempo.Server.Receivers;

/// <summary>
/// Decompresses gzip and zlib, and tells whether the data was whole. The framework's streams take data that is cut off for data that
/// ends, and half a request must not pass for one. So this stands between the body and them:
/// <list type="bullet">
/// <item>zlib: they stop asking where the data ends by itself; being asked past the body's end means it was cut off.</item>
/// <item>gzip: they always ask for a further member, so they get one, <see cref="s_marker"/>; only after whole data it comes
/// out at the other end, from where it is taken off again.</item>
/// </list>
/// <c>deflate</c> is zlib, as RFC 9110 has it; bare deflate data is refused as undecodable rather than guessed at.
/// </summary>
internal sealed class DeflatedBody : MemoryStream
{
    private static readonly byte[] s_marker = "end of the body?"u8.ToArray();
    private static readonly byte[] s_markerMember = Compress(s_marker);

    private ReadOnlyMemory<byte> _epilogue;
    private bool _askedPastEnd;

    private DeflatedBody(RequestBuffer body, ReadOnlyMemory<byte> epilogue)
        : base(body.Array, 0, body.Length, writable: false)
    {
        _epilogue = epilogue;
    }

    public static BodyStatus FromGzip(RequestBuffer compressed, RequestBuffer content, int limit)
    {
        using var body = new DeflatedBody(compressed, s_markerMember);
        using var gzip = new GZipStream(body, CompressionMode.Decompress);
        if (!RequestBody.TryFill(content, gzip, (int)Math.Min((long)limit + s_marker.Length, Array.MaxLength)))
            return BodyStatus.TooLarge;
        if (!content.Bytes.EndsWith(s_marker))
            return content.Length > limit ? BodyStatus.TooLarge : BodyStatus.Undecodable;
        content.Length -= s_marker.Length;
        return BodyStatus.Complete;
    }

    public static BodyStatus FromZlib(RequestBuffer compressed, RequestBuffer content, int limit)
    {
        using var body = new DeflatedBody(compressed, default);
        using var zlib = new ZLibStream(body, CompressionMode.Decompress);
        if (!RequestBody.TryFill(content, zlib, limit))
            return BodyStatus.TooLarge;
        return compressed.Length == 0 || !body._askedPastEnd ? BodyStatus.Complete : BodyStatus.Undecodable;
    }

    public override int Read(byte[] buffer, int offset, int count)
    {
        var read = base.Read(buffer, offset, count);
        if (read > 0 || count == 0)
            return read;
        _askedPastEnd = true;
        read = Math.Min(count, _epilogue.Length);
        _epilogue[..read].CopyTo(buffer.AsMemory(offset));
        _epilogue = _epilogue[read..];
        return read;
    }

    private static byte[] Compress(byte[] bytes)
    {
        using var target = new MemoryStream();
        using (var gzip = new GZipStream(target, CompressionLevel.SmallestSize, leaveOpen: true))
            gzip.Write(bytes);
        return target.ToArray();
    }
}
