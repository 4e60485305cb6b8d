namespace OrleansTempo.Integration.Harness;

/// <summary>The Standalone program, whose data is in its folder.</summary>
internal sealed class StandaloneProcess : TempoProcess
{
    private const string Program = "Standalone";

    private StandaloneProcess(TempoSettings settings) : base(Program, settings) => Environment = settings.Environment;

    protected override IReadOnlyDictionary<string, string> Environment { get; }

    public string WalFolder => Path.Combine(Folder, "data", "wal");

    public string BlocksFolder => Path.Combine(Folder, "data", "blocks");

    /// <summary>The files of its object store that are objects, from the store's folder on.</summary>
    public IReadOnlyList<string> StoredObjects =>
        [.. Directory.GetFiles(BlocksFolder, "*", SearchOption.AllDirectories).Select(path => Path.GetRelativePath(BlocksFolder, path)).Where(static name => !name.StartsWith('~'))];

    public static async Task<StandaloneProcess> StartAsync(TempoSettings settings)
    {
        var standalone = new StandaloneProcess(settings);
        try
        {
            await standalone.StartAgainAsync();
            return standalone;
        }
        catch
        {
            await standalone.DisposeAsync();
            throw;
        }
    }

    /// <summary>Runs it on a configuration or with arguments that end it by themselves; returns its exit code and all it printed.</summary>
    public static Task<(int ExitCode, string Output)> RunToEndAsync(string yaml, params string[] arguments) =>
        RunToEndAsync(Program, yaml, arguments, new Dictionary<string, string>());

    /// <summary>What a killed process was compacting stays claimed for five minutes more; after this they have passed.</summary>
    public void LetClaimsRunOut()
    {
        foreach (var claim in StoredObjects.Where(static name => Path.GetFileName(name) == "compactor"))
            File.Delete(Path.Combine(BlocksFolder, claim));
    }
}
