using System.Globalization;
using System.Text;

namespace OrleansTempo.Core.Objects;

/// <summary>
/// Keeps other processes out of a directory: all of them, or only those that want it exclusively. The operating system holds the lock, exactly as
/// long as the process lives; the presence of the file means nothing.
/// <code>
///                          exclusive lock held  shared lock held
///   exclusive requested    refused              refused
///   shared requested       refused              granted
/// </code>
/// </summary>
internal sealed class DirectoryLock : IDisposable
{
    private const int SharingViolation = unchecked((int)0x80070020);
    private const int WouldBlockOnLinux = 11;
    private const int WouldBlockOnMac = 35;

    private readonly FileStream _file;

    private DirectoryLock(FileStream file) => _file = file;

    /// <summary>Locks the directory exclusively, with the file <c>lock</c> in it; null if another process has it.</summary>
    public static DirectoryLock? TryAcquire(string directory) => TryAcquire(directory, "lock", isShared: false);

    /// <summary>Takes the lock; null if another process holds one that excludes it.</summary>
    /// <param name="directory">The directory, which must exist.</param>
    /// <param name="file">The name of the lock file in it.</param>
    /// <param name="isShared">Whether other processes may hold it too, also shared.</param>
    public static DirectoryLock? TryAcquire(string directory, string file, bool isShared)
    {
        // A shared lock must not request write access: network volumes refuse it then. Unbuffered, so that closing it has nothing left to write.
        var (access, share) = isShared ? (FileAccess.Read, FileShare.Read) : (FileAccess.ReadWrite, FileShare.None);
        FileStream locked;
        try
        {
            locked = new FileStream(Path.Combine(directory, file), FileMode.OpenOrCreate, access, share, bufferSize: 0);
        }
        catch (IOException e) when (e.HResult is SharingViolation or WouldBlockOnLinux or WouldBlockOnMac)
        {
            return null;
        }

        if (!isShared)
            WriteProcess(locked);
        return new DirectoryLock(locked);
    }

    public void Dispose() => _file.Dispose();

    // For people who want to know which process it is.
    private static void WriteProcess(FileStream file)
    {
        try
        {
            file.SetLength(0);
            file.Write(Encoding.ASCII.GetBytes(Environment.ProcessId.ToString(CultureInfo.InvariantCulture)));
        }
        catch (IOException)
        {
            // Ignored: even on a full disk, objects can still be read and deleted.
        }
    }
}
