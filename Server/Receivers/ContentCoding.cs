namespace OrleansTempo.Server.Receivers;

/// <summary>A way in which a request is compressed, by the name that <c>Content-Encoding</c> and <c>grpc-encoding</c> have for it.</summary>
/// <param name="Name">The name that senders use.</param>
/// <param name="Decompress">Fills an empty buffer with the decompressed bytes, up to a limit in bytes.</param>
internal sealed record ContentCoding(string Name, Decompress Decompress)
{
    public const string Identity = "identity";

    // The OpenTelemetry Collector offers gzip, zlib as "deflate", zstd, snappy's stream, and for OTLP/HTTP one block of snappy. Its versions call the stream
    // "snappy" or "x-snappy-framed" and the block "snappy": the bytes say which it is.
    private static readonly ContentCoding[] s_all =
    [
        new("gzip", DeflatedBody.FromGzip),
        new("deflate", DeflatedBody.FromZlib),
        new("zstd", ZstdBody.Decompress),
        new("snappy", SnappyBody.Decompress),
        new("x-snappy-framed", SnappyBody.Decompress),
    ];

    /// <summary>All names, for a header that tells what is taken.</summary>
    public static string Header { get; } = string.Join(", ", s_all.Select(static c => c.Name));

    /// <summary>All names, for a sentence.</summary>
    public static string Allowed { get; } = $"{Identity}, {string.Join(", ", s_all[..^1].Select(static c => c.Name))} or {s_all[^1].Name}";

    /// <summary>Finds the coding of that name; null for a body that is not compressed.</summary>
    /// <returns>False for a name that is not known.</returns>
    public static bool TryFind(string name, out ContentCoding? coding)
    {
        coding = Array.Find(s_all, c => c.Name.Equals(name, StringComparison.OrdinalIgnoreCase));
        return coding is not null || name.Length == 0 || name.Equals(Identity, StringComparison.OrdinalIgnoreCase);
    }
}
