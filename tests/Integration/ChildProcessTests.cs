using System.Diagnostics;
using System.Globalization;

namespace OrleansTempo.Integration;

/// <summary>What the other tests rely on when they start programs: no wait for one is endless.</summary>
public class ChildProcessTests
{
    [Fact]
    public async Task A_program_whose_own_child_keeps_its_output_open_has_ended_all_the_same()
    {
        if (OperatingSystem.IsWindows())
            return;
        await using var shell = ChildProcess.Start("sh", ["-c", "sleep 60 & echo $!"], "/");
        try
        {
            Assert.Equal(0, await shell.WaitForExitAsync(TimeSpan.FromSeconds(50)));
        }
        finally
        {
            using var orphan = Process.GetProcessById(int.Parse(shell.Output, CultureInfo.InvariantCulture));
            orphan.Kill();
        }
    }

    [Fact]
    public async Task A_program_that_does_not_end_fails_with_its_name_and_what_it_printed()
    {
        if (OperatingSystem.IsWindows())
            return;
        await using var shell = ChildProcess.Start("sh", ["-c", "echo hello; exec sleep 600"], "/");
        await Eventually.GetAsync(() => Task.FromResult(shell.Output), static output => output.Length > 0, static _ => "it printed nothing");

        var failure = await Assert.ThrowsAsync<TimeoutException>(() => shell.WaitForExitAsync(TimeSpan.FromMilliseconds(100)));

        Assert.Equal("sh -c echo hello; exec sleep 600 is still running after 0.1 s; it printed:\nhello\n", failure.Message);
    }
}
