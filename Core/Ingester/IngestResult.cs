namespace OrleansTempo.Core.Ingester;

/// <summary>What the ingesters made of a batch.</summary>
public readonly record struct IngestResult
{
    /// <summary>Null where the batch was taken; otherwise why it was not, in a sentence that says what is wrong.</summary>
    public string? Unavailable { get; init; }

    /// <summary>The spans that a limit kept out; null for none.</summary>
    public Refusals? Refusals { get; init; }

    /// <summary>What became of a batch of which others of its spans went another way.</summary>
    public IngestResult And(IngestResult other)
    {
        if (Refusals is null || other.Refusals is null)
            return new IngestResult { Unavailable = Unavailable ?? other.Unavailable, Refusals = Refusals ?? other.Refusals };
        Refusals.Add(other.Refusals);
        return this with { Unavailable = Unavailable ?? other.Unavailable };
    }
}
