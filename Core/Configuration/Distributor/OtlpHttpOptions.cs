using OrleansTempo.Core.Configuration.Server;

namespace OrleansTempo.Core.Configuration.Distributor;

/// <summary><c>distributor.receivers.otlp.protocols.http</c>.</summary>
public sealed record OtlpHttpOptions
{
    public const int DefaultPort = 4318;

    public ListenEndpoint Endpoint { get; init; } = new("127.0.0.1", DefaultPort);

    /// <summary>The largest body in bytes, decompressed.</summary>
    public long MaxRequestBodySize { get; init; } = 20L << 20;

    /// <summary>Null for plain text.</summary>
    public ServerTlsOptions? Tls { get; init; }

    public CorsOptions Cors { get; init; } = new();
}
