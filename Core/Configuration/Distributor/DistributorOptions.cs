namespace OrleansTempo.Core.Configuration.Distributor;

/// <summary><c>distributor</c>.</summary>
public sealed record DistributorOptions
{
    public ReceiversOptions Receivers { get; init; } = new();

    /// <summary>Longer attribute keys and values are cut to this many bytes; 0 for no limit. A tenant's own limit goes before it.</summary>
    public int MaxAttributeBytes { get; init; } = 2048;

    /// <summary>Ours: what the requests under way may hold together, in bytes; beyond it more are told to come again.</summary>
    [Option(Min = 1 << 20)]
    public long MaxInflightBytes { get; init; } = 1L << 30;

    /// <summary>
    /// Ours: how many tenants that have no overrides of their own may have sent spans within an hour; another is refused. 0 for any number.
    /// </summary>
    public int MaxTenants { get; init; } = 20_000;

    /// <summary>When a client refused over the rate limit is told to try again; zero to tell it nothing.</summary>
    public TimeSpan RetryAfterOnResourceExhausted { get; init; } = TimeSpan.FromSeconds(5);
}

/// <summary><c>distributor.receivers</c>.</summary>
public sealed record ReceiversOptions
{
    /// <summary>In the file's order, each with a name of its own.</summary>
    public IReadOnlyList<OtlpReceiverOptions> Otlp { get; init; } = [new()];

    /// <summary>Equal by content, the list included.</summary>
    public bool Equals(ReceiversOptions? other) => other is not null && Otlp.SequenceEqual(other.Otlp);

    public override int GetHashCode() => Otlp.Count;
}
