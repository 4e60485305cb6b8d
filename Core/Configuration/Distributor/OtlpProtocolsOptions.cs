namespace OrleansTempo.Core.Configuration.Distributor;

/// <summary><c>distributor.receivers.otlp.protocols</c>; null where a protocol is off.</summary>
public sealed record OtlpProtocolsOptions
{
    public OtlpGrpcOptions? Grpc { get; init; } = new();
    public OtlpHttpOptions? Http { get; init; } = new();
}
