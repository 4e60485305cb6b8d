using System.Globalization;
using System.Net;
using System.Text.Json;
using OrleansTempo.Core.Otlp.Reading;

namespace OrleansTempo.Harness;

/// <summary>
/// A real Prometheus with its remote write receiver on, in a folder and on a port of its own, that can be stopped and
/// started again on both.
/// </summary>
internal sealed class PrometheusProcess : IAsyncDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly HttpClient _http = new() { Timeout = TimeSpan.FromSeconds(30) };
    private readonly int _port = FreePorts.Next();
    private readonly List<ChildProcess> _runs = [];

    private readonly string _program;
    private readonly string _features;
    private readonly string _host;

    private PrometheusProcess(string program, string features, string host)
    {
        _host = host;
        _program = program;
        _features = features;
    }

    public static string? Program { get; } = Tool.Find("prometheus");

    public Uri RemoteWriteUrl => Url("/api/v1/write");

    /// <summary>The log of all its runs.</summary>
    public string Log => string.Concat(_runs.Select(run => run.Output));

    /// <summary>Lines of its log about samples it refused for their order or for a second value at the same time.</summary>
    public IReadOnlyList<string> OrderComplaints =>
        [.. Log.Split('\n').Where(line =>
            line.Contains("out of order", StringComparison.OrdinalIgnoreCase) ||
            line.Contains("out-of-order", StringComparison.OrdinalIgnoreCase) && !line.Contains("level=info", StringComparison.Ordinal) ||
            line.Contains("duplicate sample", StringComparison.OrdinalIgnoreCase) ||
            line.Contains("too old", StringComparison.OrdinalIgnoreCase))];

    /// <param name="host">The address that it listens on.</param>
    public static Task<PrometheusProcess> StartAsync(string host = "127.0.0.1") =>
        StartAsync(Program ?? throw new InvalidOperationException("prometheus is not on the PATH"), "exemplar-storage,native-histograms", host);

    /// <param name="program">The program's file.</param>
    /// <param name="features">Of <c>--enable-feature</c>.</param>
    /// <param name="host">The address that it listens on.</param>
    public static async Task<PrometheusProcess> StartAsync(string program, string features, string host = "127.0.0.1")
    {
        var prometheus = new PrometheusProcess(program, features, host);
        prometheus._folder.Write("prometheus.yml", "global: {}\n");
        await prometheus.StartAgainAsync();
        return prometheus;
    }

    /// <summary>Has <c>promtool check metrics</c> read a scrape page; its exit code, and what it complains of.</summary>
    public static async Task<(int ExitCode, string Output)> CheckMetricsAsync(string page)
    {
        using var folder = new TemporaryFolder();
        folder.Write("page", page);
        await using var check = ChildProcess.Start("sh", ["-c", "promtool check metrics < page"], folder.Path);
        return (await check.WaitForExitAsync(), check.Output);
    }

    /// <summary>Starts it on the same port and data as before.</summary>
    public async Task StartAgainAsync()
    {
        var run = ChildProcess.Start(
            _program,
            [
                "--config.file=prometheus.yml",
                "--storage.tsdb.path=data",
                $"--web.listen-address={_host}:{_port}",
                "--web.enable-remote-write-receiver",
                "--enable-feature=" + _features,
            ],
            _folder.Path);
        _runs.Add(run);
        await Eventually.GetAsync(
            async () =>
            {
                if (run.HasExited)
                    throw new InvalidOperationException($"prometheus exited with {run.ExitCode}:\n{run.Output}");
                try
                {
                    using var response = await _http.GetAsync(Url("/-/ready"));
                    return response.StatusCode == HttpStatusCode.OK;
                }
                catch (HttpRequestException)
                {
                    return false;
                }
            },
            ready => ready,
            _ => $"prometheus is not ready:\n{run.Output}");
    }

    public async Task StopAsync() => await _runs[^1].TerminateAsync();

    /// <summary>The current value of every series that <paramref name="query"/> (an instant vector) finds.</summary>
    public async Task<SeriesValues> QueryAsync(string query)
    {
        var values = new SeriesValues();
        foreach (var result in await ResultsAsync(query))
            values.Add(Labels(result), Parse(result.GetProperty("value")[1]));
        return values;
    }

    /// <summary>Every stored sample of every series that <paramref name="selector"/> finds: (milliseconds, value), oldest first.</summary>
    /// <param name="selector">An instant vector.</param>
    /// <param name="since">How far back.</param>
    public async Task<SortedDictionary<string, IReadOnlyList<(long Milliseconds, double Value)>>> RawSamplesAsync(string selector, string since = "15m")
    {
        var series = new SortedDictionary<string, IReadOnlyList<(long, double)>>(StringComparer.Ordinal);
        foreach (var result in await ResultsAsync($"{selector}[{since}]"))
        {
            series.Add(
                SeriesValues.Key(Labels(result)),
                [.. result.GetProperty("values").EnumerateArray().Select(sample => ((long)Math.Round(sample[0].GetDouble() * 1000), Parse(sample[1])))]);
        }

        return series;
    }

    /// <summary>The one value that <paramref name="query"/> gives; NaN where it gives none.</summary>
    public async Task<double> ValueAsync(string query)
    {
        var results = (await ResultsAsync(query)).ToList();
        return results.Count == 0 ? double.NaN : Parse(results.Single().GetProperty("value")[1]);
    }

    /// <summary>What its HTTP API answers as <c>data</c> to a path and query.</summary>
    public async Task<JsonElement> DataAsync(string pathAndQuery) => JsonDocument.Parse(await _http.GetStringAsync(Url(pathAndQuery))).RootElement.GetProperty("data");

    /// <summary>Its own metrics.</summary>
    public async Task<SeriesValues> OwnMetricsAsync() => SeriesValues.Parse(await _http.GetStringAsync(Url("/metrics")));

    public async ValueTask DisposeAsync()
    {
        foreach (var run in _runs)
            await run.DisposeAsync();
        _http.Dispose();
        _folder.Dispose();
    }

    private Uri Url(string pathAndQuery) => new($"http://{_host}:{_port}{pathAndQuery}");

    private async Task<IEnumerable<JsonElement>> ResultsAsync(string query)
    {
        var json = await _http.GetStringAsync(Url("/api/v1/query?query=" + Uri.EscapeDataString(query)));
        return JsonDocument.Parse(json).RootElement.GetProperty("data").GetProperty("result").EnumerateArray();
    }

    private static IEnumerable<KeyValuePair<string, string>> Labels(JsonElement result) =>
        result.GetProperty("metric").EnumerateObject().Select(label => KeyValuePair.Create(label.Name, label.Value.GetString()!));

    private static double Parse(JsonElement value) => double.Parse(value.GetString()!, CultureInfo.InvariantCulture);
}
