namespace OrleansTempo.Core.Distributor;

/// <summary>
/// The memory that requests waiting for metrics-generators may hold: a total for all tenants, and half of it for any one tenant, so that a tenant
/// whose generator cannot keep up leaves room for the others.
/// </summary>
public sealed class GeneratorQueueBudget(long maxBytes)
{
    private long _waiting;

    public long MaxBytesPerTenant => maxBytes / 2;

    /// <summary>Bytes taken and not yet returned, for all tenants.</summary>
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
