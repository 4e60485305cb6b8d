using System.Globalization;
using System.Text.Json;
using OrleansTempo.Bench.Load;
using OrleansTempo.Integration.Harness;

namespace OrleansTempo.Bench.Whole;

/// <summary>
/// Measures the whole process as in production: one silo or several, with storage, both processors and remote write to a real Prometheus,
/// in a fresh process for each row. Afterwards it compares what was counted and stored with what was sent.
/// </summary>
internal static class WholeBench
{
    // Neither may be lost: a dropped batch costs only part of the work, so the row would not be a valid result.
    private static readonly string[] s_losses =
    [
        "tempo_distributor_forwarder_pushes_failures_total",
        "tempo_discarded_spans_total",
        "tempo_metrics_generator_spans_discarded_total",
        "tempo_metrics_generator_registry_series_limited_total",
        "tempo_metrics_generator_processor_service_graphs_expired_edges",
        "tempo_metrics_generator_processor_service_graphs_dropped_spans",
        "tempo_metrics_generator_processor_service_graphs_dropped_edges_total",
        "tempo_ingester_failed_flushes_total",
        "tempo_ingester_wal_write_failures_total",
        "tempodb_blocks_set_aside_total",
        "tempodb_compaction_errors_total",
    ];

    /// <param name="host">What to measure, see <see cref="Servers.StartAsync"/>.</param>
    /// <param name="wal">Where its write-ahead log is.</param>
    /// <param name="rows">What to send for each row; the addresses are filled in here.</param>
    /// <returns>0 if nothing was lost, 1 otherwise.</returns>
    public static async Task<int> ExecuteAsync(string host, string wal, IReadOnlyList<LoadOptions> rows)
    {
        using var folder = new TemporaryFolder();
        using var http = new HttpClient();
        var prometheusPort = FreePorts.Next();
        await using var prometheus = StartPrometheus(folder, prometheusPort);
        if (prometheus is null)
            Console.WriteLine("prometheus is not on the PATH: remote write is off\n");

        var complaints = new List<string>();
        Console.WriteLine(MarkdownTable.Header([.. LoadResult.Columns, .. StorageCheck.Columns, .. CallCheck.Columns]));
        foreach (var row in rows)
        {
            var name = string.Create(CultureInfo.InvariantCulture, $"{row.Name}-{row.Connections}");
            await using var servers = await Servers.StartAsync(http, host, wal, Settings(name, prometheus is null ? null : prometheusPort));
            var result = await Task.Run(() => LoadRun.Execute(row with { Endpoints = [.. servers.All.Select(server => server.Otlp(row.Grpc))], ProcessIds = servers.ProcessIds }));
            var storage = new StorageCheck(http, servers);
            var calls = new CallCheck(http, servers);
            await storage.FlushAsync();
            result = result with { PeakMemoryBytes = ServerUsage.PeakMemoryBytes(servers.ProcessIds) };
            await calls.ReadAsync(result);

            var wrong = await CheckAsync(http, servers, result, storage);
            Console.WriteLine(MarkdownTable.Row([.. result.Cells, .. storage.Cells, .. calls.Cells]));
            foreach (var server in servers.All.Reverse())
            {
                var exitCode = await server.TerminateAsync();
                if (exitCode != 0)
                    wrong.Add($"the silo exited with {exitCode}:\n{server.Output}");
            }

            if (prometheus is not null)
            {
                var stored = await StoredAsync(http, prometheusPort, $"sum(traces_spanmetrics_calls_total{{bench=\"{name}\"}})");
                if (stored != result.SpansAccepted)
                    wrong.Add($"Prometheus has {stored} spans of {result.SpansAccepted}");
            }

            complaints.AddRange(wrong.Select(complaint => $"{name}: {complaint}"));
        }

        Console.WriteLine();
        foreach (var complaint in complaints)
            Console.WriteLine(complaint);
        if (complaints.Count == 0)
            Console.WriteLine("every span was counted and is in a block, every edge is in the service graph, sampled traces were found as they were sent; nothing was dropped or refused");
        return complaints.Count == 0 ? 0 : 1;
    }

    private static async Task<List<string>> CheckAsync(HttpClient http, Servers servers, LoadResult result, StorageCheck storage)
    {
        // The generator may still be working through its queue.
        double spans = 0, edges = 0;
        await Patience.HoldsAsync(async () =>
        {
            var generated = SeriesValues.Parse(await http.GetStringAsync(servers.First.Api("/generator/metrics")));
            (spans, edges) = (generated.Sum("traces_spanmetrics_calls_total"), generated.Sum("traces_service_graph_request_total"));
            return spans >= result.SpansAccepted && edges >= result.EdgesAccepted;
        });

        var complaints = new List<string>();
        if (result.RefusedRequests > 0)
            complaints.Add($"{result.RefusedRequests} requests were refused");
        if (result.Options.SpansPerSecond is var rate and > 0 && result.SpansPerSecond < 0.99 * rate)
            complaints.Add(string.Create(CultureInfo.InvariantCulture, $"{result.SpansPerSecond:F0} spans/s were sent of the {rate} asked for"));
        if (spans != result.SpansAccepted)
            complaints.Add($"{spans} spans counted of {result.SpansAccepted} accepted");
        if (edges != result.EdgesAccepted)
            complaints.Add($"{edges} edges counted of {result.EdgesAccepted} sent");
        complaints.AddRange(await storage.CompareAsync(result));
        foreach (var metric in s_losses)
        {
            if (await servers.OwnAsync(http, metric) is var lost and not 0)
                complaints.Add($"{metric} is {lost}");
        }

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

    private static string Settings(string row, int? prometheusPort) => $$"""
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

    private static async Task<double> StoredAsync(HttpClient http, int port, string query)
    {
        var json = await http.GetStringAsync($"http://127.0.0.1:{port}/api/v1/query?query={Uri.EscapeDataString(query)}");
        var result = JsonDocument.Parse(json).RootElement.GetProperty("data").GetProperty("result");
        return result.GetArrayLength() == 0 ? 0 : double.Parse(result[0].GetProperty("value")[1].GetString()!, CultureInfo.InvariantCulture);
    }
}
