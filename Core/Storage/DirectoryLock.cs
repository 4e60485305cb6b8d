using System.Globalization;
using System.Text;

namespace OrleansTempo.Core.Storage;

/// <summary>
/// Keeps a second process out of a directory. The operating system holds the lock, for as long as the process lives
/// and no longer; that the file is there means nothing.
/// </summary>
internal sealed class DirectoryLock : IDisposable
{
    private const int SharingViolation = unchecked((int)0x80070020);
    private const int WouldBlockOnLinux = 11;
    private const int WouldBlockOnMac = 35;

    private readonly FileStream _file;

    private DirectoryLock(FileStream file) => _file = file;

    /// <summary>Takes the lock; null where another has it.</summary>
    public static DirectoryLock? TryTake(string directory)
    {
        FileStream file;
        try
        {
            // Unbuffered, so that closing it has nothing left to write.
            file = new FileStream(Path.Combine(directory, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 0);
        }
        catch (IOException e) when (e.HResult is SharingViolation or WouldBlockOnLinux or WouldBlockOnMac)
        {
            return null;
        }

        try
        {
            // For whoever looks which process that is.
            file.SetLength(0);
            file.Write(Encoding.ASCII.GetBytes(Environment.ProcessId.ToString(CultureInfo.InvariantCulture)));
        }
        catch (IOException)
        {
            // On a full disk what is there can still be read and deleted.
        }

        return new DirectoryLock(file);
    }

    public void Dispose() => _file.Dispose();
}
