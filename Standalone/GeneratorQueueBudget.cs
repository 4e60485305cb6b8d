namespace OrleansTempo.Standalone;

/// <summary>How many bytes of requests may wait for the metrics-generators, all tenants together.</summary>
internal sealed class GeneratorQueueBudget(long maxBytes)
{
    private long _waiting;

    /// <summary>A request larger than the whole budget is let in when nothing else waits.</summary>
    public bool TryTake(long bytes)
    {
        var waiting = Interlocked.Add(ref _waiting, bytes);
        if (waiting <= maxBytes || waiting == bytes)
            return true;
        Return(bytes);
        return false;
    }

    public void Return(long bytes) => Interlocked.Add(ref _waiting, -bytes);
}
