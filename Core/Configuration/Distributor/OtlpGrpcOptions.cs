using OrleansTempo.Core.Configuration.Server;

namespace OrleansTempo.Core.Configuration.Distributor;

/// <summary><c>distributor.receivers.otlp.protocols.grpc</c>.</summary>
public sealed record OtlpGrpcOptions
{
    public const int DefaultPort = 4317;

    public ListenEndpoint Endpoint { get; init; } = new("127.0.0.1", DefaultPort);

    /// <summary>The largest message in MiB, decompressed.</summary>
    [Option(Min = 1, Max = 1024)]
    public int MaxRecvMsgSizeMib { get; init; } = 16;

    /// <summary>Null for plain text.</summary>
    public ServerTlsOptions? Tls { get; init; }
}
