using System.Collections.Concurrent;
using System.Globalization;
using System.Runtime.CompilerServices;
using OrleansTempo.Core.Objects;

namespace OrleansTempo.Core.Tests.Objects;

/// <summary>
/// An object store in memory. Tests make it fail or block in <see cref="Before"/> and <see cref="After"/>, or for one process alone in a
/// <see cref="View"/>.
/// </summary>
internal sealed class InMemoryObjectStore : IObjectStore
{
    private static long s_changes;

    private readonly TimeProvider _time;
    private readonly Lock _gate;
    private readonly SortedDictionary<string, (byte[] Content, string ETag, DateTimeOffset Modified)> _objects;

    public InMemoryObjectStore(TimeProvider? time = null)
    {
        _time = time ?? TimeProvider.System;
        _gate = new Lock();
        _objects = new(StringComparer.Ordinal);
    }

    private InMemoryObjectStore(InMemoryObjectStore other)
    {
        _time = other._time;
        _gate = other._gate;
        _objects = other._objects;
    }

    /// <summary>Awaited before an operation takes effect, with its method's name without <c>Async</c> and the object's name or prefix.</summary>
    public Func<string, string, Task>? Before { get; set; }

    /// <summary>Awaited once it has taken effect, before its caller hears of it.</summary>
    public Func<string, string, Task>? After { get; set; }

    /// <summary>How often each operation was called.</summary>
    public ConcurrentDictionary<string, int> Calls { get; } = new();

    public IReadOnlyList<string> Names
    {
        get
        {
            lock (_gate)
                return [.. _objects.Keys];
        }
    }

    public byte[] this[string name]
    {
        get
        {
            lock (_gate)
                return _objects[name].Content;
        }
    }

    /// <summary>The same objects, as another process sees them.</summary>
    public InMemoryObjectStore View() => new(this);

    public async Task<string> PutAsync(string name, ReadOnlyMemory<byte> content, CancellationToken cancellationToken = default) =>
        (await RunAsync("Put", name, cancellationToken, () => Set(name, content)))!;

    public Task<string?> PutIfAbsentAsync(string name, ReadOnlyMemory<byte> content, CancellationToken cancellationToken = default) =>
        RunAsync("PutIfAbsent", name, cancellationToken, () => _objects.ContainsKey(name) ? null : Set(name, content));

    public Task<string?> PutIfMatchAsync(string name, ReadOnlyMemory<byte> content, string etag, CancellationToken cancellationToken = default) =>
        RunAsync("PutIfMatch", name, cancellationToken, () => _objects.TryGetValue(name, out var there) && there.ETag == etag ? Set(name, content) : null);

    public Task<IObjectWriter> CreateAsync(string name, CancellationToken cancellationToken = default) =>
        RunAsync<IObjectWriter>("Create", name, cancellationToken, () => new Writer(this, name));

    public Task<StoredObject?> GetAsync(string name, CancellationToken cancellationToken = default) =>
        RunAsync("Get", name, cancellationToken, () => _objects.TryGetValue(name, out var there) ? new StoredObject(there.Content, there.ETag) : (StoredObject?)null);

    public async ValueTask<int> ReadAsync(string name, long offset, Memory<byte> target, CancellationToken cancellationToken = default) =>
        await RunAsync("Read", name, cancellationToken, () =>
        {
            if (!_objects.TryGetValue(name, out var there))
                return -1;
            var read = (int)Math.Clamp(there.Content.Length - offset, 0, target.Length);
            there.Content.AsSpan((int)Math.Min(offset, there.Content.Length), read).CopyTo(target.Span);
            return read;
        });

    public async IAsyncEnumerable<ObjectInfo> ListAsync(string prefix, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var found = await RunAsync("List", prefix, cancellationToken, () => _objects
            .Where(o => o.Key.StartsWith(prefix, StringComparison.Ordinal))
            .Select(o => new ObjectInfo(o.Key, o.Value.Content.Length, o.Value.Modified))
            .ToList());

        // The contract promises no order, so callers that rely on one must fail.
        found.Reverse();
        foreach (var info in found)
            yield return info;
    }

    public Task<IReadOnlyList<string>> ListFoldersAsync(string prefix, CancellationToken cancellationToken = default) =>
        RunAsync<IReadOnlyList<string>>("ListFolders", prefix, cancellationToken, () =>
        [
            .. _objects.Keys
                .Where(n => n.StartsWith(prefix, StringComparison.Ordinal) && n.IndexOf('/', prefix.Length) > 0)
                .Select(n => n[prefix.Length..n.IndexOf('/', prefix.Length)])
                .Distinct(),
        ]);

    public Task DeleteAsync(string name, CancellationToken cancellationToken = default) =>
        RunAsync("Delete", name, cancellationToken, () => _objects.Remove(name));

    public Task<bool> DeleteIfMatchAsync(string name, string etag, CancellationToken cancellationToken = default) =>
        RunAsync("DeleteIfMatch", name, cancellationToken, () => _objects.TryGetValue(name, out var there) && there.ETag == etag && _objects.Remove(name));

    private async Task<T> RunAsync<T>(string operation, string name, CancellationToken cancellationToken, Func<T> act)
    {
        Calls.AddOrUpdate(operation, 1, static (_, calls) => calls + 1);
        cancellationToken.ThrowIfCancellationRequested();
        if (Before is { } before)
            await before(operation, name);
        cancellationToken.ThrowIfCancellationRequested();
        T result;
        lock (_gate)
            result = act();
        if (After is { } after)
            await after(operation, name);
        return result;
    }

    // Under the gate.
    private string Set(string name, ReadOnlyMemory<byte> content)
    {
        var etag = Interlocked.Increment(ref s_changes).ToString(CultureInfo.InvariantCulture);
        _objects[name] = (content.ToArray(), etag, _time.GetUtcNow());
        return etag;
    }

    private sealed class Writer(InMemoryObjectStore store, string name) : IObjectWriter
    {
        private readonly MemoryStream _content = new();

        public ValueTask WriteAsync(ReadOnlyMemory<byte> part, CancellationToken cancellationToken = default)
        {
            _content.Write(part.Span);
            return default;
        }

        public Task CompleteAsync(CancellationToken cancellationToken = default) => store.PutAsync(name, _content.ToArray(), cancellationToken);

        public ValueTask DisposeAsync() => default;
    }
}
