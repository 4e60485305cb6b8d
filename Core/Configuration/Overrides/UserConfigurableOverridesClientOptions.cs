using OrleansTempo.Core.Configuration.Storage;

namespace OrleansTempo.Core.Configuration.Overrides;

/// <summary><c>overrides.user_configurable_overrides.client</c>: where user-configurable overrides are kept.</summary>
public sealed record UserConfigurableOverridesClientOptions
{
    /// <summary>As <see cref="TraceStorageOptions.Backend"/>; empty for the object store of the traces.</summary>
    public string Backend { get; init; } = "";

    /// <summary><c>local.path</c>: a directory of their own; empty for that of the blocks.</summary>
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
