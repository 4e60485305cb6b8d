namespace OrleansTempo.Core.Ingester;

/// <summary>The ingesters' answer to a batch.</summary>
public readonly record struct IngestOutcome
{
    /// <summary>Null if the batch was accepted; otherwise the reason, in a sentence.</summary>
    public string? Unavailable { get; init; }

    /// <summary>The spans that a limit refused; null for none.</summary>
    public Refusals? Refusals { get; init; }

    /// <summary>Combines the results of two parts of one batch.</summary>
    public IngestOutcome And(IngestOutcome other)
    {
        if (Refusals is null || other.Refusals is null)
            return new IngestOutcome { Unavailable = Unavailable ?? other.Unavailable, Refusals = Refusals ?? other.Refusals };
        Refusals.Add(other.Refusals);
        return this with { Unavailable = Unavailable ?? other.Unavailable };
    }
}
