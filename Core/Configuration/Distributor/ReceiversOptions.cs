namespace OrleansTempo.Core.Configuration.Distributor;

/// <summary><c>distributor.receivers</c>.</summary>
public sealed record ReceiversOptions
{
    /// <summary>In the file's order, each with a name of its own.</summary>
    public IReadOnlyList<OtlpReceiverOptions> Otlp { get; init; } = [new()];

    /// <summary>Equal by content, the list included.</summary>
    public bool Equals(ReceiversOptions? other) => other is not null && Otlp.SequenceEqual(other.Otlp);

    public override int GetHashCode() => Otlp.Count;
}
