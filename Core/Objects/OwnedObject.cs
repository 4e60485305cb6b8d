namespace OrleansTempo.Core.Objects;

/// <summary>
/// An object that says who owns something, as its owner sees it. It is changed only by conditional puts, until another process replaces it. A put
/// that seemed to fail may have succeeded, so a refused put proves nothing by itself: the content decides. One call at a time.
/// </summary>
internal sealed class OwnedObject
{
    private readonly IObjectStore _store;
    private readonly string _name;
    private readonly Predicate<ReadOnlyMemory<byte>> _isOwn;
    private string _etag;

    private OwnedObject(IObjectStore store, string name, Predicate<ReadOnlyMemory<byte>> isOwn, string etag)
    {
        _store = store;
        _name = name;
        _isOwn = isOwn;
        _etag = etag;
    }

    /// <summary>The content found when ownership was lost; null if the object was gone.</summary>
    public ReadOnlyMemory<byte>? Successor { get; private set; }

    /// <summary>Takes ownership by replacing what was read.</summary>
    /// <param name="store">Where the object is.</param>
    /// <param name="name">Its name.</param>
    /// <param name="former">What was read; null if the object did not exist.</param>
    /// <param name="content">The content to put.</param>
    /// <param name="isOwn">Whether content was put by this owner.</param>
    /// <param name="cancellationToken">If cancelled, it is unknown whether the content was put.</param>
    /// <returns>The owned object; null if it has changed since it was read.</returns>
    /// <exception cref="IOException">The store fails.</exception>
    public static async Task<OwnedObject?> TryClaimAsync(
        IObjectStore store,
        string name,
        StoredObject? former,
        ReadOnlyMemory<byte> content,
        Predicate<ReadOnlyMemory<byte>> isOwn,
        CancellationToken cancellationToken)
    {
        string? etag;
        try
        {
            etag = former is { } there
                ? await store.PutIfMatchAsync(name, content, there.ETag, cancellationToken).ConfigureAwait(false)
                : await store.PutIfAbsentAsync(name, content, cancellationToken).ConfigureAwait(false);
        }
        catch (IOException)
        {
            etag = await OwnETagAsync().ConfigureAwait(false);
            if (etag is null)
                throw;
        }

        etag ??= await OwnETagAsync().ConfigureAwait(false);
        return etag is null ? null : new OwnedObject(store, name, isOwn, etag);

        async Task<string?> OwnETagAsync() =>
            await store.GetAsync(name, cancellationToken).ConfigureAwait(false) is { } now && isOwn(now.Content) ? now.ETag : null;
    }

    /// <summary>Replaces the content that this owner put last.</summary>
    /// <returns>False if another process owns it, see <see cref="Successor"/>.</returns>
    /// <exception cref="IOException">The store fails; it is unknown whether the content was put, which does not matter to the next put.</exception>
    public async Task<bool> TryPutAsync(ReadOnlyMemory<byte> content, CancellationToken cancellationToken = default)
    {
        while (true)
        {
            if (await _store.PutIfMatchAsync(_name, content, _etag, cancellationToken).ConfigureAwait(false) is { } etag)
            {
                _etag = etag;
                return true;
            }

            var there = await _store.GetAsync(_name, cancellationToken).ConfigureAwait(false);
            if (there is not { } own || !_isOwn(own.Content))
            {
                Successor = there?.Content;
                return false;
            }

            _etag = own.ETag;
        }
    }
}
