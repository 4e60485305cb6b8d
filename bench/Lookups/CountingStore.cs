using OrleansTempo.Core.Objects;

namespace OrleansTempo.Bench.Lookups;

/// <summary>Wraps another store, and counts how much is read from it. One caller at a time.</summary>
internal sealed class CountingStore(IObjectStore store) : IObjectStore
{
    /// <summary>The number of partial reads: of a page of a block, or of its footer if that was not read before.</summary>
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
