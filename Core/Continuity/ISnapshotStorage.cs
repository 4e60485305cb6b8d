namespace OrleansTempo.Core.Continuity;

/// <summary>
/// Where one generator that stops in order leaves its snapshot for the next: one at a time, tagged with the epoch of the
/// <see cref="WriterClaim"/> it was made under. One call at a time.
/// </summary>
public interface ISnapshotStorage
{
    /// <summary>What is there now; null for nothing.</summary>
    /// <exception cref="IOException">The storage fails.</exception>
    Task<KeptSnapshot?> ReadAsync(CancellationToken cancellationToken);

    /// <summary>Puts a snapshot in the place of whatever was read, written or cleared last.</summary>
    /// <returns>False where somebody else has changed it since: <see cref="ReadAsync"/> shows what is there, and allows another attempt.</returns>
    /// <exception cref="IOException">The storage fails; whether it was written is not known.</exception>
    Task<bool> TryWriteAsync(KeptSnapshot snapshot, CancellationToken cancellationToken);

    /// <summary>Deletes what was read last, if it is still there.</summary>
    /// <exception cref="IOException">The storage fails.</exception>
    Task ClearAsync(CancellationToken cancellationToken);
}

/// <summary>A snapshot and the owner that made it.</summary>
/// <param name="Epoch">The claim's, see <see cref="WriterClaim.Epoch"/>: only the snapshot of the last owner may be restored.</param>
/// <param name="Content">See <c>docs/generator-snapshot.md</c>.</param>
public sealed record KeptSnapshot(long Epoch, ReadOnlyMemory<byte> Content);
