using System.Globalization;

namespace OrleansTempo.Harness;

/// <summary>A file system in memory of a chosen size, which can be made larger while it is in use. Only root may mount one.</summary>
internal sealed class SmallDisk : IAsyncDisposable
{
    private static readonly Lazy<string?> s_missing = new(TryMount);

    private readonly TemporaryFolder _folder = new();

    private SmallDisk()
    {
    }

    /// <summary>Why there can be none here; null where there can.</summary>
    public static string? Missing => s_missing.Value;

    public string Path => _folder.Path;

    public static async Task<SmallDisk> MountAsync(long bytes)
    {
        var disk = new SmallDisk();
        await RunAsync("mount", "-t", "tmpfs", "-o", Size(bytes), "tmpfs", disk.Path);
        return disk;
    }

    public Task ResizeAsync(long bytes) => RunAsync("mount", "-o", "remount," + Size(bytes), Path);

    public async ValueTask DisposeAsync()
    {
        // Whatever still has a file open here: it is gone with its last user.
        await RunAsync("umount", "--lazy", Path);
        _folder.Dispose();
    }

    private static string Size(long bytes) => string.Create(CultureInfo.InvariantCulture, $"size={bytes}");

    // Tried, because a container's root may be kept from it.
    private static string? TryMount()
    {
        if (!OperatingSystem.IsLinux())
            return "a file system of a chosen size can be mounted on Linux only";
        try
        {
            Task.Run(async () =>
            {
                await using var disk = await MountAsync(1 << 20);
            }).GetAwaiter().GetResult();
            return null;
        }
        catch (Exception e) when (e is InvalidOperationException or System.ComponentModel.Win32Exception)
        {
            return "no file system can be mounted here: " + e.Message;
        }
    }

    private static async Task RunAsync(string program, params string[] arguments)
    {
        await using var process = ChildProcess.Start(program, arguments, "/");
        if (await process.WaitForExitAsync() != 0)
            throw new InvalidOperationException($"{program} {string.Join(' ', arguments)}: {process.Output.Trim()}");
    }
}
