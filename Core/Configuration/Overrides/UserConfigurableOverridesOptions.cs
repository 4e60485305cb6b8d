using OrleansTempo.Core.Configuration.Storage;

namespace OrleansTempo.Core.Configuration.Overrides;

/// <summary><c>overrides.user_configurable_overrides</c>: what tenants set for themselves, by <c>/api/overrides</c>.</summary>
public sealed record UserConfigurableOverridesOptions
{
    public bool Enabled { get; init; }

    /// <summary>How often every process reads them from the object store again.</summary>
    [Option(AtLeast = "100ms", AtMost = OptionAttribute.LongestWait)]
    public TimeSpan PollInterval { get; init; } = TimeSpan.FromMinutes(1);

    public UserConfigurableOverridesClientOptions Client { get; init; } = new();

    public UserConfigurableOverridesApiOptions Api { get; init; } = new();
}

/// <summary><c>overrides.user_configurable_overrides.client</c>: where user-configurable overrides are kept.</summary>
public sealed record UserConfigurableOverridesClientOptions
{
    /// <summary>As <see cref="TraceStorageOptions.Backend"/>; empty for the object store of the traces.</summary>
    public string Backend { get; init; } = "";

    /// <summary><c>local.path</c>: a directory of their own; empty for that of the blocks.</summary>
    [Option(Key = "local.path")]
    public string LocalPath { get; init; } = "";

    /// <summary>A container of their own; without anything in it that of the blocks.</summary>
    public AzureStorageOptions Azure { get; init; } = new();

    /// <summary>The object store of their own, in the words of the traces'; null where they share it with the traces.</summary>
    public TraceStorageOptions? OwnStore(TraceStorageOptions traces)
    {
        if (Backend.Length == 0)
            return null;
        var own = Backend == TraceStorageOptions.LocalBackend ? LocalPath.Length > 0 && LocalPath != traces.LocalPath : Azure != new AzureStorageOptions();
        return own || Backend != traces.Backend ? traces with { Backend = Backend, LocalPath = LocalPath, Azure = Azure } : null;
    }
}

/// <summary><c>overrides.user_configurable_overrides.api</c>.</summary>
public sealed record UserConfigurableOverridesApiOptions
{
    /// <summary>Refuses a tenant's first overrides where the operator has set any of the same fields for it, processors aside.</summary>
    public bool CheckForConflictingRuntimeOverrides { get; init; }
}
