namespace OrleansTempo.Server.Configuration;

/// <summary><c>distributor.receivers.otlp</c>: at least one of its protocols.</summary>
public sealed record OtlpReceiverOptions
{
    public OtlpProtocolsOptions Protocols { get; init; } = new();
}
