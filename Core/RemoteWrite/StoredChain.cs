namespace OrleansTempo.Core.RemoteWrite;

/// <summary>A <see cref="SnapshotChain"/> as it was found.</summary>
/// <param name="Names">All objects there are of the series, whoever left them.</param>
/// <param name="Records">The snapshot and the changes after it; empty where there is a problem.</param>
/// <param name="Problem">Why there is nothing to go on from; null where there is.</param>
public sealed record StoredChain(IReadOnlyList<string> Names, IReadOnlyList<ReadOnlyMemory<byte>> Records, string? Problem);
