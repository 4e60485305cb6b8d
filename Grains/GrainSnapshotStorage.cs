using Orleans.Storage;
using OrleansTempo.Core.Continuity;

namespace OrleansTempo.Grains;

/// <summary>Keeps a generator's snapshot as its grain's state, in whatever grain storage the silo is configured with.</summary>
internal sealed class GrainSnapshotStorage(IPersistentState<StoredSnapshot> state) : ISnapshotStorage
{
    public async Task<KeptSnapshot?> ReadAsync(CancellationToken cancellationToken)
    {
        await CallAsync(state.ReadStateAsync, cancellationToken);
        return state.RecordExists ? new KeptSnapshot(state.State.Epoch, state.State.Bytes, state.State.Pushes) : null;
    }

    public async Task<bool> TryWriteAsync(KeptSnapshot snapshot, CancellationToken cancellationToken)
    {
        state.State = new StoredSnapshot { Epoch = snapshot.Epoch, Bytes = snapshot.Content.ToArray(), Pushes = snapshot.Pushes.ToArray() };
        return await CallAsync(state.WriteStateAsync, cancellationToken);
    }

    public Task ClearAsync(CancellationToken cancellationToken) =>
        state.RecordExists ? CallAsync(state.ClearStateAsync, cancellationToken) : Task.CompletedTask;

    // Grain storage throws whatever its provider throws.
    private static async Task<bool> CallAsync(Func<CancellationToken, Task> call, CancellationToken cancellationToken)
    {
        try
        {
            await call(cancellationToken);
            return true;
        }
        catch (InconsistentStateException)
        {
            return false;
        }
        catch (Exception e) when (e is not (OperationCanceledException or IOException))
        {
            throw new IOException(e.Message, e);
        }
    }
}
