using System.Net;

namespace OrleansTempo.Integration.Harness;

/// <summary>The built Standalone program, run as a user runs it: own process, own configuration file, own ports.</summary>
internal sealed class StandaloneProcess : IAsyncDisposable
{
    private const string Assembly = "OrleansTempo.Standalone.dll";

    private readonly TemporaryFolder _folder;
    private readonly ChildProcess _process;
    private readonly HttpClient _http = new() { Timeout = TimeSpan.FromSeconds(30) };
    private readonly int _apiPort;

    private StandaloneProcess(TemporaryFolder folder, ChildProcess process, string test, int apiPort, int grpcPort, int httpPort)
    {
        _folder = folder;
        _process = process;
        _apiPort = apiPort;
        Test = test;
        HttpEndpoint = new Uri($"http://127.0.0.1:{httpPort}");
        GrpcEndpoint = new Uri($"http://127.0.0.1:{grpcPort}");
        Sender = new OtlpSender(HttpEndpoint, GrpcEndpoint);
    }

    /// <summary>The external label <c>test</c> of its series.</summary>
    public string Test { get; }

    public Uri HttpEndpoint { get; }

    public Uri GrpcEndpoint { get; }

    public OtlpSender Sender { get; }

    public string Log => _process.Output;

    public static async Task<StandaloneProcess> StartAsync(StandaloneSettings settings)
    {
        var (apiPort, grpcPort, httpPort) = (FreePorts.Next(), FreePorts.Next(), FreePorts.Next());
        var folder = new TemporaryFolder();
        folder.Write("tempo.yaml", settings.ToYaml(apiPort, grpcPort, httpPort));
        string[] arguments = settings.Demo ? ["--config.file=tempo.yaml", "--demo"] : ["--config.file=tempo.yaml"];
        var standalone = new StandaloneProcess(folder, Launch(folder, arguments), settings.Test, apiPort, grpcPort, httpPort);
        try
        {
            await standalone.WaitUntilReadyAsync();
            return standalone;
        }
        catch
        {
            await standalone.DisposeAsync();
            throw;
        }
    }

    /// <summary>Runs it on a configuration or with arguments that end it by themselves; returns its exit code and all it printed.</summary>
    public static async Task<(int ExitCode, string Output)> RunToEndAsync(string yaml, params string[] arguments)
    {
        using var folder = new TemporaryFolder();
        folder.Write("tempo.yaml", yaml);
        await using var process = Launch(folder, ["--config.file=tempo.yaml", .. arguments]);
        return (await process.WaitForExitAsync(), process.Output);
    }

    public async Task<HttpStatusCode> ReadyAsync()
    {
        using var response = await _http.GetAsync(Api("/ready"));
        return response.StatusCode;
    }

    /// <summary>The service's own metrics.</summary>
    public async Task<SeriesValues> OwnMetricsAsync() => SeriesValues.Parse(await _http.GetStringAsync(Api("/metrics")));

    /// <summary>What it generated, from its scrape page, without the external label; nothing where the tenant has no generator yet (404).</summary>
    public async Task<SeriesValues> GeneratedAsync()
    {
        using var response = await _http.GetAsync(Api("/generator/metrics"));
        return response.StatusCode == HttpStatusCode.NotFound
            ? []
            : SeriesValues.Parse(await response.EnsureSuccessStatusCode().Content.ReadAsStringAsync()).Without("test", Test);
    }

    /// <summary>What it generated, as <paramref name="prometheus"/> has it now, without the external label.</summary>
    public async Task<SeriesValues> StoredAsync(PrometheusProcess prometheus) =>
        (await prometheus.QueryAsync($"{{__name__=~\"traces_.+\",test=\"{Test}\"}}")).Without("test", Test);

    public async Task<double> CollectionsAsync() => (await OwnMetricsAsync()).Sum("tempo_metrics_generator_registry_collections_total");

    /// <summary>Waits until it has collected <paramref name="count"/> times more.</summary>
    public async Task CollectAsync(int count)
    {
        var goal = await CollectionsAsync() + count;
        await Eventually.GetAsync(CollectionsAsync, collections => collections >= goal, collections => $"{collections} collections of {goal}:\n{Log}");
    }

    /// <summary>Stops it in order; returns its exit code.</summary>
    public Task<int> TerminateAsync() => _process.TerminateAsync();

    public async ValueTask DisposeAsync()
    {
        await _process.DisposeAsync();
        Sender.Dispose();
        _http.Dispose();
        _folder.Dispose();
    }

    private async Task WaitUntilReadyAsync() => await Eventually.GetAsync(
        async () =>
        {
            if (_process.HasExited)
                throw new InvalidOperationException($"Standalone exited with {_process.ExitCode}:\n{Log}");
            try
            {
                return await ReadyAsync() == HttpStatusCode.OK;
            }
            catch (HttpRequestException)
            {
                return false;
            }
        },
        ready => ready,
        _ => $"Standalone is not ready:\n{Log}");

    private Uri Api(string path) => new($"http://127.0.0.1:{_apiPort}{path}");

    private static ChildProcess Launch(TemporaryFolder folder, IEnumerable<string> arguments) => ChildProcess.Start(
        Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet",
        ["exec", AssemblyPath(), .. arguments],
        folder.Path);

    // Standalone's own output folder, built in the configuration these tests were built in; where the output was sent
    // elsewhere, the copy that the project reference put beside the tests.
    private static string AssemblyPath()
    {
        var tests = new DirectoryInfo(AppContext.BaseDirectory);
        for (var folder = tests; folder is not null; folder = folder.Parent)
        {
            if (!File.Exists(Path.Combine(folder.FullName, "OrleansTempo.sln")))
                continue;
            var path = Path.Combine(folder.FullName, "Standalone", "bin", tests.Parent!.Name, tests.Name, Assembly);
            if (File.Exists(path))
                return path;
        }

        return Path.Combine(AppContext.BaseDirectory, Assembly);
    }
}
