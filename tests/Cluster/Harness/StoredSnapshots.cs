using Orleans.Storage;
using OrleansTempo.Grains;

namespace OrleansTempo.Cluster.Harness;

/// <summary>The snapshot of a grain in grain storage, as an activation has it.</summary>
internal sealed class StoredSnapshots(IGrainStorage storage, GrainId grain) : IPersistentState<StoredSnapshot>
{
    private const string Name = "generator";

    private readonly GrainState<StoredSnapshot> _state = new() { State = new StoredSnapshot() };

    public StoredSnapshot State
    {
        get => _state.State!;
        set => _state.State = value;
    }

    public string? Etag => _state.ETag;

    public bool RecordExists => _state.RecordExists;

    public Task ReadStateAsync() => storage.ReadStateAsync(Name, grain, _state);

    public Task WriteStateAsync() => storage.WriteStateAsync(Name, grain, _state);

    public Task ClearStateAsync() => storage.ClearStateAsync(Name, grain, _state);
}
