namespace OrleansTempo.Core.Configuration.Storage;

/// <summary>Where the write-ahead log is kept.</summary>
public enum WalType
{
    /// <summary>In files of a directory that only this process uses.</summary>
    File,

    /// <summary>In the object store, a small object a commit, so that another machine can go on where this one died.</summary>
    Object,
}
