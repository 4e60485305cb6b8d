using System.Diagnostics;
using System.Globalization;
using OrleansTempo.Core.Objects;

namespace OrleansTempo.Core.Tests.Objects;

public sealed class DirectoryLockTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("lock").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(false, false, false)]
    [InlineData(false, true, false)]
    [InlineData(true, false, false)]
    [InlineData(true, true, true)]
    public void Only_shared_locks_are_held_together(bool isFirstShared, bool isSecondShared, bool isTaken)
    {
        using (var first = DirectoryLock.TryAcquire(_folder, "~lock", isFirstShared))
        {
            Assert.NotNull(first);
            using var second = DirectoryLock.TryAcquire(_folder, "~lock", isSecondShared);
            Assert.Equal(isTaken, second is not null);
        }

        using var after = DirectoryLock.TryAcquire(_folder, "~lock", isSecondShared);
        Assert.NotNull(after);
    }

    [Fact]
    public void An_exclusive_lock_waits_for_the_last_shared_one()
    {
        var first = DirectoryLock.TryAcquire(_folder, "~lock", isShared: true);
        using (DirectoryLock.TryAcquire(_folder, "~lock", isShared: true))
        {
            first!.Dispose();
            Assert.Null(DirectoryLock.TryAcquire(_folder, "~lock", isShared: false));
        }

        using (var exclusive = DirectoryLock.TryAcquire(_folder, "~lock", isShared: false))
            Assert.NotNull(exclusive);
        Assert.Equal(Environment.ProcessId.ToString(CultureInfo.InvariantCulture), File.ReadAllText(Path.Combine(_folder, "~lock")));
    }

    [Theory]
    [InlineData("-s", true)]
    [InlineData("-x", false)]
    public void Another_process_s_lock_counts_until_that_process_is_killed(string how, bool isSharedTaken)
    {
        if (!OperatingSystem.IsLinux() || !File.Exists("/usr/bin/flock"))
            return;
        using var other = Process.Start(new ProcessStartInfo("/usr/bin/flock", ["--no-fork", how, Path.Combine(_folder, "~lock"), "sh", "-c", "echo held; exec sleep 600"]) { RedirectStandardOutput = true })!;
        try
        {
            Assert.Equal("held", other.StandardOutput.ReadLine());
            Assert.Null(DirectoryLock.TryAcquire(_folder, "~lock", isShared: false));
            using var shared = DirectoryLock.TryAcquire(_folder, "~lock", isShared: true);
            Assert.Equal(isSharedTaken, shared is not null);
        }
        finally
        {
            other.Kill();
            Assert.True(other.WaitForExit(TimeSpan.FromSeconds(30)));
        }

        using var after = DirectoryLock.TryAcquire(_folder, "~lock", isShared: false);
        Assert.NotNull(after);
    }
}
