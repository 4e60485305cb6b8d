namespace OrleansTempo.Core.Configuration.Storage;

/// <summary>When the write-ahead log is forced to the disk. Whatever it is, a record that was acknowledged survives the process.</summary>
public enum WalSync
{
    /// <summary>Every <see cref="WalOptions.SyncInterval"/>.</summary>
    Interval,

    /// <summary>Before every acknowledgement.</summary>
    Always,

    /// <summary>When the operating system sees fit.</summary>
    Never,
}
