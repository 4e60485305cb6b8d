using OrleansTempo.Core.Configuration.Overrides;

namespace OrleansTempo.Core.Overrides;

/// <summary>The limits and settings of each tenant, which may change while the process runs.</summary>
public interface IOverrides
{
    /// <summary>What holds for this tenant now. A dictionary read: it never blocks and never allocates, so it may be asked for every request.</summary>
    TenantOverrides For(TenantId tenant);

    /// <summary>Whether anything is set for this tenant in particular.</summary>
    bool Knows(TenantId tenant);

    /// <summary>Rises with every change, so a caller that remembers it need not compare.</summary>
    long Version { get; }

    /// <summary>Raised after every change, with <see cref="For"/> already answering anew, never twice at once; on any thread, so handlers are short and do not throw.</summary>
    event Action? Changed;
}

/// <summary>What one tenant has set for itself, ready to be laid over what the operator has set for it.</summary>
public interface IOverridesLayer
{
    /// <summary>The operator's overrides with these laid over them, key by key; the operator's alone where both together are not possible. Never throws.</summary>
    TenantOverrides Over(TenantOverrides operators);
}
