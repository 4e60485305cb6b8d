using System.Runtime.InteropServices;

namespace OrleansTempo.Core.Objects;

/// <summary>
/// Makes a directory's entries durable. On Unix, a flushed file can still vanish after a power loss, because its name was not flushed; Windows
/// journals names itself and has no call for it.
/// </summary>
internal static partial class DirectorySync
{
    private const int ReadOnly = 0;
    private const int Interrupted = 4;
    private const int Invalid = 22;

    /// <exception cref="IOException">The directory does not exist, or the disk fails; <see cref="Exception.HResult"/> is the system's error number.</exception>
    public static void Flush(string directory)
    {
        if (OperatingSystem.IsWindows())
            return;

        int descriptor;
        do
            descriptor = Open(directory, ReadOnly);
        while (descriptor < 0 && Marshal.GetLastPInvokeError() == Interrupted);
        if (descriptor < 0)
            throw Failed(directory, Marshal.GetLastPInvokeError());

        try
        {
            while (Sync(descriptor) != 0)
            {
                // Some network file systems cannot flush a directory and report it with this error; they offer nothing better.
                var error = Marshal.GetLastPInvokeError();
                if (error == Invalid)
                    return;
                if (error != Interrupted)
                    throw Failed(directory, error);
            }
        }
        finally
        {
            _ = Close(descriptor);
        }
    }

    private static IOException Failed(string directory, int error) =>
        new($"the directory '{directory}' cannot be flushed to disk: {Marshal.GetPInvokeErrorMessage(error)}", error);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Sync(int descriptor);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int Close(int descriptor);
}
