using System.IO.Compression;

namespace OrleansTempo.Bench.Load;

/// <summary>The requests of one connection, one after another, each refreshed before it is sent: no trace is ever sent twice, so that stored traces can be counted.</summary>
internal sealed class RequestSource(IReadOnlyList<PayloadTemplate> templates, bool gzip, int first)
{
    private readonly Random _random = new();
    private readonly PayloadBody[] _bodies = [.. templates.Select(template => new PayloadBody(template))];
    private readonly MemoryStream _compressed = new();
    private uint _next = (uint)first;

    /// <summary>The next request, and its bytes as sent; both are valid until the next call.</summary>
    public (PayloadBody Body, ReadOnlyMemory<byte> Sent) Next()
    {
        var body = _bodies[_next++ % _bodies.Length];
        body.Refresh(_random);
        return (body, gzip ? Compress(body.Bytes) : body.Bytes);
    }

    private ReadOnlyMemory<byte> Compress(byte[] body)
    {
        _compressed.SetLength(0);
        using (var stream = new GZipStream(_compressed, CompressionLevel.Fastest, leaveOpen: true))
            stream.Write(body);
        return _compressed.GetBuffer().AsMemory(0, (int)_compressed.Length);
    }
}
