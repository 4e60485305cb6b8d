using System.Security.Cryptography;
using System.Text;
using Orleans.Serialization.Serializers;
using Orleans.Storage;
using OrleansTempo.Core.Objects;

namespace OrleansTempo.Silo.Providers;

/// <summary>
/// Stores the state of grains beside the blocks, in the object store, for clusters without a separate service for it:
/// <code>
/// grains/&lt;state name>/&lt;grain ID>      both escaped by EscapedSegment; a grain ID too long for a file name is =&lt;SHA-256>
/// </code>
/// The silo's serialiser writes the object, and its ETag is the ETag of the state, so of two activations that have read the same state only
/// one can write. A cleared state is first replaced with an empty object, by a conditional put, and then deleted, which the store cannot do
/// conditionally: an activation that reads the empty object and writes before the deletion loses its state, and restarts as after a crash.
/// </summary>
internal sealed class ObjectStoreGrainStorage(string provider, IObjectStore store, IGrainStorageSerializer serializer, IActivatorProvider activators)
    : IGrainStorage
{
    private const string Folder = "grains/";

    public Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) =>
        ReadStateAsync(stateName, grainId, grainState, CancellationToken.None);

    public async Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState, CancellationToken cancellationToken)
    {
        var stored = await store.GetAsync(ObjectNameOf(stateName, grainId), cancellationToken).ConfigureAwait(false);
        grainState.ETag = stored?.ETag;
        if (stored is { Content.IsEmpty: false } found)
        {
            grainState.State = serializer.Deserialize<T>(new BinaryData(found.Content));
            grainState.RecordExists = true;
        }
        else
        {
            Reset(grainState);
        }
    }

    /// <exception cref="InconsistentStateException">Another activation has written or cleared it since it was read.</exception>
    public Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) =>
        WriteStateAsync(stateName, grainId, grainState, CancellationToken.None);

    /// <exception cref="InconsistentStateException">Another activation has written or cleared it since it was read.</exception>
    public async Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState, CancellationToken cancellationToken)
    {
        var name = ObjectNameOf(stateName, grainId);
        var content = serializer.Serialize(grainState.State).ToMemory();
        var etag = string.IsNullOrEmpty(grainState.ETag)
            ? await store.PutIfAbsentAsync(name, content, cancellationToken).ConfigureAwait(false)
            : await store.PutIfMatchAsync(name, content, grainState.ETag, cancellationToken).ConfigureAwait(false);
        grainState.ETag = etag ?? throw Conflict("written", name, grainState.ETag);
        grainState.RecordExists = true;
    }

    /// <exception cref="InconsistentStateException">Another activation has written or cleared it since it was read.</exception>
    public Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) =>
        ClearStateAsync(stateName, grainId, grainState, CancellationToken.None);

    /// <exception cref="InconsistentStateException">Another activation has written or cleared it since it was read.</exception>
    public async Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState, CancellationToken cancellationToken)
    {
        var name = ObjectNameOf(stateName, grainId);
        if (string.IsNullOrEmpty(grainState.ETag))
        {
            if (await store.GetAsync(name, cancellationToken).ConfigureAwait(false) is { Content.IsEmpty: false })
                throw Conflict("cleared", name, grainState.ETag);
            Reset(grainState);
            return;
        }

        grainState.ETag = await store.PutIfMatchAsync(name, ReadOnlyMemory<byte>.Empty, grainState.ETag, cancellationToken).ConfigureAwait(false)
            ?? throw Conflict("cleared", name, grainState.ETag);
        Reset(grainState);
        await store.DeleteAsync(name, cancellationToken).ConfigureAwait(false);
        grainState.ETag = null;
    }

    private static string ObjectNameOf(string stateName, GrainId grainId)
    {
        var grain = grainId.ToString();
        var segment = EscapedSegment.Of(grain);
        if (segment.Length > EscapedSegment.MaxLength)
            segment = "=" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(grain)));
        return $"{Folder}{EscapedSegment.Of(stateName)}/{segment}";
    }

    private void Reset<T>(IGrainState<T> grainState)
    {
        grainState.State = activators.GetActivator<T>().Create();
        grainState.RecordExists = false;
    }

    private InconsistentStateException Conflict(string what, string name, string? etag) =>
        new($"'{name}' in the grain storage '{provider}' cannot be {what}: another activation has changed it since it was read", "unknown", etag);
}
