namespace OrleansTempo.Standalone;

/// <summary>
/// How many bytes of requests may wait for the metrics-generators, all tenants together. Past half of them, whoever adds
/// is asked to hold its answer for a few milliseconds as long as the generators are at work: receiving must not take
/// the processors from them and then throw away what it received. A generator that is stuck holds up nobody.
/// </summary>
internal sealed class GeneratorQueueBudget(long maxBytes, TimeProvider time)
{
    private const double MaxHoldMs = 20;

    private static readonly TimeSpan s_stuckAfter = TimeSpan.FromMilliseconds(100);

    private long _waiting;
    private long _lastReturn = time.GetTimestamp();

    /// <summary>A request larger than the whole budget is let in when nothing else waits.</summary>
    public bool TryTake(long bytes)
    {
        var waiting = Interlocked.Add(ref _waiting, bytes);
        if (waiting <= maxBytes || waiting == bytes)
            return true;
        Interlocked.Add(ref _waiting, -bytes);
        return false;
    }

    public void Return(long bytes)
    {
        Interlocked.Add(ref _waiting, -bytes);
        Volatile.Write(ref _lastReturn, time.GetTimestamp());
    }

    /// <summary>How long an answer should be held: nothing up to half of the budget, then up to 20 ms; nothing where no request has been worked off for 100 ms.</summary>
    public TimeSpan Hold()
    {
        var fullness = (double)Interlocked.Read(ref _waiting) / maxBytes;
        if (fullness <= 0.5 || time.GetElapsedTime(Volatile.Read(ref _lastReturn)) > s_stuckAfter)
            return TimeSpan.Zero;
        return TimeSpan.FromMilliseconds(Math.Ceiling(MaxHoldMs * ((2 * Math.Min(fullness, 1)) - 1)));
    }
}
