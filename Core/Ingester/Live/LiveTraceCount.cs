namespace OrleansTempo.Core.Ingester.Live;

/// <summary>The number of a tenant's live traces, in all partitions that share the count; safe to use from any thread.</summary>
public sealed class LiveTraceCount
{
    private int _count;

    public int Value => Volatile.Read(ref _count);

    /// <summary>Counts one more; false if <paramref name="limit"/> (0 for none) does not allow it.</summary>
    public bool TryAdd(int limit)
    {
        if (Interlocked.Increment(ref _count) <= limit || limit <= 0)
            return true;
        Interlocked.Decrement(ref _count);
        return false;
    }

    public void Remove() => Interlocked.Decrement(ref _count);
}
