using OrleansTempo.Core.Objects;

namespace OrleansTempo.Bench.Micro;

/// <summary>An object store in memory that supports writing, reading and merging blocks, at almost no cost.</summary>
internal sealed class MemoryStore : IObjectStore
{
    private readonly Dictionary<string, byte[]> _objects = [];

    /// <summary>Whether it keeps written objects.</summary>
    public bool Keeps { get; set; } = true;

    public Task<string> PutAsync(string name, ReadOnlyMemory<byte> content, CancellationToken cancellationToken = default)
    {
        if (Keeps)
            _objects[name] = content.ToArray();
        return Task.FromResult("");
    }

    public Task<IObjectWriter> CreateAsync(string name, CancellationToken cancellationToken = default) => Task.FromResult<IObjectWriter>(new Writer(this, name));

    public ValueTask<int> ReadAsync(string name, long offset, Memory<byte> target, CancellationToken cancellationToken = default)
    {
        _objects[name].AsSpan((int)offset, target.Length).CopyTo(target.Span);
        return ValueTask.FromResult(target.Length);
    }

    public Task<string?> PutIfAbsentAsync(string name, ReadOnlyMemory<byte> content, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public Task<string?> PutIfMatchAsync(string name, ReadOnlyMemory<byte> content, string etag, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public Task<StoredObject?> GetAsync(string name, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public IAsyncEnumerable<ObjectInfo> ListAsync(string prefix, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public Task<IReadOnlyList<string>> ListFoldersAsync(string prefix, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public Task DeleteAsync(string name, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public Task<bool> DeleteIfMatchAsync(string name, string etag, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    private sealed class Writer(MemoryStore store, string name) : IObjectWriter
    {
        private readonly MemoryStream _content = new();

        public ValueTask WriteAsync(ReadOnlyMemory<byte> part, CancellationToken cancellationToken = default)
        {
            if (store.Keeps)
                _content.Write(part.Span);
            return default;
        }

        public Task CompleteAsync(CancellationToken cancellationToken = default) => store.PutAsync(name, _content.ToArray(), cancellationToken);

        public ValueTask DisposeAsync() => default;
    }
}
