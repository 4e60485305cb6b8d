namespace OrleansTempo.Core.Distributor;

/// <summary>
/// The tenants that have sent something to this process within the last hour, each with its rate limiter. Their number is limited: otherwise whoever
/// may name a tenant could fill the memory with tenants of one span each. Safe to call from any thread.
/// </summary>
/// <param name="max">The maximum number of active tenants without configuration; 0 for no limit.</param>
/// <param name="isKnown">Whether a tenant has configuration of its own; such a tenant is always admitted.</param>
/// <param name="time">The clock.</param>
public sealed class ActiveTenants(int max, Func<TenantId, bool> isKnown, TimeProvider time)
{
    private static readonly TimeSpan s_activeFor = TimeSpan.FromHours(1);

    // A forgotten tenant starts with a full burst again, so only full limiters may be forgotten.
    private readonly RecentTable<TenantId, RateLimiter> _limiters = new(s_activeFor, time) { MayForget = static limiter => limiter.IsFull };

    /// <summary>The maximum number of active tenants without configuration.</summary>
    public int Max => max;

    /// <summary>The number of active tenants.</summary>
    public int Count => _limiters.Count;

    /// <summary>The tenant's rate limiter; null if the tenant is new and the maximum is reached.</summary>
    internal RateLimiter? Admit(TenantId tenant)
    {
        if (_limiters.Find(tenant) is { } limiter)
            return limiter;
        return max > 0 && _limiters.Count >= max && !isKnown(tenant) ? null : _limiters.GetOrAdd(tenant, static (_, t) => new RateLimiter(t), time);
    }
}
