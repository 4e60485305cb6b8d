using System.Net;

namespace OrleansTempo.Integration.Harness;

/// <summary>
/// One of our built programs, run as a user runs it: own process, own configuration file, own ports. It can be stopped or
/// killed, and started again on the same folder.
/// </summary>
internal abstract class TempoProcess : IAsyncDisposable
{
    private readonly string _program;
    private readonly TempoSettings _settings;
    private readonly TemporaryFolder _folder = new();

    // Long enough for a flush whose next try comes half a minute later.
    private readonly HttpClient _http = new() { Timeout = TimeSpan.FromSeconds(90) };
    private readonly List<ChildProcess> _runs = [];
    private int _apiPort;

    /// <param name="program">The folder of its project, such as <c>Standalone</c>.</param>
    /// <param name="settings">Its configuration.</param>
    protected TempoProcess(string program, TempoSettings settings)
    {
        _program = program;
        _settings = settings;
        TakePorts();
    }

    /// <summary>What it finds in its environment besides what these tests have in theirs.</summary>
    protected virtual IReadOnlyDictionary<string, string> Environment => new Dictionary<string, string>();

    /// <summary>The external label <c>test</c> of its series.</summary>
    public string Test => _settings.Test;

    public Uri HttpEndpoint { get; private set; } = null!;

    public Uri GrpcEndpoint { get; private set; } = null!;

    public OtlpSender Sender { get; private set; } = null!;

    public TraceReader Traces { get; private set; } = null!;

    /// <summary>The log of all its runs.</summary>
    public string Log => string.Concat(_runs.Select(run => run.Output));

    /// <summary>The log since it was last started.</summary>
    public string LogOfThisRun => _runs[^1].Output;

    /// <summary>Its working directory.</summary>
    public string Folder => _folder.Path;

    /// <summary>Starts it, after it has ended, and waits until it is ready.</summary>
    public async Task StartAgainAsync()
    {
        Launch();
        await WaitUntilReadyAsync();
    }

    /// <summary>Starts it, after it has ended, and does not wait.</summary>
    public void Launch()
    {
        string[] arguments = _settings.Demo ? ["--config.file=tempo.yaml", "--demo"] : ["--config.file=tempo.yaml"];
        _runs.Add(Launch(_program, _folder, arguments, Environment));
    }

    /// <summary>From the next start on it listens on other ports.</summary>
    public void TakePorts()
    {
        (_apiPort, var grpcPort, var httpPort) = (FreePorts.Next(), FreePorts.Next(), FreePorts.Next());
        HttpEndpoint = new Uri($"http://127.0.0.1:{httpPort}");
        GrpcEndpoint = new Uri($"http://127.0.0.1:{grpcPort}");
        Sender?.Dispose();
        Sender = new OtlpSender(HttpEndpoint, GrpcEndpoint);
        Traces?.Dispose();
        Traces = new TraceReader(Api("/"));
        _folder.Write("tempo.yaml", _settings.ToYaml(_apiPort, grpcPort, httpPort));
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

    /// <summary>Cuts all there is, of one tenant or of all, and waits until it is in blocks.</summary>
    public async Task<HttpStatusCode> FlushAsync(string? tenant = null)
    {
        using var response = await _http.PostAsync(Api(tenant is null ? "/flush" : $"/flush?tenant={Uri.EscapeDataString(tenant)}"), null);
        return response.StatusCode;
    }

    /// <summary>Asks for <c>/shutdown</c>, and returns the exit code.</summary>
    public async Task<int> ShutdownAsync()
    {
        using (var response = await _http.PostAsync(Api("/shutdown"), null))
            response.EnsureSuccessStatusCode();
        return await _runs[^1].WaitForExitAsync();
    }

    /// <summary>Stops it in order; returns its exit code.</summary>
    public Task<int> TerminateAsync() => _runs[^1].TerminateAsync();

    /// <summary>Ends it on the spot (SIGKILL).</summary>
    public Task KillAsync() => _runs[^1].KillAsync();

    /// <summary>Lets it stand still (SIGSTOP): it keeps its connections and answers nothing.</summary>
    public void Pause() => _runs[^1].Pause();

    /// <summary>Lets it go on (SIGCONT).</summary>
    public void Continue() => _runs[^1].Continue();

    /// <summary>Waits until it has ended by itself; returns its exit code.</summary>
    public Task<int> WaitForExitAsync() => _runs[^1].WaitForExitAsync();

    public virtual async ValueTask DisposeAsync()
    {
        foreach (var run in _runs)
            await run.DisposeAsync();
        Sender.Dispose();
        Traces.Dispose();
        _http.Dispose();
        _folder.Dispose();
    }

    public async Task WaitUntilReadyAsync() => await Eventually.GetAsync(
        async () =>
        {
            if (_runs[^1].HasExited)
                throw new InvalidOperationException($"{_program} exited with {_runs[^1].ExitCode}:\n{LogOfThisRun}");
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
        _ => $"{_program} is not ready:\n{LogOfThisRun}");

    /// <summary>What it answers to a path of its HTTP API.</summary>
    public Task<HttpResponseMessage> GetAsync(string path) => _http.GetAsync(Api(path));

    /// <summary>Sends JSON to a path of its HTTP API.</summary>
    /// <param name="method">Such as <c>POST</c>.</param>
    /// <param name="path">The path.</param>
    /// <param name="json">The body.</param>
    /// <param name="version">What <c>If-Match</c> names; empty for no such header.</param>
    public async Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, string json, string version = "")
    {
        using var request = new HttpRequestMessage(method, Api(path)) { Content = new StringContent(json) };
        if (version.Length > 0)
            request.Headers.TryAddWithoutValidation("If-Match", version);
        return await _http.SendAsync(request);
    }

    protected static async Task<(int ExitCode, string Output)> RunToEndAsync(string program, string yaml, IEnumerable<string> arguments, IReadOnlyDictionary<string, string> environment)
    {
        using var folder = new TemporaryFolder();
        folder.Write("tempo.yaml", yaml);
        await using var process = Launch(program, folder, ["--config.file=tempo.yaml", .. arguments], environment);
        return (await process.WaitForExitAsync(), process.Output);
    }

    private Uri Api(string path) => new($"http://127.0.0.1:{_apiPort}{path}");

    private static ChildProcess Launch(string program, TemporaryFolder folder, IEnumerable<string> arguments, IReadOnlyDictionary<string, string> environment) => ChildProcess.Start(
        System.Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet",
        ["exec", AssemblyPath(program), .. arguments],
        folder.Path,
        environment);

    // The program's own output folder, built in the configuration these tests were built in; where the output was sent
    // elsewhere, the copy that the project reference put beside the tests.
    private static string AssemblyPath(string program)
    {
        var assembly = $"OrleansTempo.{program}.dll";
        var tests = new DirectoryInfo(AppContext.BaseDirectory);
        for (var folder = tests; folder is not null; folder = folder.Parent)
        {
            if (!File.Exists(Path.Combine(folder.FullName, "OrleansTempo.sln")))
                continue;
            var path = Path.Combine(folder.FullName, program, "bin", tests.Parent!.Name, tests.Name, assembly);
            if (File.Exists(path))
                return path;
        }

        return Path.Combine(AppContext.BaseDirectory, assembly);
    }
}
