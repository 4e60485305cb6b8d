namespace OrleansTempo.Cluster.Harness;

/// <summary>
/// The build before this one: the commit that the file <c>previous-build</c> names, checked out from this repository and built in a folder of its own. Whoever
/// releases a version writes its commit into that file.
/// </summary>
internal sealed class PreviousBuild : IDisposable
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(10);

    private readonly TemporaryFolder _folder = new();

    private PreviousBuild()
    {
    }

    /// <summary>Why there can be none here; null where there can.</summary>
    public static string? Missing { get; } = WhyMissing();

    /// <summary>As in <see cref="TempoSettings.Program"/>.</summary>
    public string Program => Path.Combine(_folder.Path, "Silo", "bin", "Release", "net10.0", "OrleansTempo.Silo.dll");

    private static string Commit => File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "previous-build")).Trim();

    private static string? Repository
    {
        get
        {
            var folder = new DirectoryInfo(AppContext.BaseDirectory);
            while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "OrleansTempo.sln")))
                folder = folder.Parent;
            return folder?.FullName;
        }
    }

    public static async Task<PreviousBuild> MakeAsync()
    {
        var build = new PreviousBuild();
        try
        {
            await RunAsync("sh", ["-c", $"git archive {Commit} | tar -x -C '{build._folder.Path}'"], Repository!);
            await RunAsync("dotnet", ["build", "Silo", "-c", "Release", "-v", "q", "-clp:NoSummary"], build._folder.Path);
            return build;
        }
        catch
        {
            build.Dispose();
            throw;
        }
    }

    public void Dispose() => _folder.Dispose();

    private static string? WhyMissing()
    {
        if (Tool.Find("git") is null || Repository is not { } repository)
            return "the previous build takes git and a clone of this repository";
        return Task.Run(async () =>
        {
            await using var git = ChildProcess.Start("git", ["cat-file", "-e", Commit + "^{commit}"], repository);
            return await git.WaitForExitAsync() == 0 ? null : $"this clone does not have the commit of the previous build: {git.Output.Trim()}";
        }).GetAwaiter().GetResult();
    }

    private static async Task RunAsync(string program, IReadOnlyList<string> arguments, string folder)
    {
        await using var process = ChildProcess.Start(program, arguments, folder);
        if (await process.WaitForExitAsync(s_limit) != 0)
            throw new InvalidOperationException($"{program} {string.Join(' ', arguments)}: {process.Output}");
    }
}
