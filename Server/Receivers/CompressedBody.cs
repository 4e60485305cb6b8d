using System.IO.Compression;

namespace OrleansTempo.Server.Receivers;

/// <summary>
/// A compressed body that can tell whether it was whole. The framework's streams take data that is cut off for data that
/// ends, and half a request must not pass for one. So this stands between the body and them:
/// <list type="bullet">
/// <item>zlib: they stop asking where the data ends by itself; being asked past the body's end means it was cut off.</item>
/// <item>gzip: they always ask for a further member, so they get one, <see cref="Marker"/>; only after whole data it comes
/// out at the other end, from where it is taken off again.</item>
/// </list>
/// </summary>
internal sealed class CompressedBody : Stream
{
    private static readonly byte[] s_marker = "end of the body?"u8.ToArray();
    private static readonly byte[] s_markerMember = Compress(s_marker);

    private readonly Stream _body;
    private readonly bool _isGzip;
    private ReadOnlyMemory<byte> _epilogue;
    private bool _isEmpty = true;
    private bool _askedPastEnd;

    /// <param name="body">The compressed bytes.</param>
    /// <param name="isGzip">gzip, or else zlib.</param>
    public CompressedBody(Stream body, bool isGzip)
    {
        _body = body;
        _isGzip = isGzip;
        _epilogue = isGzip ? s_markerMember : default;
    }

    /// <summary>What decompressing a whole body ends with, beyond its content.</summary>
    public ReadOnlySpan<byte> Marker => _isGzip ? s_marker : default;

    public override bool CanRead => true;
    public override bool CanSeek => false;
    public override bool CanWrite => false;
    public override long Length => throw new NotSupportedException();
    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    /// <summary>The stream of what this body unfolds to.</summary>
    public Stream Open() => _isGzip ? new GZipStream(this, CompressionMode.Decompress) : new ZLibStream(this, CompressionMode.Decompress);

    /// <summary>Whether <paramref name="output"/>, all that came out, is from a whole body.</summary>
    public bool IsWhole(ReadOnlySpan<byte> output) => _isGzip ? output.EndsWith(s_marker) : _isEmpty || !_askedPastEnd;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var count = _askedPastEnd ? 0 : await _body.ReadAsync(buffer, cancellationToken);
        if (count > 0)
        {
            _isEmpty = false;
            return count;
        }

        _askedPastEnd = true;
        count = Math.Min(buffer.Length, _epilogue.Length);
        _epilogue[..count].CopyTo(buffer);
        _epilogue = _epilogue[count..];
        return count;
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    public override void Flush() => throw new NotSupportedException();
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    public override void SetLength(long value) => throw new NotSupportedException();
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    private static byte[] Compress(byte[] bytes)
    {
        using var target = new MemoryStream();
        using (var gzip = new GZipStream(target, CompressionLevel.SmallestSize, leaveOpen: true))
            gzip.Write(bytes);
        return target.ToArray();
    }
}
