namespace OrleansTempo.Core.RemoteWrite.Queue;

/// <summary>
/// The collections of one queue in their order, those in the store before those in memory alone, within its shares of what the
/// endpoint may hold of either:
/// <code>
/// oldest [ in the store │ in the store │ … ] [ in memory │ in memory ] newest
///           over the share of the store         over the share of memory
///           the oldest is dropped               the oldest of these is
/// </code>
/// Knows the sums and does no I/O: who removes a collection that is in the store deletes its object. Guarded by the queue's gate.
/// </summary>
internal sealed class QueuedCollections(RemoteWriteBacklog memory, RemoteWriteBacklog store)
{
    private readonly Queue<WaitingCollection> _inStore = new();
    private readonly Queue<WaitingCollection> _inMemory = new();

    public int Count => _inStore.Count + _inMemory.Count;

    /// <summary>Compressed bytes that wait in memory.</summary>
    public long MemoryBytes { get; private set; }

    /// <summary>What their objects count against the limit.</summary>
    public long StoredBytes { get; private set; }

    /// <summary>Samples that wait, in both.</summary>
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

    /// <summary>The oldest in memory is in the store from now on.</summary>
    public void MoveToStore(StoredCollection stored)
    {
        var collection = _inMemory.Dequeue();
        ChangeMemory(-collection.Bytes);
        if (_inMemory.Count == 0)
            memory.Leave();
        collection.SetStored(stored);
        AddToStore(collection);
    }

    /// <summary>The requests of one in the store have been read; broken ones are not among what waits any more.</summary>
    public void Load(WaitingCollection collection, IReadOnlyList<RemoteWriteRequest> requests, string? etag)
    {
        var before = collection.Samples;
        collection.SetLoaded(requests, etag);
        ChangeSamples(collection, collection.Samples - before);
    }

    /// <summary>A request of a collection was accepted or refused.</summary>
    public void Finish(WaitingCollection collection, int request)
    {
        var (samples, bytes) = (collection.Samples, collection.Bytes);
        collection.Finish(request);
        ChangeSamples(collection, collection.Samples - samples);
        ChangeMemory(collection.Bytes - bytes);
    }

    /// <summary>Takes the oldest out; what was left of it stays readable in it.</summary>
    public WaitingCollection RemoveOldest() => _inStore.Count > 0 ? RemoveFromStore() : RemoveFromMemory();

    /// <summary>Takes out the oldest of those in memory that are more than the queue's share, never the one that came last.</summary>
    public void DropOverMemoryShare(List<WaitingCollection> dropped)
    {
        while (_inMemory.Count > 1 && memory.IsOverShare(MemoryBytes))
            dropped.Add(RemoveFromMemory());
    }

    /// <summary>Takes out the oldest of those in the store that are more than the queue's share, never the one that came last.</summary>
    public void DropOverStoreShare(List<WaitingCollection> dropped)
    {
        while (_inStore.Count > 1 && store.IsOverShare(StoredBytes))
            dropped.Add(RemoveFromStore());
    }

    /// <summary>The end of the queue: those in memory are gone, and those in the store take part in no share of this process any more.</summary>
    /// <returns>The samples that are gone.</returns>
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
