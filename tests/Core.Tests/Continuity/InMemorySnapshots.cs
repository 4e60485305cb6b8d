using OrleansTempo.Core.Continuity;
using OrleansTempo.Core.Tests.Objects;

namespace OrleansTempo.Core.Tests.Continuity;

/// <summary>A snapshot storage on an object store, conditional like grain storage; a test that wants failures injects them into the store.</summary>
internal sealed class InMemorySnapshots(InMemoryObjectStore store) : ISnapshotStorage
{
    public const string Name = "kept/snapshot";

    private string? _etag;

    /// <summary>Whether a write over another's fails as that of a storage does that does not tell a conflict from an error.</summary>
    public bool FailsAtConflicts { get; set; }

    /// <summary>Runs before each read.</summary>
    public Func<Task>? Read { get; set; }

    /// <summary>The stored object: the epoch, then the rest.</summary>
    public static byte[] Content(long epoch, ReadOnlyMemory<byte> rest) => [.. BitConverter.GetBytes(epoch), .. rest.Span];

    public async Task<KeptSnapshot?> ReadAsync(CancellationToken cancellationToken)
    {
        if (Read is not null)
            await Read();
        var there = await store.GetAsync(Name, cancellationToken);
        _etag = there?.ETag;
        if (there is not { } found)
            return null;

        // The length of the pushes, they, and the series.
        var rest = found.Content[8..];
        var pushes = rest.Slice(4, BitConverter.ToInt32(rest.Span));
        return new KeptSnapshot(BitConverter.ToInt64(found.Content.Span), rest[(4 + pushes.Length)..], pushes);
    }

    public async Task<bool> TryWriteAsync(KeptSnapshot snapshot, CancellationToken cancellationToken)
    {
        var content = Content(snapshot.Epoch, (byte[])[.. BitConverter.GetBytes(snapshot.Pushes.Length), .. snapshot.Pushes.Span, .. snapshot.Content.Span]);
        var etag = _etag is null
            ? await store.PutIfAbsentAsync(Name, content, cancellationToken)
            : await store.PutIfMatchAsync(Name, content, _etag, cancellationToken);
        if (etag is null && FailsAtConflicts)
            throw new IOException("the blob already exists");
        _etag = etag ?? _etag;
        return etag is not null;
    }

    public async Task ClearAsync(CancellationToken cancellationToken)
    {
        if (_etag is not null)
            await store.DeleteIfMatchAsync(Name, _etag, cancellationToken);
        _etag = null;
    }
}
