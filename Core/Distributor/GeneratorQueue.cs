namespace OrleansTempo.Core.Distributor;

/// <summary>
/// What waits for one tenant's metrics-generator, in bytes. Past half of what it may be, whoever adds is asked to hold its
/// answer for a moment as long as the generator is at work: receiving must not take the processors from it and
/// then throw away what it received. A generator that is stuck holds up nobody.
/// </summary>
public sealed class GeneratorQueue(GeneratorQueueBudget budget, TimeProvider time)
{
    private const double MaxHoldMs = 200;

    private static readonly TimeSpan s_stuckAfter = TimeSpan.FromMilliseconds(500);

    private long _waiting;
    private long _lastReturn = time.GetTimestamp();

    /// <summary>Whether nothing waits.</summary>
    public bool IsEmpty => Interlocked.Read(ref _waiting) == 0;

    /// <summary>Whether there is room; a request larger than the tenant's whole share is let in when nothing else of the tenant waits.</summary>
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
    /// How long an answer should be held: nothing up to half of the tenant's share; a few milliseconds beyond, which is
    /// what a generator that runs needs to keep up; 200 ms where the share is used up, while one that has just been started
    /// is still being compiled. Nothing where no request has been worked off for 500 ms.
    /// </summary>
    public TimeSpan Hold()
    {
        var fullness = (double)Interlocked.Read(ref _waiting) / budget.MaxBytesPerTenant;
        if (fullness <= 0.5 || time.GetElapsedTime(Volatile.Read(ref _lastReturn)) > s_stuckAfter)
            return TimeSpan.Zero;
        return TimeSpan.FromMilliseconds(Math.Ceiling(MaxHoldMs * Math.Pow((2 * Math.Min(fullness, 1)) - 1, 3)));
    }
}
