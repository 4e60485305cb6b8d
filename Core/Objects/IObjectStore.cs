namespace OrleansTempo.Core.Objects;

/// <summary>
/// Objects by name in one container: a folder, a blob container. Names are relative paths with <c>/</c> between segments;
/// each segment matches <c>[a-zA-Z0-9_.=%-]+</c> and is neither <c>.</c> nor <c>..</c>. An object is there whole or not at all, and once a put has
/// returned it survives the process and the machine's loss of power. Every method may throw <see cref="IOException"/> when the
/// store cannot be reached or is full; safe to call from any thread and any number of processes.
/// </summary>
public interface IObjectStore
{
    /// <summary>Writes an object, in the place of one that is there already.</summary>
    /// <returns>Its ETag: opaque, another one after every change.</returns>
    Task<string> PutAsync(string name, ReadOnlyMemory<byte> content, CancellationToken cancellationToken = default);

    /// <summary>Writes an object that is not there yet.</summary>
    /// <returns>Its ETag; null where one of that name is there already, which is left as it is.</returns>
    Task<string?> PutIfAbsentAsync(string name, ReadOnlyMemory<byte> content, CancellationToken cancellationToken = default);

    /// <summary>Replaces an object whose ETag is still <paramref name="etag"/>.</summary>
    /// <returns>Its new ETag; null where it is gone or has changed, which is left as it is.</returns>
    Task<string?> PutIfMatchAsync(string name, ReadOnlyMemory<byte> content, string etag, CancellationToken cancellationToken = default);

    /// <summary>Opens an object for writing in parts, for what is too large to be held in memory whole; it appears when it is completed.</summary>
    Task<IObjectWriter> CreateAsync(string name, CancellationToken cancellationToken = default);

    /// <summary>An object's content and ETag; null where there is none.</summary>
    Task<StoredObject?> GetAsync(string name, CancellationToken cancellationToken = default);

    /// <summary>Fills <paramref name="target"/> with an object's bytes from <paramref name="offset"/> on.</summary>
    /// <returns>The bytes read: fewer than asked for where the object ends before; -1 where there is no such object.</returns>
    ValueTask<int> ReadAsync(string name, long offset, Memory<byte> target, CancellationToken cancellationToken = default);

    /// <summary>All objects whose names begin with <paramref name="prefix"/> (empty for all), in no order.</summary>
    IAsyncEnumerable<ObjectInfo> ListAsync(string prefix, CancellationToken cancellationToken = default);

    /// <summary>The names one level below <paramref name="prefix"/> (which is empty or ends with <c>/</c>) that have objects below them, without prefix and slash.</summary>
    Task<IReadOnlyList<string>> ListFoldersAsync(string prefix, CancellationToken cancellationToken = default);

    /// <summary>Deletes an object; one that is not there is no error.</summary>
    Task DeleteAsync(string name, CancellationToken cancellationToken = default);

    /// <summary>Deletes an object whose ETag is still <paramref name="etag"/>.</summary>
    /// <returns>False where it is gone or has changed, which is left as it is.</returns>
    Task<bool> DeleteIfMatchAsync(string name, string etag, CancellationToken cancellationToken = default);
}

/// <summary>An object as a listing shows it.</summary>
/// <param name="Name">Its whole name.</param>
/// <param name="SizeBytes">Its length in bytes.</param>
/// <param name="LastModified">When it was last written.</param>
public readonly record struct ObjectInfo(string Name, long SizeBytes, DateTimeOffset LastModified);

/// <summary>An object read whole.</summary>
/// <param name="Content">Its bytes.</param>
/// <param name="ETag">What a conditional put must name to replace just this content.</param>
public readonly record struct StoredObject(ReadOnlyMemory<byte> Content, string ETag);
