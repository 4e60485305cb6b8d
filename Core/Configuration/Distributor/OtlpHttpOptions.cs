using OrleansTempo.Core.Configuration.Server;

namespace OrleansTempo.Core.Configuration.Distributor;

/// <summary><c>distributor.receivers.otlp.protocols.http</c>.</summary>
public sealed record OtlpHttpOptions
{
    public const int DefaultPort = 4318;

    public ListenEndpoint Endpoint { get; init; } = new("127.0.0.1", DefaultPort);

    /// <summary>The largest body in bytes, decompressed.</summary>
    [Option(Min = 1, Max = 1 << 30)]
    public long MaxRequestBodySize { get; init; } = 20L << 20;

    /// <summary>Null for plain text.</summary>
    public ServerTlsOptions? Tls { get; init; }

    public CorsOptions Cors { get; init; } = new();
}

/// <summary><c>cors</c> of the OTLP/HTTP receiver; off without allowed origins.</summary>
public sealed record CorsOptions
{
    /// <summary>Origins, in which a <c>*</c> stands for any characters.</summary>
    public IReadOnlyList<string> AllowedOrigins { get; init; } = [];

    /// <summary>Headers that a browser may send besides the simple ones; <c>*</c> for any.</summary>
    public IReadOnlyList<string> AllowedHeaders { get; init; } = [];

    /// <summary>How many seconds a browser may keep the answer to a preflight request; 0 leaves that to the browser.</summary>
    public int MaxAge { get; init; }

    /// <summary>Equal by content, lists included.</summary>
    public bool Equals(CorsOptions? other) =>
        other is not null && AllowedOrigins.SequenceEqual(other.AllowedOrigins) && AllowedHeaders.SequenceEqual(other.AllowedHeaders) && MaxAge == other.MaxAge;

    public override int GetHashCode() => HashCode.Combine(AllowedOrigins.Count, AllowedHeaders.Count, MaxAge);
}
