namespace OrleansTempo.Core.Generator;

/// <summary>What a snapshot of a generator says.</summary>
internal sealed class SnapshotContent
{
    /// <summary>Unix milliseconds.</summary>
    public required long LastCollectionMs { get; init; }

    /// <summary>The tables, each before those it had taken over from.</summary>
    public required IReadOnlyList<SnapshotTable> Tables { get; init; }

    /// <summary>Null where there was no service graph.</summary>
    public required WaitingEdges? Edges { get; init; }
}
