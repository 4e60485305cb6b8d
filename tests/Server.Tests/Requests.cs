using System.IO.Compression;
using System.Net.Http.Headers;
using OrleansTempo.Core.RemoteWrite.Messages;
using Snappier;
using ZstdSharp;

namespace OrleansTempo.Server.Tests;

/// <summary>Makes the bodies and requests the receivers' tests send.</summary>
internal static class Requests
{
    public const string Protobuf = "application/x-protobuf";
    public const string Json = "application/json";

    public static byte[] Golden { get; } = File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "golden", "01-rpc-and-db.otlp.pb"));

    public static HttpRequestMessage Post(string url, byte[] body, string contentType = Protobuf, string? encoding = null, string? tenant = null)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, url) { Content = new ByteArrayContent(body) };
        request.Content.Headers.ContentType = MediaTypeHeaderValue.Parse(contentType);
        if (encoding is not null)
            request.Content.Headers.ContentEncoding.Add(encoding);
        if (tenant is not null)
            request.Headers.Add("X-Scope-OrgID", tenant);
        return request;
    }

    public static byte[] Gzip(byte[] body) => Compress(body, static s => new GZipStream(s, CompressionLevel.Optimal, leaveOpen: true));

    /// <summary>What other programs than ours compress nothing to.</summary>
    public static byte[] EmptyGzipMember => [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0];

    public static byte[] Zlib(byte[] body) => Compress(body, static s => new ZLibStream(s, CompressionLevel.Optimal, leaveOpen: true));

    public static byte[] Deflate(byte[] body) => Compress(body, static s => new DeflateStream(s, CompressionLevel.Optimal, leaveOpen: true));

    public static byte[] Zstd(byte[] body) => Compress(body, static s => new CompressionStream(s, leaveOpen: true));

    /// <summary>Snappy as a stream of chunks, as Go's buffered writer has it.</summary>
    public static byte[] SnappyFramed(byte[] body) => Compress(body, static s => new SnappyStream(s, CompressionMode.Compress, leaveOpen: true));

    public static byte[] SnappyBlock(byte[] body) => Snappy.CompressToArray(body);

    /// <summary>The body in each compression that is taken, with its name.</summary>
    public static IEnumerable<(string Encoding, byte[] Body)> Compressed(byte[] body) =>
    [
        ("gzip", Gzip(body)), ("GZIP", Gzip(body)), ("deflate", Zlib(body)), ("zstd", Zstd(body)),
        ("snappy", SnappyFramed(body)), ("snappy", SnappyBlock(body)), ("x-snappy-framed", SnappyFramed(body)),
    ];

    private static byte[] Compress(byte[] body, Func<Stream, Stream> open)
    {
        var target = new MemoryStream();
        using (var stream = open(target))
            stream.Write(body);
        return target.ToArray();
    }
}
