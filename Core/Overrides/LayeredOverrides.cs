using OrleansTempo.Core.Configuration.Overrides;

namespace OrleansTempo.Core.Overrides;

/// <summary>
/// The operator's overrides with those laid over them that tenants have set for themselves:
/// <code>
///   defaults  &lt;  per-tenant file (its entry, or that of *)  &lt;  a tenant's own layer
///   └────────────── Operators ───────────────────────────┘
/// </code>
/// </summary>
/// <remarks>
/// A lookup reads dictionaries that are never changed, only replaced. What a tenant comes to is worked out when its layer or the
/// operator's part of it changes, and stays the same instance otherwise.
/// </remarks>
public sealed class LayeredOverrides : IOverrides, IDisposable
{
    private readonly Lock _changing = new();
    private Dictionary<TenantId, Layered> _tenants = [];
    private long _version;

    public LayeredOverrides(IOverrides operators)
    {
        Operators = operators;
        operators.Changed += FollowOperators;
    }

    public event Action? Changed;

    /// <summary>What holds without the layers.</summary>
    public IOverrides Operators { get; }

    /// <summary>The tenants that have a layer.</summary>
    public IReadOnlyCollection<TenantId> Tenants => Volatile.Read(ref _tenants).Keys;

    public long Version => Volatile.Read(ref _version);

    public TenantOverrides For(TenantId tenant) =>
        Volatile.Read(ref _tenants).TryGetValue(tenant, out var layered) ? layered.Result : Operators.For(tenant);

    public bool Knows(TenantId tenant) => Volatile.Read(ref _tenants).ContainsKey(tenant) || Operators.Knows(tenant);

    /// <summary>The tenant's own layer; null where it has none.</summary>
    public IOverridesLayer? LayerOf(TenantId tenant) => Volatile.Read(ref _tenants).GetValueOrDefault(tenant)?.Layer;

    /// <summary>Gives tenants other layers, or takes them away where there is null; the others keep theirs.</summary>
    public void Set(IReadOnlyCollection<KeyValuePair<TenantId, IOverridesLayer?>> layers)
    {
        var changed = false;
        lock (_changing)
        {
            var tenants = new Dictionary<TenantId, Layered>(_tenants);
            foreach (var (tenant, layer) in layers)
            {
                var former = tenants.GetValueOrDefault(tenant);
                if (ReferenceEquals(former?.Layer, layer))
                    continue;
                changed = true;
                if (layer is null)
                    tenants.Remove(tenant);
                else
                    tenants[tenant] = Lay(layer, Operators.For(tenant), former);
            }

            if (changed)
                Publish(tenants);
        }
    }

    public void Dispose() => Operators.Changed -= FollowOperators;

    private void FollowOperators()
    {
        lock (_changing)
        {
            var tenants = new Dictionary<TenantId, Layered>(_tenants.Count);
            foreach (var (tenant, former) in _tenants)
            {
                var operators = Operators.For(tenant);
                tenants[tenant] = ReferenceEquals(operators, former.Operators) ? former : Lay(former.Layer, operators, former);
            }

            Publish(tenants);
        }
    }

    // Within the lock, so that whoever hears of two changes hears of one after the other.
    private void Publish(Dictionary<TenantId, Layered> tenants)
    {
        Volatile.Write(ref _tenants, tenants);
        Interlocked.Increment(ref _version);
        Changed?.Invoke();
    }

    private static Layered Lay(IOverridesLayer layer, TenantOverrides operators, Layered? former)
    {
        var result = layer.Over(operators);
        return new Layered(layer, operators, former is not null && former.Result.Equals(result) ? former.Result : result);
    }

    private sealed record Layered(IOverridesLayer Layer, TenantOverrides Operators, TenantOverrides Result);
}
