using System.Globalization;
using System.Net;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Harness.Machines;

namespace OrleansTempo.Harness;

/// <summary>
/// The Silo program, run as a user runs it: own process, own configuration file, own ports, own working directory, where it keeps its
/// data unless it is told otherwise. It is alone, or a member of the cluster that <see cref="TempoSettings.Environment"/> names. It can be
/// stopped or killed, and started again on the same folder.
/// </summary>
internal sealed class SiloProcess : IAsyncDisposable
{
    private const string SiloPortKey = "Orleans__Endpoints__SiloPort";

    private readonly TemporaryFolder _folder = new();
    private TempoSettings _settings;
    private IReadOnlyDictionary<string, string> _environment;

    // Long enough for a flush whose next try comes half a minute later.
    private readonly HttpClient _http = new() { Timeout = TimeSpan.FromSeconds(90) };
    private readonly List<ChildProcess> _runs = [];

    private SiloProcess(TempoSettings settings)
    {
        _settings = settings;
        SiloPort = settings.Environment.TryGetValue(SiloPortKey, out var chosen) ? int.Parse(chosen, CultureInfo.InvariantCulture) : FreePorts.Next();
        _environment = WithPorts(settings.Environment, SiloPort);
        TakePorts();
    }

    /// <summary>Where other silos reach it.</summary>
    public int SiloPort { get; }

    /// <summary>The external label <c>test</c> of its series.</summary>
    public string Test => _settings.Test;

    /// <summary>Of its HTTP API.</summary>
    public int ApiPort { get; private set; }

    public Uri HttpEndpoint { get; private set; } = null!;

    public Uri GrpcEndpoint { get; private set; } = null!;

    public OtlpSender Sender { get; private set; } = null!;

    public TraceReader Traces { get; private set; } = null!;

    /// <summary>Of the process that was started last.</summary>
    public int ProcessId => _runs[^1].Id;

    /// <summary>Whether the process that was started last has ended.</summary>
    public bool HasExited => _runs[^1].HasExited;

    /// <summary>The log of all its runs.</summary>
    public string Log => string.Concat(_runs.Select(run => run.Output));

    /// <summary>The log since it was last started.</summary>
    public string LogOfThisRun => _runs[^1].Output;

    /// <summary>Its working directory.</summary>
    public string Folder => _folder.Path;

    /// <summary>Where its log is by default.</summary>
    public string WalFolder => Path.Combine(Folder, "data", "wal");

    /// <summary>Where its object store is by default.</summary>
    public string BlocksFolder => Path.Combine(Folder, "data", "blocks");

    /// <summary>The files of its object store that are objects, from the store's folder on.</summary>
    public IReadOnlyList<string> StoredObjects =>
        [.. Directory.GetFiles(BlocksFolder, "*", SearchOption.AllDirectories).Select(path => Path.GetRelativePath(BlocksFolder, path)).Where(static name => !name.StartsWith('~'))];

    /// <summary>Starts it and waits until it is ready.</summary>
    public static async Task<SiloProcess> StartAsync(TempoSettings settings)
    {
        var silo = new SiloProcess(settings);
        try
        {
            await silo.StartAgainAsync();
            return silo;
        }
        catch
        {
            await silo.DisposeAsync();
            throw;
        }
    }

    /// <summary>Runs it on a configuration or with arguments that end it by themselves; returns its exit code and all it printed.</summary>
    public static Task<(int ExitCode, string Output)> RunToEndAsync(string yaml, params string[] arguments) =>
        RunToEndAsync(yaml, new Dictionary<string, string>(), arguments);

    /// <param name="yaml">Its configuration.</param>
    /// <param name="environment">What it finds in its environment besides what these tests have in theirs.</param>
    /// <param name="arguments">What its command line has besides the configuration.</param>
    public static async Task<(int ExitCode, string Output)> RunToEndAsync(string yaml, IReadOnlyDictionary<string, string> environment, params string[] arguments)
    {
        using var folder = new TemporaryFolder();
        folder.Write("tempo.yaml", yaml);
        await using var process = Launch(folder, arguments, WithPorts(environment, FreePorts.Next()));
        return (await process.WaitForExitAsync(), process.Output);
    }

    /// <summary>Starts it, after it has ended, and waits until it is ready.</summary>
    public async Task StartAgainAsync()
    {
        Launch();
        await WaitUntilReadyAsync();
    }

    /// <summary>Starts it, after it has ended, and does not wait.</summary>
    public void Launch() => _runs.Add(Launch(_folder, _settings.Demo ? ["--demo"] : [], _environment, _settings.Machine, _settings.Program));

    /// <summary>From the next start on it listens on other ports for OTLP and its HTTP API.</summary>
    public void TakePorts()
    {
        (ApiPort, var grpcPort, var httpPort) = (FreePorts.Next(), FreePorts.Next(), FreePorts.Next());
        HttpEndpoint = new Uri($"http://{_settings.Host}:{httpPort}");
        GrpcEndpoint = new Uri($"http://{_settings.Host}:{grpcPort}");
        Sender?.Dispose();
        Sender = new OtlpSender(HttpEndpoint, GrpcEndpoint);
        Traces?.Dispose();
        Traces = new TraceReader(Api("/"));
        _folder.Write("tempo.yaml", _settings.ToYaml(ApiPort, grpcPort, httpPort));
    }

    /// <summary>From the next start on it has this configuration, but for its environment, and other ports.</summary>
    public void TakeSettings(TempoSettings settings)
    {
        _settings = settings;
        TakePorts();
    }

    /// <summary>From the next start on it finds this in its environment instead of <see cref="TempoSettings.Environment"/>.</summary>
    public void TakeEnvironment(IReadOnlyDictionary<string, string> environment) => _environment = WithPorts(environment, SiloPort);

    public async Task<HttpStatusCode> ReadyAsync()
    {
        using var response = await _http.GetAsync(Api("/ready"));
        return response.StatusCode;
    }

    /// <summary>The service's own metrics.</summary>
    public async Task<SeriesValues> OwnMetricsAsync() => SeriesValues.Parse(await _http.GetStringAsync(Api("/metrics")));

    /// <summary>What it generated, from its scrape page, without the external label; nothing where the tenant has no generator yet (404).</summary>
    public Task<SeriesValues> GeneratedAsync() => GeneratedAsync(tenant: null);

    /// <summary>As <see cref="GeneratedAsync()"/>, of one of many tenants.</summary>
    public async Task<SeriesValues> GeneratedAsync(string? tenant)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, Api("/generator/metrics"));
        if (tenant is not null)
            request.Headers.Add("X-Scope-OrgID", tenant);
        using var response = await _http.SendAsync(request);
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

    /// <summary>What a killed process was compacting stays claimed for five minutes more; after this they have passed.</summary>
    public void LetClaimsRunOut()
    {
        foreach (var claim in StoredObjects.Where(static name => Path.GetFileName(name) == "compactor"))
            File.Delete(Path.Combine(BlocksFolder, claim));
    }

    public async ValueTask DisposeAsync()
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
                throw new InvalidOperationException($"the silo exited with {_runs[^1].ExitCode}:\n{LogOfThisRun}");
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
        _ => $"the silo is not ready:\n{LogOfThisRun}");

    /// <summary>What it answers to a path of its HTTP API.</summary>
    public async Task<HttpResponseMessage> GetAsync(string path, string? tenant = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, Api(path));
        if (tenant is not null)
            request.Headers.Add("X-Scope-OrgID", tenant);
        return await _http.SendAsync(request);
    }

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

    private Uri Api(string path) => new($"http://{_settings.Host}:{ApiPort}{path}");

    // Orleans' own would be the same for all silos of this machine.
    private static Dictionary<string, string> WithPorts(IReadOnlyDictionary<string, string> environment, int siloPort)
    {
        var all = new Dictionary<string, string>(environment);
        all.TryAdd(SiloPortKey, siloPort.ToString(CultureInfo.InvariantCulture));
        all.TryAdd("Orleans__Endpoints__GatewayPort", FreePorts.Next().ToString(CultureInfo.InvariantCulture));
        return all;
    }

    private static ChildProcess Launch(TemporaryFolder folder, IEnumerable<string> arguments, IReadOnlyDictionary<string, string> environment, OtherMachine? machine = null, string? program = null)
    {
        var dotnet = Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet";
        arguments = ["exec", program ?? AssemblyPath(), "--config.file=tempo.yaml", .. arguments];
        return machine is null ? ChildProcess.Start(dotnet, arguments, folder.Path, environment) : machine.Start(dotnet, arguments, folder.Path, environment);
    }

    // The program's own output folder, built in the configuration these tests were built in; where the output was sent
    // elsewhere, the copy that the project reference put beside the tests.
    private static string AssemblyPath()
    {
        const string Program = "Silo", Assembly = $"OrleansTempo.{Program}.dll";
        var tests = new DirectoryInfo(AppContext.BaseDirectory);
        for (var folder = tests; folder is not null; folder = folder.Parent)
        {
            if (!File.Exists(Path.Combine(folder.FullName, "OrleansTempo.sln")))
                continue;
            var path = Path.Combine(folder.FullName, Program, "bin", tests.Parent!.Name, tests.Name, Assembly);
            if (File.Exists(path))
                return path;
        }

        return Path.Combine(AppContext.BaseDirectory, Assembly);
    }
}
