using System.Globalization;
using System.Text.Json;
using OrleansTempo.Bench.Load;
using OrleansTempo.Integration.Harness;

namespace OrleansTempo.Bench.Whole;

/// <summary>
/// Measures the whole process as it is used: Standalone with both processors and remote write to a real Prometheus, in a
/// fresh process for each row, and afterwards compares what was counted with what was sent.
/// </summary>
internal static class WholeBench
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <returns>0 where nothing was lost, 1 otherwise.</returns>
    public static async Task<int> ExecuteAsync(int connections, int seconds, int warmUpSeconds, string payload)
    {
        using var folder = new TemporaryFolder();
        using var http = new HttpClient();
        var prometheusPort = FreePorts.Next();
        await using var prometheus = StartPrometheus(folder, prometheusPort);
        if (prometheus is null)
            Console.WriteLine("prometheus is not on the PATH: remote write is off\n");

        (bool Grpc, bool Gzip, int SpansPerRequest)[] rows = [(false, false, 1000), (false, true, 1000), (false, false, 10), (true, false, 1000)];
        var complaints = new List<string>();
        Console.WriteLine(LoadResult.Header);
        foreach (var (grpc, gzip, spansPerRequest) in rows)
        {
            var row = $"{(grpc ? "grpc" : "http")}-{(gzip ? "gzip" : "identity")}-{spansPerRequest}";
            var (apiPort, grpcPort, httpPort) = (FreePorts.Next(), FreePorts.Next(), FreePorts.Next());

            // A working directory of its own: a row must not read the traces of the one before.
            using var data = new TemporaryFolder();
            var configuration = data.Write("tempo.yaml", Configuration(row, apiPort, grpcPort, httpPort, prometheus is null ? null : prometheusPort));
            await using var standalone = ChildProcess.Start("dotnet", ["exec", Standalone(), $"--config.file={configuration}"], data.Path);
            var api = new Uri($"http://127.0.0.1:{apiPort}");
            await WaitAsync(async () => standalone.HasExited || await IsReadyAsync(http, new Uri(api, "/ready")), () => $"Standalone is not ready:\n{standalone.Output}");
            if (standalone.HasExited)
                throw new IOException($"Standalone exited with {standalone.ExitCode}:\n{standalone.Output}");


            var result = await Task.Run(() => LoadRun.Execute(new LoadOptions
            {
                Endpoint = new Uri($"http://127.0.0.1:{(grpc ? grpcPort : httpPort)}"),
                Grpc = grpc,
                Gzip = gzip,
                Connections = connections,
                Seconds = seconds,
                WarmUpSeconds = warmUpSeconds,
                SpansPerRequest = spansPerRequest,
                PayloadFolder = payload,
                ProcessId = standalone.Id,
            }));
            Console.WriteLine(result);

            complaints.AddRange((await CheckAsync(http, api, result)).Select(complaint => $"{row}: {complaint}"));
            var exitCode = await standalone.TerminateAsync();
            if (exitCode != 0)
                complaints.Add($"{row}: Standalone exited with {exitCode}:\n{standalone.Output}");
            if (prometheus is not null)
            {
                var stored = await StoredAsync(http, prometheusPort, $"sum(traces_spanmetrics_calls_total{{bench=\"{row}\"}})");
                if (stored != result.SpansAccepted)
                    complaints.Add($"{row}: Prometheus has {stored} spans of {result.SpansAccepted}");
            }
        }

        Console.WriteLine();
        foreach (var complaint in complaints)
            Console.WriteLine(complaint);
        if (complaints.Count == 0)
            Console.WriteLine("every span was counted and every edge is in the service graph; no batch was dropped");
        return complaints.Count == 0 ? 0 : 1;
    }

    private static async Task<List<string>> CheckAsync(HttpClient http, Uri api, LoadResult result)
    {
        // The generator may still be working through its queue.
        double spans = 0, edges = 0;
        await WaitAsync(
            async () =>
            {
                var generated = SeriesValues.Parse(await http.GetStringAsync(new Uri(api, "/generator/metrics")));
                (spans, edges) = (generated.Sum("traces_spanmetrics_calls_total"), generated.Sum("traces_service_graph_request_total"));
                return spans >= result.SpansAccepted && edges >= result.EdgesAccepted;
            },
            message: null);

        var complaints = new List<string>();
        if (spans != result.SpansAccepted)
            complaints.Add($"{spans} spans counted of {result.SpansAccepted} accepted");
        if (edges != result.EdgesAccepted)
            complaints.Add($"{edges} edges counted of {result.EdgesAccepted} sent");
        var own = SeriesValues.Parse(await http.GetStringAsync(new Uri(api, "/metrics")));
        string[] losses =
        [
            "tempo_distributor_forwarder_pushes_failures_total",
            "tempo_discarded_spans_total",
            "tempo_metrics_generator_spans_discarded_total",
            "tempo_metrics_generator_registry_series_limited_total",
            "tempo_metrics_generator_processor_service_graphs_expired_edges",
            "tempo_metrics_generator_processor_service_graphs_dropped_spans",
            "tempo_metrics_generator_processor_service_graphs_dropped_edges_total",
        ];
        complaints.AddRange(losses.Where(metric => own.Sum(metric) != 0).Select(metric => $"{metric} is {own.Sum(metric)}"));
        return complaints;
    }

    private static ChildProcess? StartPrometheus(TemporaryFolder folder, int port)
    {
        if (Tool.Find("prometheus") is not { } program)
            return null;
        folder.Write("prometheus.yml", "global: {}\n");
        return ChildProcess.Start(
            program,
            ["--config.file=prometheus.yml", "--storage.tsdb.path=data", $"--web.listen-address=127.0.0.1:{port}", "--web.enable-remote-write-receiver"],
            folder.Path);
    }

    private static string Configuration(string row, int apiPort, int grpcPort, int httpPort, int? prometheusPort) => $$"""
        server:
          http_listen_address: 127.0.0.1
          http_listen_port: {{apiPort}}
        distributor:
          receivers:
            otlp:
              protocols:
                grpc:
                  endpoint: 127.0.0.1:{{grpcPort}}
                http:
                  endpoint: 127.0.0.1:{{httpPort}}
        metrics_generator:
          registry:
            external_labels:
              bench: {{row}}
          storage:
            remote_write: {{(prometheusPort is { } port ? $"[{{url: 'http://127.0.0.1:{port}/api/v1/write'}}]" : "[]")}}
        overrides:
          defaults:
            ingestion:
              rate_limit_bytes: 0
              burst_size_bytes: 0
              max_traces_per_user: 0
            metrics_generator:
              processors: [service-graphs, span-metrics]
        """;

    private static string Standalone()
    {
        var path = Path.Combine(Repository.Root, "Standalone", "bin", "Release", "net10.0", "OrleansTempo.Standalone.dll");
        return File.Exists(path) ? path : throw new FileNotFoundException($"{path} is missing: run the bench with -c Release, which builds it");
    }

    private static async Task<bool> IsReadyAsync(HttpClient http, Uri ready)
    {
        try
        {
            using var response = await http.GetAsync(ready);
            return response.IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    private static async Task<double> StoredAsync(HttpClient http, int port, string query)
    {
        var json = await http.GetStringAsync($"http://127.0.0.1:{port}/api/v1/query?query={Uri.EscapeDataString(query)}");
        var result = JsonDocument.Parse(json).RootElement.GetProperty("data").GetProperty("result");
        return result.GetArrayLength() == 0 ? 0 : double.Parse(result[0].GetProperty("value")[1].GetString()!, CultureInfo.InvariantCulture);
    }

    private static async Task WaitAsync(Func<Task<bool>> holds, Func<string>? message)
    {
        var deadline = DateTime.UtcNow + Patience;
        while (!await holds())
        {
            if (DateTime.UtcNow > deadline)
            {
                if (message is null)
                    return;
                throw new TimeoutException(message());
            }

            await Task.Delay(100);
        }
    }
}
