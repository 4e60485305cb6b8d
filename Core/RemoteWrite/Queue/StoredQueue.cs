using OrleansTempo.Core.Objects;

namespace OrleansTempo.Core.RemoteWrite.Queue;

/// <summary>
/// The queue of one tenant for one endpoint in the object store, as one owner of the tenant's series sees it:
/// <code>
/// &lt;folder>/&lt;epoch 7>/4   a collection that the previous owner left
///                   5   a fence: the previous owner can put nothing behind it
///          &lt;epoch 8>/1   collections of this owner; each is put only if nothing is there yet
///                   2
///                   3   the last one: when it is done a mark takes its place, so that a successor sees which number comes next
/// </code>
/// Collections are ordered by epoch and number. Numbers have no gaps, so a fenced owner meets the fence with its very next put, and
/// everything it put before is visible when its successor lists. Safe for concurrent use.
/// </summary>
internal sealed class StoredQueue
{
    private const int ObjectsAtOnce = 16;

    private readonly IObjectStore _store;
    private readonly string _folder;
    private readonly long _epoch;
    private readonly bool _fence;
    private readonly IWritePermit? _permit;

    // Written into every object, to tell whether an object found under the next number is this owner's own.
    private readonly Guid _writer = Guid.NewGuid();

    // One change at a time, because the last number decides what may be deleted. Guards everything below.
    private readonly SemaphoreSlim _turn = new(1);

    // Collections that are done but still there, because the store failed. Oldest first.
    private readonly List<(long Epoch, long Number)> _left = [];
    private IReadOnlyCollection<string> _obsolete = [];
    private long _last;

    // Whether there is a mark under the last number.
    private bool _isMarked;

    // A put under the next number failed, but may have succeeded in the store.
    private bool _isUncertain;
    private volatile bool _isFollowed;

    /// <param name="store">The store that holds the claim.</param>
    /// <param name="folder">The folder of the queue, with a slash at its end.</param>
    /// <param name="epoch">The epoch of the claim.</param>
    /// <param name="fence">Whether a previous owner may still put something.</param>
    /// <param name="permit">Once it is lost, nothing is put any more; null if there can be no other owner.</param>
    public StoredQueue(IObjectStore store, string folder, long epoch, bool fence, IWritePermit? permit)
    {
        _store = store;
        _folder = folder;
        _epoch = epoch;
        _fence = fence;
        _permit = permit;
    }

    public string Folder => _folder;

    /// <summary>Whether another owner has taken over, for good: nothing is put any more.</summary>
    public bool IsOver => _isFollowed || _permit is { IsLost: true };

    /// <summary>Fences the previous owners if necessary, and then lists what they left, in order. Can be called again after a failure.</summary>
    /// <returns>What they left; null if another owner has already taken over, so that nothing of this owner belongs behind its collections.</returns>
    /// <exception cref="IOException">The store fails.</exception>
    public async Task<IReadOnlyList<StoredCollection>?> ResumeAsync(CancellationToken cancellationToken)
    {
        var there = _fence ? await FenceAsync(cancellationToken).ConfigureAwait(false) : await ListAsync(cancellationToken).ConfigureAwait(false);
        if (there.Count > 0 && there[^1].Epoch >= _epoch)
        {
            _isFollowed = true;
            return null;
        }

        var found = new List<StoredCollection>();
        var marks = new List<(long Epoch, QueueObjectKind Kind, string Name)>();
        foreach (var some in there.Chunk(ObjectsAtOnce))
        {
            var headers = await Task.WhenAll(some.Select(listed => HeaderAsync(listed, cancellationToken))).ConfigureAwait(false);
            for (var i = 0; i < some.Length; i++)
            {
                var (epoch, number, info) = some[i];
                switch (headers[i])
                {
                    case (false, _):
                        break;
                    case (true, null):
                        // The loss is counted when it is read.
                        found.Add(new StoredCollection(epoch, number, info.LastModified.ToUnixTimeMilliseconds(), Samples: 0, info.SizeBytes, ETag: null));
                        break;
                    case (true, { Kind: QueueObjectKind.Collection } header):
                        found.Add(new StoredCollection(epoch, number, header.TimestampMs, header.Samples, info.SizeBytes, ETag: null));
                        break;
                    case (true, { } header):
                        marks.Add((epoch, header.Kind, info.Name));
                        break;
                }
            }
        }

        // The last fence stays, because its owner may still be alive. Earlier fences are one owner older, and go when nothing of their epoch waits.
        _obsolete = [.. marks
            .Where(mark => mark.Kind == QueueObjectKind.Sent || (mark.Epoch < _epoch - 1 && !found.Exists(collection => collection.Epoch == mark.Epoch)))
            .Select(static mark => mark.Name)];
        return found;
    }

    /// <summary>Deletes what previous owners left besides collections; the next owner retries what cannot be deleted.</summary>
    public async Task TidyAsync(CancellationToken cancellationToken)
    {
        await _store.DeleteAllAsync(_obsolete, cancellationToken).ConfigureAwait(false);
        _obsolete = [];
    }

    /// <summary>Puts a collection behind all others.</summary>
    /// <param name="take">Called when it is its turn; returns what to put, without the requests that are null, or null for nothing.</param>
    /// <param name="tryKeep">Called with what was put, before anything else can change; false if it is no longer wanted, so that it is deleted again.</param>
    /// <returns>False if nothing was put: there was nothing, or another owner has taken over.</returns>
    /// <exception cref="IOException">The store fails.</exception>
    public async Task<bool> PutAsync(Func<(IReadOnlyList<RemoteWriteRequest?> Requests, long TimestampMs)?> take, Func<StoredCollection, bool> tryKeep)
    {
        await _turn.WaitAsync().ConfigureAwait(false);
        try
        {
            if (take() is not var (requests, timestampMs))
                return false;
            var content = CollectionFormat.Write(requests, timestampMs, _writer);
            if (await PlaceAsync(content).ConfigureAwait(false) is not { } etag)
                return false;
            if (_isMarked)
                _left.Add((_epoch, _last - 1));
            _isMarked = false;
            if (!tryKeep(new StoredCollection(_epoch, _last, timestampMs, requests.Sum(static r => (long?)r?.AllSamples ?? 0), content.Length, etag)))
                _left.Add((_epoch, _last));
            await TryDeleteLeftAsync().ConfigureAwait(false);
            return true;
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>Reads the object of a collection; null if it is gone.</summary>
    /// <exception cref="IOException">The store fails.</exception>
    public Task<StoredObject?> GetAsync(StoredCollection stored, CancellationToken cancellationToken) => _store.GetAsync(_folder + stored.Name, cancellationToken);

    /// <summary>Whether a previous owner put it, and may therefore have sent and deleted it: it may continue to send until its claim ends.</summary>
    public bool IsOfFormerOwner(StoredCollection stored) => stored.Epoch < _epoch;

    /// <summary>Deletes a collection that was sent or dropped, and those that could not be deleted before.</summary>
    /// <returns>Null, or why it is still there; a later call deletes it.</returns>
    public async Task<Exception?> RemoveAsync(StoredCollection stored)
    {
        await _turn.WaitAsync().ConfigureAwait(false);
        try
        {
            _left.Add((stored.Epoch, stored.Number));
            return await TryDeleteLeftAsync().ConfigureAwait(false);
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>
    /// Called after a collection was sent from memory. A put of it may be under way, or may have failed and yet have succeeded in the
    /// store: the collection must not be sent again after later ones.
    /// </summary>
    /// <exception cref="IOException">The store fails; the next call tries again.</exception>
    public async Task SettleAsync()
    {
        if (_turn.CurrentCount > 0 && !Volatile.Read(ref _isUncertain))
            return;
        await _turn.WaitAsync().ConfigureAwait(false);
        try
        {
            if (!_isUncertain || await PlaceAsync(CollectionFormat.WriteMark(QueueObjectKind.Sent, _writer)).ConfigureAwait(false) is null)
                return;
            if (_isMarked)
                _left.Add((_epoch, _last - 1));
            _isMarked = true;
            await TryDeleteLeftAsync().ConfigureAwait(false);
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>Replaces a collection by its remaining requests.</summary>
    /// <exception cref="IOException">The store fails; the collection may or may not have been replaced.</exception>
    public async Task ReplaceAsync(StoredCollection stored, IReadOnlyList<RemoteWriteRequest?> requests)
    {
        if (!IsOver && stored.ETag is { } etag)
            await _store.PutIfMatchAsync(_folder + stored.Name, CollectionFormat.Write(requests, stored.TimestampMs, _writer), etag).ConfigureAwait(false);
    }

    /// <summary>Called when the owner ends cleanly: deletes everything except what waits.</summary>
    /// <returns>Null, or why more than that is still there.</returns>
    public async Task<Exception?> CloseAsync()
    {
        await _turn.WaitAsync().ConfigureAwait(false);
        try
        {
            if (IsOver)
                return null;
            if (_isUncertain
                && await _store.GetAsync(NameOf(_epoch, _last + 1)).ConfigureAwait(false) is { } there
                && IsOwn(there))
                await _store.DeleteIfMatchAsync(NameOf(_epoch, _last + 1), there.ETag).ConfigureAwait(false);
            if (_isMarked)
                _left.Add((_epoch, _last));

            // Nothing is put any more, so nobody needs the last number.
            (_last, _isMarked) = (long.MaxValue, false);
            return await TryDeleteLeftAsync().ConfigureAwait(false);
        }
        catch (Exception e)
        {
            return e;
        }
        finally
        {
            _turn.Release();
        }
    }

    private string NameOf(long epoch, long number) => _folder + StoredCollection.NameOf(epoch, number);

    private bool IsOwn(StoredObject there) => CollectionFormat.ReadHeader(there.Content.Span) is { } header && header.Writer == _writer;

    /// <summary>Puts a fence behind everything that previous owners have put, or may be about to put.</summary>
    /// <returns>What is there; no previous owner can add anything behind it.</returns>
    private async Task<List<ListedObject>> FenceAsync(CancellationToken cancellationToken)
    {
        var fence = CollectionFormat.WriteMark(QueueObjectKind.Fence, _writer);
        while (true)
        {
            var there = await ListAsync(cancellationToken).ConfigureAwait(false);
            var last = new SortedDictionary<long, ListedObject?>();
            foreach (var listed in there)
                last[listed.Epoch] = listed;

            // The owner may have put nothing yet.
            last.TryAdd(_epoch - 1, null);

            // Imported collections have no owner, and those of successors are theirs.
            last.Remove(0);
            foreach (var later in last.Keys.Where(epoch => epoch >= _epoch).ToList())
                last.Remove(later);
            var isFenced = true;
            foreach (var (epoch, listed) in last)
            {
                if (listed is { } end && await HeaderAsync(end, cancellationToken).ConfigureAwait(false) is (_, { Kind: QueueObjectKind.Fence }))
                    continue;
                isFenced = false;

                // If the number has been taken meanwhile, the next listing shows by whom.
                await _store.PutIfAbsentAsync(NameOf(epoch, (listed?.Number ?? 0) + 1), fence, cancellationToken).ConfigureAwait(false);
            }

            if (isFenced)
                return there;
        }
    }

    // In order.
    private async Task<List<ListedObject>> ListAsync(CancellationToken cancellationToken)
    {
        var there = new List<ListedObject>();
        await foreach (var info in _store.ListAsync(_folder, cancellationToken).ConfigureAwait(false))
        {
            if (StoredCollection.TryReadName(info.Name.AsSpan(_folder.Length), out var epoch, out var number))
                there.Add(new ListedObject(epoch, number, info));
        }

        there.Sort(static (a, b) => (a.Epoch, a.Number).CompareTo((b.Epoch, b.Number)));
        return there;
    }

    // Null if it cannot be read.
    private async Task<(bool IsThere, CollectionHeader? Header)> HeaderAsync(ListedObject listed, CancellationToken cancellationToken)
    {
        var head = new byte[CollectionFormat.HeaderBytes];
        var read = await _store.ReadAsync(listed.Info.Name, 0, head, cancellationToken).ConfigureAwait(false);
        return read < 0 ? (false, null) : (true, CollectionFormat.ReadHeader(head.AsSpan(0, read)));
    }

    /// <summary>Puts an object under the next number. Called under <see cref="_turn"/>.</summary>
    /// <returns>Its ETag; null if another owner has taken over.</returns>
    private async Task<string?> PlaceAsync(byte[] content)
    {
        while (!IsOver)
        {
            var name = NameOf(_epoch, _last + 1);
            string? etag = null;
            IOException? failure = null;
            _isUncertain = true;
            try
            {
                etag = await _store.PutIfAbsentAsync(name, content).ConfigureAwait(false);
            }
            catch (IOException e)
            {
                failure = e;
            }

            if (etag is null)
            {
                if (await _store.GetAsync(name).ConfigureAwait(false) is not { } there)
                {
                    if (failure is not null)
                        throw new IOException(failure.Message, failure);
                    continue;
                }

                if (!IsOwn(there))
                {
                    _isFollowed = true;
                    break;
                }

                // A put that seemed to fail: this one, or an earlier one of a collection with other requests.
                etag = there.Content.Span.SequenceEqual(content) ? there.ETag : await _store.PutIfMatchAsync(name, content, there.ETag).ConfigureAwait(false);
                if (etag is null)
                    continue;
            }

            _isUncertain = false;
            _last++;
            return etag;
        }

        return null;
    }

    // Called under _turn.
    private async Task<Exception?> TryDeleteLeftAsync()
    {
        try
        {
            while (_left.Count > 0)
            {
                var (epoch, number) = _left[0];
                if (epoch == _epoch && number == _last && !IsOver)
                {
                    // An unconditional put: if another owner has taken over, one mark more or less before its fence makes no difference.
                    await _store.PutAsync(NameOf(epoch, number), CollectionFormat.WriteMark(QueueObjectKind.Sent, _writer)).ConfigureAwait(false);
                    _isMarked = true;
                }
                else
                {
                    await _store.DeleteAsync(NameOf(epoch, number)).ConfigureAwait(false);
                }

                _left.RemoveAt(0);
            }

            return null;
        }
        catch (Exception e)
        {
            return e;
        }
    }

    private readonly record struct ListedObject(long Epoch, long Number, ObjectInfo Info);
}
