using OrleansTempo.Core.Objects;

namespace OrleansTempo.Bench.Lookups;

/// <summary>Another store, and how much was read of it. One caller at a time.</summary>
internal sealed class CountingStore(IObjectStore store) : IObjectStore
{
    /// <summary>Reads of a part of an object: of a block's page, or of its footer where that was not read before.</summary>
    public long Reads { get; private set; }

    public long BytesRead { get; private set; }

    public ValueTask<int> ReadAsync(string name, long offset, Memory<byte> target, CancellationToken cancellationToken = default)
    {
        Reads++;
        BytesRead += target.Length;
        return store.ReadAsync(name, offset, target, cancellationToken);
    }

    public Task<string> PutAsync(string name, ReadOnlyMemory<byte> content, CancellationToken cancellationToken = default) => store.PutAsync(name, content, cancellationToken);

    public Task<string?> PutIfAbsentAsync(string name, ReadOnlyMemory<byte> content, CancellationToken cancellationToken = default) => store.PutIfAbsentAsync(name, content, cancellationToken);

    public Task<string?> PutIfMatchAsync(string name, ReadOnlyMemory<byte> content, string etag, CancellationToken cancellationToken = default) => store.PutIfMatchAsync(name, content, etag, cancellationToken);

    public Task<IObjectWriter> CreateAsync(string name, CancellationToken cancellationToken = default) => store.CreateAsync(name, cancellationToken);

    public Task<StoredObject?> GetAsync(string name, CancellationToken cancellationToken = default) => store.GetAsync(name, cancellationToken);

    public IAsyncEnumerable<ObjectInfo> ListAsync(string prefix, CancellationToken cancellationToken = default) => store.ListAsync(prefix, cancellationToken);

    public Task<IReadOnlyList<string>> ListFoldersAsync(string prefix, CancellationToken cancellationToken = default) => store.ListFoldersAsync(prefix, cancellationToken);

    public Task DeleteAsync(string name, CancellationToken cancellationToken = default) => store.DeleteAsync(name, cancellationToken);

    public Task<bool> DeleteIfMatchAsync(string name, string etag, CancellationToken cancellationToken = default) => store.DeleteIfMatchAsync(name, etag, cancellationToken);
}
