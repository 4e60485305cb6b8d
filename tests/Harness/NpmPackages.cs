namespace OrleansTempo.Harness;

/// <summary>
/// The npm packages of a lock file, installed beside it: once for a lock file, whose copy among the packages says that it is done. It is to
/// be asked while tests are looked for, because only then can a test still be skipped.
/// </summary>
internal static class NpmPackages
{
    // What a busy machine with an empty cache takes is a minute.
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);

    /// <summary>Why they cannot be installed; null where they are there.</summary>
    /// <param name="folder">The folder of <c>package-lock.json</c>.</param>
    public static string? Install(string folder)
    {
        if (Tool.Find("node") is null)
            return "node is not on the PATH";
        if (Tool.Find("npm") is not { } npm)
            return "npm is not on the PATH";

        var wanted = File.ReadAllText(Path.Combine(folder, "package-lock.json"));
        var installed = Path.Combine(folder, "node_modules", "installed-lock.json");
        if (File.Exists(installed) && File.ReadAllText(installed) == wanted)
            return null;

        var (exitCode, output) = Task.Run(() => RunAsync(npm, folder)).GetAwaiter().GetResult();
        if (exitCode != 0)
            return "npm ci failed: " + output.Split('\n').FirstOrDefault(line => line.Contains("error", StringComparison.OrdinalIgnoreCase), output).Trim();
        File.WriteAllText(installed, wanted);
        return null;
    }

    private static async Task<(int ExitCode, string Output)> RunAsync(string npm, string folder)
    {
        await using var process = ChildProcess.Start(npm, ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], folder);
        try
        {
            return (await process.WaitForExitAsync(Limit), process.Output);
        }
        catch (TimeoutException e)
        {
            return (-1, "error: " + e.Message);
        }
    }
}
