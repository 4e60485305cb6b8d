using System.IO.Compression;

namespace OrleansTempo.Bench.Load;

/// <summary>
/// The requests of one connection, in turn. Uncompressed ones are made new in place before every send. Compressing costs
/// the sender several times what receiving costs the server, so compressed ones are made in advance, a ring of them, and all
/// made new together every few seconds: within a round the connection repeats them, never while another connection sends
/// the same, and always younger than the generator's slack of 30 s.
/// </summary>
internal sealed class RequestSource(IReadOnlyList<PayloadTemplate> templates, bool gzip, int ringSize, int first)
{
    private static readonly TimeSpan RingAge = TimeSpan.FromSeconds(10);

    private readonly Random _random = new();
    private readonly PayloadBody[] _bodies = [.. templates.Select(template => new PayloadBody(template))];
    private readonly List<(PayloadTemplate Template, byte[] Compressed)> _ring = [];
    private long _ringMade;
    private int _next = first;

    public (PayloadTemplate Template, ReadOnlyMemory<byte> Body) Next()
    {
        var turn = (int)((uint)_next++ % int.MaxValue);
        if (!gzip)
        {
            var body = _bodies[turn % _bodies.Length];
            body.Refresh(_random);
            return (body.Template, body.Bytes);
        }

        if (_ring.Count == 0 || TimeProvider.System.GetElapsedTime(_ringMade) > RingAge)
            MakeRing();
        var (template, compressed) = _ring[turn % _ring.Count];
        return (template, compressed);
    }

    private void MakeRing()
    {
        _ring.Clear();
        for (var i = 0; i < ringSize; i++)
        {
            var body = _bodies[i % _bodies.Length];
            body.Refresh(_random);
            var compressed = new MemoryStream();
            using (var stream = new GZipStream(compressed, CompressionLevel.Fastest, leaveOpen: true))
                stream.Write(body.Bytes);
            _ring.Add((body.Template, compressed.ToArray()));
        }

        _ringMade = TimeProvider.System.GetTimestamp();
    }
}
