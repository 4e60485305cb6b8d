namespace OrleansTempo.Core.Overrides;

/// <summary><c>storage.trace</c>: where traces are kept.</summary>
public sealed record TraceStorageOptions
{
    /// <summary>A directory.</summary>
    public const string Local = "local";

    /// <summary>A container of Azure Blob Storage.</summary>
    public const string Azure = "azure";

    public string Backend { get; init; } = Local;

    /// <summary><c>local.path</c>: the directory of blocks.</summary>
    public string LocalPath { get; init; } = "data/blocks";

    public WalOptions Wal { get; init; } = new();

    /// <summary>How often the list of blocks is read again.</summary>
    public TimeSpan BlocklistPoll { get; init; } = TimeSpan.FromMinutes(5);
}
