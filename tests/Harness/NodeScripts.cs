namespace OrleansTempo.Harness;

/// <summary>The scripts in <c>js/</c> of the build output, with the packages of their lock file installed beside them.</summary>
internal static class NodeScripts
{
    private static readonly string Folder = Path.Combine(AppContext.BaseDirectory, "js");
    private static readonly Lazy<string?> Installation = new(static () => NpmPackages.Install(Folder));

    /// <summary>Why no script can run here; null where they can.</summary>
    public static string? Missing => Installation.Value;

    public static async Task<(int ExitCode, string Output)> RunAsync(string script, params string[] arguments)
    {
        await using var node = ChildProcess.Start("node", [script, .. arguments], Folder);
        return (await node.WaitForExitAsync(), node.Output);
    }
}
