namespace OrleansTempo.Core.RemoteWrite.Queue;

/// <summary>
/// The collections of one queue in order, those in the store before those only in memory, within the queue's shares of what the
/// endpoint may hold in each:
/// <code>
/// oldest [ in the store │ in the store │ … ] [ in memory │ in memory ] newest
///           over the share of the store         over the share of memory
///           the oldest is dropped               the oldest of these is
/// </code>
/// Keeps the sums, and does no I/O: the caller that removes a stored collection deletes its object. Guarded by the queue's gate.
/// </summary>
internal sealed class QueuedCollections(RemoteWriteBacklog memory, RemoteWriteBacklog store)
{
    private readonly Queue<WaitingCollection> _inStore = new();
    private readonly Queue<WaitingCollection> _inMemory = new();

    public int Count => _inStore.Count + _inMemory.Count;

    /// <summary>The number of compressed bytes that wait in memory.</summary>
    public long MemoryBytes { get; private set; }

    /// <summary>The number of bytes that the objects count against the limit.</summary>
    public long StoredBytes { get; private set; }

    /// <summary>The number of waiting samples, in memory and in the store.</summary>
    public long Samples { get; private set; }

    public long SamplesInStore { get; private set; }

    public WaitingCollection? Oldest => _inStore.TryPeek(out var oldest) ? oldest : OldestInMemory;

    public WaitingCollection? OldestInMemory => _inMemory.TryPeek(out var oldest) ? oldest : null;

    public void Add(WaitingCollection collection)
    {
        Samples += collection.Samples;
        if (collection.Stored is null)
            AddToMemory(collection);
        else
            AddToStore(collection);
    }

    /// <summary>Called when the oldest collection in memory has been put into the store.</summary>
    public void MoveToStore(StoredCollection stored)
    {
        var collection = _inMemory.Dequeue();
        ChangeMemory(-collection.Bytes);
        if (_inMemory.Count == 0)
            memory.Leave();
        collection.SetStored(stored);
        AddToStore(collection);
    }

    /// <summary>Called when the requests of a stored collection have been read; corrupt ones no longer wait.</summary>
    public void Load(WaitingCollection collection, IReadOnlyList<RemoteWriteRequest> requests, string? etag)
    {
        var before = collection.Samples;
        collection.SetLoaded(requests, etag);
        ChangeSamples(collection, collection.Samples - before);
    }

    /// <summary>Called when a request of a collection was accepted or refused.</summary>
    public void Finish(WaitingCollection collection, int request)
    {
        var (samples, bytes) = (collection.Samples, collection.Bytes);
        collection.Finish(request);
        ChangeSamples(collection, collection.Samples - samples);
        ChangeMemory(collection.Bytes - bytes);
    }

    /// <summary>Removes the oldest collection; its remaining requests stay readable.</summary>
    public WaitingCollection RemoveOldest() => _inStore.Count > 0 ? RemoveFromStore() : RemoveFromMemory();

    /// <summary>Removes the oldest collections in memory that exceed the queue's share, never the newest one.</summary>
    public void DropOverMemoryShare(List<WaitingCollection> dropped)
    {
        while (_inMemory.Count > 1 && memory.IsOverShare(MemoryBytes))
            dropped.Add(RemoveFromMemory());
    }

    /// <summary>Removes the oldest collections in the store that exceed the queue's share, never the newest one.</summary>
    public void DropOverStoreShare(List<WaitingCollection> dropped)
    {
        while (_inStore.Count > 1 && store.IsOverShare(StoredBytes))
            dropped.Add(RemoveFromStore());
    }

    /// <summary>Ends the queue: collections in memory are lost, and those in the store no longer count towards the shares of this process.</summary>
    /// <returns>The number of lost samples.</returns>
    public long Close()
    {
        long lost = 0;
        while (_inMemory.Count > 0)
            lost += RemoveFromMemory().Samples;
        store.Add(-StoredBytes);
        if (_inStore.Count > 0)
            store.Leave();
        return lost;
    }

    private void AddToMemory(WaitingCollection collection)
    {
        if (_inMemory.Count == 0)
            memory.Enter();
        _inMemory.Enqueue(collection);
        ChangeMemory(collection.Bytes);
    }

    private void AddToStore(WaitingCollection collection)
    {
        if (_inStore.Count == 0)
            store.Enter();
        _inStore.Enqueue(collection);
        ChangeStored(collection.Stored!.DiskBytes);
        SamplesInStore += collection.Samples;
    }

    private WaitingCollection RemoveFromMemory()
    {
        var oldest = _inMemory.Dequeue();
        oldest.IsRemoved = true;
        ChangeSamples(oldest, -oldest.Samples);
        ChangeMemory(-oldest.Bytes);
        if (_inMemory.Count == 0)
            memory.Leave();
        return oldest;
    }

    private WaitingCollection RemoveFromStore()
    {
        var oldest = _inStore.Dequeue();
        oldest.IsRemoved = true;
        ChangeSamples(oldest, -oldest.Samples);
        ChangeStored(-oldest.Stored!.DiskBytes);
        if (_inStore.Count == 0)
            store.Leave();
        return oldest;
    }

    private void ChangeSamples(WaitingCollection collection, long by)
    {
        Samples += by;
        if (collection.Stored is not null)
            SamplesInStore += by;
    }

    private void ChangeMemory(long by)
    {
        MemoryBytes += by;
        memory.Add(by);
    }

    private void ChangeStored(long by)
    {
        StoredBytes += by;
        store.Add(by);
    }
}
