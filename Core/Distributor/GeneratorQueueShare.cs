namespace OrleansTempo.Core.Distributor;

/// <summary>
/// Counts the bytes that wait for one tenant's metrics-generator. Once the queue is more than half full, it asks callers to delay their answers for a
/// moment while the generator is working: receiving must not starve the generator of CPU, only to drop what was received. A stuck generator delays
/// nobody.
/// </summary>
public sealed class GeneratorQueueShare(GeneratorQueueBudget budget, TimeProvider time)
{
    private const double MaxHoldMs = 200;

    private static readonly TimeSpan s_stuckAfter = TimeSpan.FromMilliseconds(500);

    private long _waiting;
    private long _lastReturn = time.GetTimestamp();

    /// <summary>Whether the queue is empty.</summary>
    public bool IsEmpty => Interlocked.Read(ref _waiting) == 0;

    /// <summary>Takes room for a request, if there is any; a request larger than the tenant's whole share is admitted if nothing else of the tenant waits.</summary>
    public bool TryTake(long bytes)
    {
        var waiting = Interlocked.Add(ref _waiting, bytes);
        if ((waiting <= budget.MaxBytesPerTenant || waiting == bytes) && budget.TryTake(bytes))
            return true;
        Interlocked.Add(ref _waiting, -bytes);
        return false;
    }

    public void Return(long bytes)
    {
        Interlocked.Add(ref _waiting, -bytes);
        budget.Return(bytes);
        Volatile.Write(ref _lastReturn, time.GetTimestamp());
    }

    /// <summary>
    /// How long to delay an answer: not at all up to half of the tenant's share; beyond that a few milliseconds, which is what a running generator
    /// needs to keep up; 200 ms when the share is used up, because a newly started generator is still being JIT-compiled. Not at all if no request
    /// has been processed for 500 ms.
    /// </summary>
    public TimeSpan Hold()
    {
        var fullness = (double)Interlocked.Read(ref _waiting) / budget.MaxBytesPerTenant;
        if (fullness <= 0.5 || time.GetElapsedTime(Volatile.Read(ref _lastReturn)) > s_stuckAfter)
            return TimeSpan.Zero;
        return TimeSpan.FromMilliseconds(Math.Ceiling(MaxHoldMs * Math.Pow((2 * Math.Min(fullness, 1)) - 1, 3)));
    }
}
