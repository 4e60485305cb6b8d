namespace OrleansTempo.Core.Configuration.Storage;

/// <summary><c>storage</c>.</summary>
public sealed record StorageOptions
{
    public TraceStorageOptions Trace { get; init; } = new();
}

/// <summary><c>storage.trace</c>: where traces are kept.</summary>
public sealed record TraceStorageOptions
{
    /// <summary><see cref="Backend"/>: a directory.</summary>
    public const string LocalBackend = "local";

    /// <summary><see cref="Backend"/>: a container of Azure Blob Storage.</summary>
    public const string AzureBackend = "azure";

    [Option(IsSpecial = true)]
    public string Backend { get; init; } = LocalBackend;

    /// <summary><c>local.path</c>: the directory of blocks.</summary>
    [Option(Key = "local.path")]
    public string LocalPath { get; init; } = "data/blocks";

    public AzureStorageOptions Azure { get; init; } = new();

    public WalOptions Wal { get; init; } = new();

    /// <summary>How often the list of blocks is read again.</summary>
    [Option(EmptyIsDefault = true, AtLeast = "100ms", AtMost = OptionAttribute.LongestWait)]
    public TimeSpan BlocklistPoll { get; init; } = TimeSpan.FromMinutes(5);
}
