namespace OrleansTempo.Server.Configuration;

/// <summary><c>distributor.receivers</c>.</summary>
public sealed record ReceiversOptions
{
    public OtlpReceiverOptions Otlp { get; init; } = new();
}
