namespace OrleansTempo.Integration.Harness;

/// <summary>The scripts in <c>js/</c> of the build output, with the packages of their lock file installed beside them.</summary>
internal static class NodeScripts
{
    private static readonly string Folder = Path.Combine(AppContext.BaseDirectory, "js");
    private static readonly Lazy<string?> Installation = new(Install);

    /// <summary>Why no script can run here; null where they can.</summary>
    public static string? Missing => Installation.Value;

    public static async Task<(int ExitCode, string Output)> RunAsync(string script, params string[] arguments)
    {
        await using var node = ChildProcess.Start("node", [script, .. arguments], Folder);
        return (await node.WaitForExitAsync(), node.Output);
    }

    // Runs while tests are looked for, because only then can a test still be skipped: once for a lock file, whose copy in
    // the folder says that it is done.
    private static string? Install()
    {
        if (Tool.Find("node") is null)
            return "node is not on the PATH";
        if (Tool.Find("npm") is not { } npm)
            return "npm is not on the PATH";

        var wanted = File.ReadAllText(Path.Combine(Folder, "package-lock.json"));
        var installed = Path.Combine(Folder, "node_modules", "installed-lock.json");
        if (File.Exists(installed) && File.ReadAllText(installed) == wanted)
            return null;

        var (exitCode, output) = Task.Run(async () =>
        {
            await using var process = ChildProcess.Start(npm, ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], Folder);
            return (await process.WaitForExitAsync(TimeSpan.FromMinutes(3)), process.Output);
        }).GetAwaiter().GetResult();
        if (exitCode != 0)
            return "npm ci failed: " + output.Split('\n').FirstOrDefault(line => line.Contains("error", StringComparison.OrdinalIgnoreCase), output).Trim();
        File.WriteAllText(installed, wanted);
        return null;
    }
}
