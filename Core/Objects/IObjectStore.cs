namespace OrleansTempo.Core.Objects;

/// <summary>
/// Stores objects by name in one container: a folder or a blob container. Names are relative paths with <c>/</c> between segments; each segment
/// matches <c>[a-zA-Z0-9_.=%-]+</c> and is neither <c>.</c> nor <c>..</c>. An object exists as a whole or not at all, and once a put has returned, it
/// survives a crash of the process and a power loss. Every method may throw <see cref="IOException"/> if the store cannot be reached or is full. Safe
/// to call from any thread and any number of processes.
/// </summary>
public interface IObjectStore
{
    /// <summary>Writes an object, replacing any existing one.</summary>
    /// <returns>Its ETag: opaque, and different after every change.</returns>
    Task<string> PutAsync(string name, ReadOnlyMemory<byte> content, CancellationToken cancellationToken = default);

    /// <summary>Writes an object that does not exist yet.</summary>
    /// <returns>Its ETag; null if the object already exists, which is left unchanged.</returns>
    Task<string?> PutIfAbsentAsync(string name, ReadOnlyMemory<byte> content, CancellationToken cancellationToken = default);

    /// <summary>Replaces an object whose ETag is still <paramref name="etag"/>.</summary>
    /// <returns>Its new ETag; null if the object is gone or has changed, which is left unchanged.</returns>
    Task<string?> PutIfMatchAsync(string name, ReadOnlyMemory<byte> content, string etag, CancellationToken cancellationToken = default);

    /// <summary>Opens an object for writing in parts, if it is too large to be held in memory; it appears when completed.</summary>
    Task<IObjectWriter> CreateAsync(string name, CancellationToken cancellationToken = default);

    /// <summary>An object's content and ETag; null if it does not exist.</summary>
    Task<StoredObject?> GetAsync(string name, CancellationToken cancellationToken = default);

    /// <summary>Fills <paramref name="target"/> with an object's bytes from <paramref name="offset"/> on.</summary>
    /// <returns>The number of bytes read: fewer than requested if the object ends first; -1 if it does not exist.</returns>
    ValueTask<int> ReadAsync(string name, long offset, Memory<byte> target, CancellationToken cancellationToken = default);

    /// <summary>All objects whose names begin with <paramref name="prefix"/> (empty for all), in no order.</summary>
    IAsyncEnumerable<ObjectInfo> ListAsync(string prefix, CancellationToken cancellationToken = default);

    /// <summary>The names one level below <paramref name="prefix"/> (which is empty or ends with <c>/</c>) that have objects below them, without prefix and slash.</summary>
    Task<IReadOnlyList<string>> ListFoldersAsync(string prefix, CancellationToken cancellationToken = default);

    /// <summary>Deletes an object; it is not an error if it does not exist.</summary>
    Task DeleteAsync(string name, CancellationToken cancellationToken = default);

    /// <summary>Deletes an object whose ETag is still <paramref name="etag"/>.</summary>
    /// <returns>False if the object is gone or has changed, which is left unchanged.</returns>
    Task<bool> DeleteIfMatchAsync(string name, string etag, CancellationToken cancellationToken = default);
}

/// <summary>An object as a listing shows it.</summary>
/// <param name="Name">Its full name.</param>
/// <param name="SizeBytes">Its length in bytes.</param>
/// <param name="LastModified">When it was last written.</param>
public readonly record struct ObjectInfo(string Name, long SizeBytes, DateTimeOffset LastModified);

/// <summary>An object's whole content.</summary>
/// <param name="Content">Its bytes.</param>
/// <param name="ETag">The ETag that a conditional put must name to replace this content.</param>
public readonly record struct StoredObject(ReadOnlyMemory<byte> Content, string ETag);
