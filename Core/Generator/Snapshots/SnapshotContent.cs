using OrleansTempo.Core.Generator.ServiceGraphs;

namespace OrleansTempo.Core.Generator.Snapshots;

/// <summary>The content of a generator's snapshot, or of a record of the changes since one.</summary>
internal sealed class SnapshotContent
{
    /// <summary>The timestamp of the last collection, in Unix milliseconds.</summary>
    public required long LastCollectionMs { get; init; }

    /// <summary>For changes, the last collection of the previous record; Unix milliseconds.</summary>
    public long SinceMs { get; init; }

    /// <summary>The tables, each before those it had replaced.</summary>
    public required IReadOnlyList<SnapshotTable> Tables { get; init; }

    /// <summary>The edges that wait; null if there was no service graph.</summary>
    public required WaitingEdges? Edges { get; init; }
}
