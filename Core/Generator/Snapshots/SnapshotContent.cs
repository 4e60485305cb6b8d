using OrleansTempo.Core.Generator.ServiceGraphs;

namespace OrleansTempo.Core.Generator.Snapshots;

/// <summary>What a snapshot of a generator says, or a record of what has changed since one.</summary>
internal sealed class SnapshotContent
{
    /// <summary>Unix milliseconds.</summary>
    public required long LastCollectionMs { get; init; }

    /// <summary>Of changes, the last collection of the record before this one; Unix milliseconds.</summary>
    public long SinceMs { get; init; }

    /// <summary>The tables, each before those it had taken over from.</summary>
    public required IReadOnlyList<SnapshotTable> Tables { get; init; }

    /// <summary>Null where there was no service graph.</summary>
    public required WaitingEdges? Edges { get; init; }
}
