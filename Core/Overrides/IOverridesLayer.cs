using OrleansTempo.Core.Configuration.Overrides;

namespace OrleansTempo.Core.Overrides;

/// <summary>What one tenant has set for itself, ready to be laid over what the operator has set for it.</summary>
public interface IOverridesLayer
{
    /// <summary>The operator's overrides with these laid over them, key by key; the operator's alone where both together are not possible. Never throws.</summary>
    TenantOverrides Over(TenantOverrides operators);
}
