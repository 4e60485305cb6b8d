namespace OrleansTempo.Core.Configuration.Distributor;

/// <summary>A <c>distributor.receivers.otlp</c>: at least one of its protocols.</summary>
public sealed record OtlpReceiverOptions
{
    public const string Type = "otlp";

    /// <summary>As the Collector names receivers: the type, and for further ones a slash and a name (<c>otlp/2</c>).</summary>
    public string Name { get; init; } = Type;

    public OtlpProtocolsOptions Protocols { get; init; } = new();
}

/// <summary><c>distributor.receivers.otlp.protocols</c>; null where a protocol is off.</summary>
public sealed record OtlpProtocolsOptions
{
    public OtlpGrpcOptions? Grpc { get; init; } = new();
    public OtlpHttpOptions? Http { get; init; } = new();
}
