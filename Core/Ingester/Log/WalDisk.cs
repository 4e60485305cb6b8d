using Microsoft.Win32.SafeHandles;
using OrleansTempo.Core.Objects;

namespace OrleansTempo.Core.Ingester.Log;

/// <summary>The disk operations of the write-ahead log, so that tests can make them fail.</summary>
internal class WalDisk
{
    /// <summary>Creates a log file under a name that does not exist yet.</summary>
    public virtual SafeFileHandle Create(string path) =>
        File.OpenHandle(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.Read | FileShare.Delete);

    /// <summary>Writes all parts one after another, entirely or with an exception.</summary>
    public virtual void Write(SafeFileHandle file, IReadOnlyList<ReadOnlyMemory<byte>> parts, long offset)
    {
        // A single part allocates nothing.
        if (parts.Count == 1)
            RandomAccess.Write(file, parts[0].Span, offset);
        else
            RandomAccess.Write(file, parts, offset);
    }

    public virtual void SetLength(SafeFileHandle file, long length) => RandomAccess.SetLength(file, length);

    public virtual void Flush(SafeFileHandle file) => RandomAccess.FlushToDisk(file);

    public virtual void FlushDirectory(string directory) => DirectorySync.Flush(directory);
}
