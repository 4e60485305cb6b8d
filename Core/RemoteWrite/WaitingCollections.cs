namespace OrleansTempo.Core.RemoteWrite;

/// <summary>
/// The collections of one queue in their order, those on disk before those in memory alone, within its shares of what the
/// endpoint may hold of either:
/// <code>
/// oldest [ on disk │ on disk │ … ] [ in memory │ in memory ] newest
///           over the share of the disk    over the share of memory
///           the oldest is dropped         the oldest of these is
/// </code>
/// Knows the sums and does no I/O: who removes a collection that is on disk deletes its file. Guarded by the queue's gate.
/// </summary>
internal sealed class WaitingCollections(RemoteWriteBacklog memory, RemoteWriteBacklog disk)
{
    private readonly Queue<WaitingCollection> _onDisk = new();
    private readonly Queue<WaitingCollection> _inMemory = new();

    public int Count => _onDisk.Count + _inMemory.Count;

    /// <summary>Compressed bytes that wait in memory.</summary>
    public long MemoryBytes { get; private set; }

    /// <summary>What the files take of the disk.</summary>
    public long DiskBytes { get; private set; }

    /// <summary>Samples that wait, in both.</summary>
    public long Samples { get; private set; }

    public long SamplesOnDisk { get; private set; }

    public WaitingCollection? Oldest => _onDisk.TryPeek(out var oldest) ? oldest : OldestInMemory;

    public WaitingCollection? OldestInMemory => _inMemory.TryPeek(out var oldest) ? oldest : null;

    public void Add(WaitingCollection collection)
    {
        Samples += collection.Samples;
        if (collection.Stored is null)
            AddToMemory(collection);
        else
            AddToDisk(collection);
    }

    /// <summary>The oldest in memory is on disk from now on.</summary>
    public void MoveToDisk(StoredCollection stored)
    {
        var collection = _inMemory.Dequeue();
        ChangeMemory(-collection.Bytes);
        if (_inMemory.Count == 0)
            memory.Leave();
        collection.SetStored(stored);
        AddToDisk(collection);
    }

    /// <summary>The requests of one on disk have been read; broken ones are not among what waits any more.</summary>
    public void Load(WaitingCollection collection, RemoteWriteRequest?[] requests)
    {
        var before = collection.Samples;
        collection.SetLoaded(requests);
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
    public WaitingCollection RemoveOldest() => _onDisk.Count > 0 ? RemoveFromDisk() : RemoveFromMemory();

    /// <summary>Takes out the oldest of those in memory that are more than the queue's share, never the one that came last.</summary>
    public void DropOverMemoryShare(List<WaitingCollection> dropped)
    {
        while (_inMemory.Count > 1 && memory.IsOverShare(MemoryBytes))
            dropped.Add(RemoveFromMemory());
    }

    /// <summary>Takes out the oldest of those on disk that are more than the queue's share, never the one that came last.</summary>
    public void DropOverDiskShare(List<WaitingCollection> dropped)
    {
        while (_onDisk.Count > 1 && disk.IsOverShare(DiskBytes))
            dropped.Add(RemoveFromDisk());
    }

    /// <summary>The end of the queue: those in memory are gone, and those on disk take part in no share of this process any more.</summary>
    /// <returns>The samples that are gone.</returns>
    public long Close()
    {
        long lost = 0;
        while (_inMemory.Count > 0)
            lost += RemoveFromMemory().Samples;
        disk.Add(-DiskBytes);
        if (_onDisk.Count > 0)
            disk.Leave();
        return lost;
    }

    private void AddToMemory(WaitingCollection collection)
    {
        if (_inMemory.Count == 0)
            memory.Enter();
        _inMemory.Enqueue(collection);
        ChangeMemory(collection.Bytes);
    }

    private void AddToDisk(WaitingCollection collection)
    {
        if (_onDisk.Count == 0)
            disk.Enter();
        _onDisk.Enqueue(collection);
        ChangeDisk(collection.Stored!.DiskBytes);
        SamplesOnDisk += collection.Samples;
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

    private WaitingCollection RemoveFromDisk()
    {
        var oldest = _onDisk.Dequeue();
        oldest.IsRemoved = true;
        ChangeSamples(oldest, -oldest.Samples);
        ChangeDisk(-oldest.Stored!.DiskBytes);
        if (_onDisk.Count == 0)
            disk.Leave();
        return oldest;
    }

    private void ChangeSamples(WaitingCollection collection, long by)
    {
        Samples += by;
        if (collection.Stored is not null)
            SamplesOnDisk += by;
    }

    private void ChangeMemory(long by)
    {
        MemoryBytes += by;
        memory.Add(by);
    }

    private void ChangeDisk(long by)
    {
        DiskBytes += by;
        disk.Add(by);
    }
}
