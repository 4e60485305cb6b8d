namespace OrleansTempo.Core.RemoteWrite.Queue;

/// <summary>
/// The total that waits for one endpoint, in memory or in the store, for all tenants of the process: a remote end that is down is down
/// for all of them, and together they must not exceed the limit. Safe for concurrent use.
/// </summary>
internal sealed class RemoteWriteBacklog(long maxBytes)
{
    private long _bytes;
    private int _waitingQueues;

    /// <summary>The number of waiting bytes.</summary>
    public long Bytes => Interlocked.Read(ref _bytes);

    public void Add(long bytes) => Interlocked.Add(ref _bytes, bytes);

    /// <summary>Called when a queue has something to send, which entitles it to a share.</summary>
    public void Enter() => Interlocked.Increment(ref _waitingQueues);

    /// <summary>Called when a queue has nothing left to send.</summary>
    public void Leave() => Interlocked.Decrement(ref _waitingQueues);

    /// <summary>
    /// Whether a queue of <paramref name="queueBytes"/> must drop collections: all queues together exceed the limit, and this one has
    /// more than an equal share. So a tenant with much is cut back before one with little loses anything.
    /// </summary>
    public bool IsOverShare(long queueBytes) => Bytes > maxBytes && queueBytes > maxBytes / Math.Max(1, Volatile.Read(ref _waitingQueues));
}
