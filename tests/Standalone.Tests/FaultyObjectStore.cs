using OrleansTempo.Core.Storage;

namespace OrleansTempo.Standalone.Tests;

/// <summary>An object store before which something may fail or wait: <see cref="Before"/> is awaited with every write's object name, but for conditional ones.</summary>
internal sealed class FaultyObjectStore(IObjectStore inner) : IObjectStore
{
    public Func<string, Task>? Before { get; set; }

    /// <summary>As <see cref="Before"/>, for those that replace what has not changed.</summary>
    public Func<string, Task>? BeforeConditional { get; set; }

    public async Task<string> PutAsync(string name, ReadOnlyMemory<byte> content, CancellationToken cancellationToken = default)
    {
        await BeforeAsync(name, cancellationToken);
        return await inner.PutAsync(name, content, cancellationToken);
    }

    public async Task<IObjectWriter> CreateAsync(string name, CancellationToken cancellationToken = default)
    {
        await BeforeAsync(name, cancellationToken);
        return await inner.CreateAsync(name, cancellationToken);
    }

    public Task<string?> PutIfAbsentAsync(string name, ReadOnlyMemory<byte> content, CancellationToken cancellationToken = default) => inner.PutIfAbsentAsync(name, content, cancellationToken);

    public async Task<string?> PutIfMatchAsync(string name, ReadOnlyMemory<byte> content, string etag, CancellationToken cancellationToken = default)
    {
        if (BeforeConditional is { } before)
            await before(name).WaitAsync(cancellationToken);
        return await inner.PutIfMatchAsync(name, content, etag, cancellationToken);
    }

    public Task<StoredObject?> GetAsync(string name, CancellationToken cancellationToken = default) => inner.GetAsync(name, cancellationToken);

    public ValueTask<int> ReadAsync(string name, long offset, Memory<byte> target, CancellationToken cancellationToken = default) => inner.ReadAsync(name, offset, target, cancellationToken);

    public IAsyncEnumerable<ObjectInfo> ListAsync(string prefix, CancellationToken cancellationToken = default) => inner.ListAsync(prefix, cancellationToken);

    public Task<IReadOnlyList<string>> ListFoldersAsync(string prefix, CancellationToken cancellationToken = default) => inner.ListFoldersAsync(prefix, cancellationToken);

    public Task DeleteAsync(string name, CancellationToken cancellationToken = default) => inner.DeleteAsync(name, cancellationToken);

    public Task<bool> DeleteIfMatchAsync(string name, string etag, CancellationToken cancellationToken = default) => inner.DeleteIfMatchAsync(name, etag, cancellationToken);

    private Task BeforeAsync(string name, CancellationToken cancellationToken) => Before is { } before ? before(name).WaitAsync(cancellationToken) : Task.CompletedTask;
}
