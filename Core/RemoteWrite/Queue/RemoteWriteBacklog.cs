namespace OrleansTempo.Core.RemoteWrite.Queue;

/// <summary>
/// What waits for one endpoint in memory, or in the store, all tenants of the process together: a remote end that is down is down for all of them, and
/// together they must not fill it. Safe for concurrent use.
/// </summary>
internal sealed class RemoteWriteBacklog(long maxBytes)
{
    private long _bytes;
    private int _waitingQueues;

    /// <summary>Bytes that wait.</summary>
    public long Bytes => Interlocked.Read(ref _bytes);

    public void Add(long bytes) => Interlocked.Add(ref _bytes, bytes);

    /// <summary>A queue has something to send, and so a share.</summary>
    public void Enter() => Interlocked.Increment(ref _waitingQueues);

    /// <summary>A queue has nothing to send any more.</summary>
    public void Leave() => Interlocked.Decrement(ref _waitingQueues);

    /// <summary>
    /// Whether a queue of <paramref name="queueBytes"/> must drop: all together are over the limit, and it has more than an
    /// equal share. So a tenant with much goes back before one with little loses anything.
    /// </summary>
    public bool IsOverShare(long queueBytes) => Bytes > maxBytes && queueBytes > maxBytes / Math.Max(1, Volatile.Read(ref _waitingQueues));
}
