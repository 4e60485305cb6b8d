namespace OrleansTempo.Core.Continuity;

/// <summary>
/// Stores the snapshot that a generator leaves for the next one when it shuts down cleanly: one at a time, tagged with the epoch of the
/// <see cref="WriterClaim"/> under which it was made. One caller at a time.
/// </summary>
public interface ISnapshotStorage
{
    /// <summary>Reads the stored snapshot; null if there is none.</summary>
    /// <exception cref="IOException">The storage fails.</exception>
    Task<KeptSnapshot?> ReadAsync(CancellationToken cancellationToken);

    /// <summary>Replaces what was read, written or cleared last with a snapshot.</summary>
    /// <returns>False if another process has changed it since; <see cref="ReadAsync"/> then allows another attempt.</returns>
    /// <exception cref="IOException">The storage fails; the snapshot may or may not have been written.</exception>
    Task<bool> TryWriteAsync(KeptSnapshot snapshot, CancellationToken cancellationToken);

    /// <summary>Deletes what was read last, if it is still there.</summary>
    /// <exception cref="IOException">The storage fails.</exception>
    Task ClearAsync(CancellationToken cancellationToken);
}

/// <summary>A snapshot and the owner that made it.</summary>
/// <param name="Epoch">The owner's <see cref="WriterClaim.Epoch"/>: only the snapshot of the last owner may be restored.</param>
/// <param name="Content">See <c>docs/generator-snapshot.md</c>.</param>
/// <param name="Pushes">What <see cref="CountedPushes.Write"/> wrote; empty if the owner was of a version that did not number pushes.</param>
public sealed record KeptSnapshot(long Epoch, ReadOnlyMemory<byte> Content, ReadOnlyMemory<byte> Pushes);
