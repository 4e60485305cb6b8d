namespace OrleansTempo.Core.Distributor;

/// <summary>How much memory requests may hold that wait for the metrics-generators: all tenants together, and one of them half of it, so that a tenant whose generator does not keep up leaves room for the others.</summary>
public sealed class GeneratorQueueBudget(long maxBytes)
{
    private long _waiting;

    public long MaxBytesPerTenant => maxBytes / 2;

    /// <summary>Bytes taken and not yet returned, of all tenants.</summary>
    public long WaitingBytes => Interlocked.Read(ref _waiting);

    public bool TryTake(long bytes)
    {
        if (Interlocked.Add(ref _waiting, bytes) <= maxBytes)
            return true;
        Interlocked.Add(ref _waiting, -bytes);
        return false;
    }

    public void Return(long bytes) => Interlocked.Add(ref _waiting, -bytes);
}
