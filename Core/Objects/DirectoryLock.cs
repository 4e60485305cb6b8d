using System.Globalization;
using System.Text;

namespace OrleansTempo.Core.Objects;

/// <summary>
/// Keeps other processes out of a directory: all of them, or only those that want it for themselves. The operating system holds
/// the lock, for as long as the process lives and no longer; that the file is there means nothing.
/// <code>
///                          exclusive is held    shared is held
///   exclusive is asked     refused              refused
///   shared is asked        refused              taken
/// </code>
/// </summary>
internal sealed class DirectoryLock : IDisposable
{
    private const int SharingViolation = unchecked((int)0x80070020);
    private const int WouldBlockOnLinux = 11;
    private const int WouldBlockOnMac = 35;

    private readonly FileStream _file;

    private DirectoryLock(FileStream file) => _file = file;

    /// <summary>Takes the directory for this process alone, by the file <c>lock</c> in it; null where another has it.</summary>
    public static DirectoryLock? TryTake(string directory) => TryTake(directory, "lock", isShared: false);

    /// <summary>Takes the lock; null where another holds one that excludes it.</summary>
    /// <param name="directory">The directory, which must be there.</param>
    /// <param name="file">The name of the file in it that is locked.</param>
    /// <param name="isShared">Whether others may hold it too, shared like this one.</param>
    public static DirectoryLock? TryTake(string directory, string file, bool isShared)
    {
        // A shared lock must not ask for writing: network volumes refuse it then. Unbuffered, so that closing it has nothing left to write.
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

    // For whoever looks which process that is.
    private static void WriteProcess(FileStream file)
    {
        try
        {
            file.SetLength(0);
            file.Write(Encoding.ASCII.GetBytes(Environment.ProcessId.ToString(CultureInfo.InvariantCulture)));
        }
        catch (IOException)
        {
            // On a full disk what is there can still be read and deleted.
        }
    }
}
