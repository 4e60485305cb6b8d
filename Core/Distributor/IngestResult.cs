using OrleansTempo.Core.Ingester;

namespace OrleansTempo.Core.Distributor;

/// <summary>What the ingesters made of a batch.</summary>
public readonly record struct IngestResult
{
    /// <summary>Null where the batch was taken; otherwise why it was not, in a sentence that says what is wrong.</summary>
    public string? Unavailable { get; init; }

    /// <summary>The spans that a limit kept out; null for none.</summary>
    public Refusals? Refusals { get; init; }
}
