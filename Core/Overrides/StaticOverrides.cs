using OrleansTempo.Core.Configuration.Overrides;

namespace OrleansTempo.Core.Overrides;

/// <summary>The same overrides for every tenant, for good: what an operator has set where no <c>per_tenant_override_config</c> is named.</summary>
public sealed class StaticOverrides(TenantOverrides defaults) : IOverrides
{
    public long Version => 0;

    /// <summary>Never raised.</summary>
    public event Action? Changed
    {
        add { }
        remove { }
    }

    public TenantOverrides For(TenantId tenant) => defaults;

    public bool Knows(TenantId tenant) => false;
}
