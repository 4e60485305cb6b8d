namespace OrleansTempo.Core.Configuration.Storage;

/// <summary><c>storage.trace.wal</c>: the process's write-ahead log.</summary>
public sealed record WalOptions
{
    /// <summary>The directory of the log's segments, and with <see cref="WalType.Object"/> of what lets a process take up its stream when it starts again.</summary>
    [Option(IsSpecial = true)]
    public string Path { get; init; } = "data/wal";

    /// <summary>When what was written is also forced to the disk.</summary>
    public WalSync Sync { get; init; } = WalSync.Interval;

    /// <summary>The longest that a power loss may cost with <see cref="WalSync.Interval"/>.</summary>
    [Option(AtLeast = "1ms", AtMost = OptionAttribute.LongestWait)]
    public TimeSpan SyncInterval { get; init; } = TimeSpan.FromMilliseconds(200);

    /// <summary>The size at which the next segment is begun, in bytes.</summary>
    [Option(Min = 64 << 10, Max = 1 << 30)]
    public long SegmentBytes { get; init; } = 64 << 20;

    /// <summary>Where the log is kept; null for what suits the process: a directory where it runs alone, the object store in a cluster, where others must find its log when it is gone.</summary>
    public WalType? Type { get; init; }

    /// <summary>
    /// With <see cref="WalType.Object"/>: the least time from the beginning of one put to that of the next, and so the longest an append waits for others to
    /// share its put; null for what suits the store: nothing in a directory, 20 ms where each put is paid for.
    /// </summary>
    [Option(AtLeast = "1ms", AtMost = "10s")]
    public TimeSpan? CommitInterval { get; init; }

    /// <summary>With <see cref="WalType.Object"/>: the size at which an object is put before that time has passed.</summary>
    [Option(Min = 4 << 10, Max = 256 << 20)]
    public int CommitBytes { get; init; } = 4 << 20;
}

/// <summary>When the write-ahead log is forced to the disk. Whatever it is, a record that was acknowledged survives the process.</summary>
public enum WalSync
{
    /// <summary>Before every acknowledgement.</summary>
    Always,

    /// <summary>Every <see cref="WalOptions.SyncInterval"/>.</summary>
    Interval,

    /// <summary>When the operating system sees fit.</summary>
    Never,
}

/// <summary>Where the write-ahead log is kept.</summary>
public enum WalType
{
    /// <summary>In files of a directory that only this process uses.</summary>
    File,

    /// <summary>In the object store, a small object a commit, so that another machine can go on where this one died.</summary>
    Object,
}
