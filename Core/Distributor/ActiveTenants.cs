namespace OrleansTempo.Core.Distributor;

/// <summary>
/// The tenants that have sent something to this process within the last hour, each with its rate limiter, and how many they may be: whoever may name a
/// tenant could otherwise fill the memory with tenants of one span each. Safe to call from any thread.
/// </summary>
/// <param name="max">How many tenants are let in that nothing is configured for; 0 for any number.</param>
/// <param name="isKnown">Whether something is configured for a tenant, which is let in then however many there are.</param>
/// <param name="time">The clock.</param>
public sealed class ActiveTenants(int max, Func<TenantId, bool> isKnown, TimeProvider time)
{
    private static readonly TimeSpan s_activeFor = TimeSpan.FromHours(1);

    // Whoever is forgotten begins with a full burst again.
    private readonly RecentTable<TenantId, RateLimiter> _limiters = new(s_activeFor, time) { MayForget = static limiter => limiter.IsFull };

    /// <summary>How many tenants nothing is configured for may be active.</summary>
    public int Max => max;

    /// <summary>How many there are.</summary>
    public int Count => _limiters.Count;

    /// <summary>The tenant's rate limiter; null where it is new, and there are as many tenants as there may be.</summary>
    internal RateLimiter? Admit(TenantId tenant)
    {
        if (_limiters.Find(tenant) is { } limiter)
            return limiter;
        return max > 0 && _limiters.Count >= max && !isKnown(tenant) ? null : _limiters.GetOrAdd(tenant, static (_, t) => new RateLimiter(t), time);
    }
}
