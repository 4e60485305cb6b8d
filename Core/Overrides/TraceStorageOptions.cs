namespace OrleansTempo.Core.Overrides;

/// <summary><c>storage.trace</c>: where traces are kept.</summary>
public sealed record TraceStorageOptions
{
    /// <summary>The only backend there is so far: <c>local</c>.</summary>
    public const string Local = "local";

    public string Backend { get; init; } = Local;

    /// <summary><c>local.path</c>: the directory of blocks; empty where none was named.</summary>
    public string LocalPath { get; init; } = "";

    /// <summary><c>wal.path</c>: the directory of the write-ahead log; empty where none was named.</summary>
    public string WalPath { get; init; } = "";
}
