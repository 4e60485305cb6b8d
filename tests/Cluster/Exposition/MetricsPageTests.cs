using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Logging.Abstractions;
using OrleansTempo.Core;
using OrleansTempo.Core.Configuration;
using OrleansTempo.Core.Configuration.Generator;
using OrleansTempo.Core.Configuration.Overrides;
using OrleansTempo.Core.Configuration.RemoteWrite;
using OrleansTempo.Core.Objects;
using OrleansTempo.Core.Overrides;
using OrleansTempo.Core.RemoteWrite;
using OrleansTempo.Core.RemoteWrite.Endpoint;
using OrleansTempo.Integration.Harness;
using OrleansTempo.Server.Configuration.Tenants;
using OrleansTempo.Server.Tests;
using OrleansTempo.Silo.Exposition;

namespace OrleansTempo.Cluster.Exposition;

public sealed class MetricsPageTests : IAsyncLifetime
{
    private const string Tenant = "of-this-page";

    // Tempo 3's names of what the ingester of earlier ones counts.
    private static readonly Dictionary<string, string> s_liveStoreNames = new()
    {
        ["tempo_ingester_live_traces"] = "tempo_live_store_live_traces",
        ["tempo_ingester_live_trace_bytes"] = "tempo_live_store_live_trace_bytes",
        ["tempo_ingester_traces_created_total"] = "tempo_live_store_traces_created_total",
        ["tempo_ingester_bytes_received_total"] = "tempo_live_store_bytes_received_total",
        ["tempo_ingester_flush_queue_length"] = "tempo_live_store_complete_queue_length",
        ["tempo_ingester_blocks_flushed_total"] = "tempo_live_store_blocks_completed_total",
        ["tempo_ingester_failed_flushes_total"] = "tempo_live_store_failed_completions_total",
        ["tempo_ingester_flush_retries_total"] = "tempo_live_store_completion_retries_total",
        ["tempo_ingester_flush_failed_retries_total"] = "tempo_live_store_completion_failed_retries_total",
        ["tempo_ingester_flush_duration_seconds"] = "tempo_live_store_completion_duration_seconds",
        ["tempo_ingester_flush_size_bytes"] = "tempo_live_store_completion_size_bytes",
    };

    private readonly TempoMetrics _metrics = new();
    private readonly MetricsPage _page;
    private RunningServer _server = null!;

    public MetricsPageTests() => _page = new MetricsPage(_metrics);

    public async Task InitializeAsync() => _server = await RunningServer.StartAsync(adapt: parts => parts with { Routes = [_page.Route] });

    public async Task DisposeAsync()
    {
        await _server.DisposeAsync();
        _page.Dispose();
        _metrics.Dispose();
    }

    [Fact]
    public async Task Every_metric_of_ours_has_its_own_name_type_labels_and_buckets()
    {
        var storage = new GeneratorStorageOptions { RemoteWrite = [new RemoteWriteOptions { Url = "http://localhost:1/api/v1/write" }] };
        using var endpoint = RemoteWriteEndpoint.CreateAll(storage, TimeProvider.System).Single();
        var settings = new RemoteWriterSettings(GeneratorSettings.Resolve(new MetricsGeneratorOptions(), new TenantOverrides()), storage);
        Assert.True(TenantId.TryParse(Tenant, out var tenant, out _));
        await using var writer = new RemoteWriter(tenant, [endpoint], settings, new RemoteWriteMetrics(_metrics), TimeProvider.System, NullLogger.Instance);
        using var folder = new TemporaryFolder();
        var perTenant = new OverridesOptions { PerTenantOverrideConfig = folder.Write("overrides.yaml", $"overrides: {{ {Tenant}: {{}} }}\n"), UserConfigurableOverrides = new UserConfigurableOverridesOptions { Enabled = true } };
        Assert.True(ConfiguredOverrides.TryOpen(
            new TempoOptions { Overrides = perTenant }, new Dictionary<string, string>(), _metrics, TimeProvider.System, NullLoggerFactory.Instance, NullLogger.Instance, out var overrides));
        using var store = new FileObjectStore(folder.Path, TimeProvider.System, NullLogger.Instance);
        await overrides.OpenUserConfigurableAsync(store, static (key, _) => throw new ArgumentException(key), CancellationToken.None);
        await using var disposeOverrides = overrides;
        foreach (var counter in new[] { _metrics.SpansReceived, _metrics.BytesReceived, _metrics.ForwarderPushes, _metrics.IngesterBytesReceived })
            counter.Add(tenant, 3);
        _metrics.ReceiverAccepted.Add(new(Tenant, "http"), 4);
        _metrics.ReceiverRefused.Add(new(Tenant, "grpc"), 5);
        var (expectedTypes, expectedSeries) = MeasureEverything(_metrics.Meter);
        foreach (var histogram in new[] { _metrics.SpansInFuture, _metrics.SpansInPast })
        {
            expectedTypes.Add(histogram.Name, "histogram");
            histogram.Add(tenant, [1, 2, 0, 4], 0.125);
            KeyValuePair<string, object?> tag = new("tenant", Tenant);
            expectedSeries.AddRange(new[] { ("300", 1), ("1800", 3), ("3600", 3), ("+Inf", 7) }.Select(bucket => Line(histogram.Name + "_bucket", bucket.Item2, [tag, new("le", bucket.Item1)])));
            expectedSeries.Add(Line(histogram.Name + "_sum", 0.125, [tag]));
            expectedSeries.Add(Line(histogram.Name + "_count", 7, [tag]));
        }

        expectedTypes.Add("tempo_request_duration_seconds", "histogram");
        _metrics.RecordRequest("POST", Tenant, "200", TimeSpan.FromSeconds(0.125));
        expectedSeries.AddRange(Histogram(
            "tempo_request_duration_seconds", [.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 25, 50, 100], 0.125, [new("method", "POST"), new("route", Tenant), new("status_code", "200"), new("ws", "false")]));

        foreach (var (name, liveStoreName) in s_liveStoreNames)
        {
            expectedTypes.Add(liveStoreName, expectedTypes[name]);
            expectedSeries.AddRange([.. expectedSeries.Where(line => Regex.IsMatch(line, $"^{name}(_bucket|_sum|_count)?{{")).Select(line => line.Replace(name, liveStoreName, StringComparison.Ordinal))]);
        }

        expectedSeries.Sort(StringComparer.Ordinal);

        var (types, series) = await ReadAsync(static name => name.StartsWith("tempo", StringComparison.Ordinal) || name.StartsWith("prometheus_", StringComparison.Ordinal));

        Assert.Equal(expectedTypes, types);
        Assert.Equal(expectedSeries, series);
        Assert.Contains(series, static s => s.StartsWith("""tempo_ingester_flush_duration_seconds_bucket{le="0.25",""", StringComparison.Ordinal) && s.EndsWith("} 1", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_scrape_that_takes_gzip_gets_the_whole_page()
    {
        Assert.True(TenantId.TryParse(Tenant, out var tenant, out _));
        _metrics.SpansReceived.Add(tenant, 1);
        _metrics.SpansInPast.Add(tenant, [1, 0, 0, 0], 0.125);
        using var client = new HttpClient(new HttpClientHandler { AutomaticDecompression = System.Net.DecompressionMethods.GZip });
        using var plain = new HttpClient();

        var lines = (await client.GetStringAsync(_server.Api("/metrics"))).Split('\n');

        Assert.Contains($$"""tempo_distributor_spans_received_total{tenant="{{Tenant}}"} 1""", lines);
        Assert.Contains($$"""tempo_spans_distance_in_past_seconds_count{tenant="{{Tenant}}"} 1""", lines);
        using var compressed = new HttpRequestMessage(HttpMethod.Get, _server.Api("/metrics"));
        compressed.Headers.AcceptEncoding.ParseAdd("gzip");
        using var response = await plain.SendAsync(compressed);
        Assert.Equal(["gzip"], response.Content.Headers.ContentEncoding);
    }

    [Fact]
    public async Task The_process_and_the_runtime_are_there_under_Prometheus_usual_names()
    {
        var (types, _) = await ReadAsync(static name => name.StartsWith("process_", StringComparison.Ordinal) || name.StartsWith("dotnet_", StringComparison.Ordinal));

        // There once an exception was thrown, and on Linux.
        types.Remove("dotnet_exceptions_total");
        types.Remove("process_open_fds");

        // OpenTelemetry takes .NET's word for it that the thread pool's threads and queue count up only.
        Assert.Equal(
            """
            dotnet_assembly_count gauge
            dotnet_gc_collections_total counter
            dotnet_gc_heap_total_allocated_bytes_total counter
            dotnet_gc_last_collection_heap_fragmentation_size_bytes gauge
            dotnet_gc_last_collection_heap_size_bytes gauge
            dotnet_gc_last_collection_memory_committed_size_bytes gauge
            dotnet_gc_pause_time_seconds_total counter
            dotnet_jit_compilation_time_seconds_total counter
            dotnet_jit_compiled_il_size_bytes_total counter
            dotnet_jit_compiled_methods_total counter
            dotnet_monitor_lock_contentions_total counter
            dotnet_thread_pool_queue_length counter
            dotnet_thread_pool_thread_count counter
            dotnet_thread_pool_work_item_count_total counter
            dotnet_timer_count gauge
            process_cpu_seconds_total counter
            process_resident_memory_bytes gauge
            process_start_time_seconds gauge
            process_virtual_memory_bytes gauge
            """.ReplaceLineEndings("\n"),
            string.Join('\n', types.Select(static type => $"{type.Key} {type.Value}")));
    }

    [Fact]
    public async Task A_scrape_that_prefers_openmetrics_gets_the_same_names()
    {
        Assert.True(TenantId.TryParse(Tenant, out var tenant, out _));
        _metrics.SpansReceived.Add(tenant, 1);
        using var request = new HttpRequestMessage(HttpMethod.Get, _server.Api("/metrics"));
        request.Headers.Accept.ParseAdd("application/openmetrics-text; version=1.0.0, text/plain; q=0.5");
        using var response = await _server.Client.SendAsync(request);

        Assert.Equal("text/plain; version=0.0.4; charset=utf-8", response.Content.Headers.ContentType!.ToString());
        Assert.Contains($$"""tempo_distributor_spans_received_total{tenant="{{Tenant}}"} 1""", await response.Content.ReadAsStringAsync());
        using var head = await _server.Client.SendAsync(new HttpRequestMessage(HttpMethod.Head, _server.Api("/metrics")));
        Assert.True(head.IsSuccessStatusCode);
    }

    // Every instrument there is, once, and what is observed as it is: what the page must have of it.
    private static (SortedDictionary<string, string> Types, List<string> Series) MeasureEverything(Meter meter)
    {
        var types = new SortedDictionary<string, string>(StringComparer.Ordinal);
        var series = new List<string>();
        KeyValuePair<string, object?>[] tags = [new("tenant", Tenant), new("reason", "a \"reason\"\n")];
        using var listener = new MeterListener();
        listener.SetMeasurementEventCallback<long>((instrument, value, measured, _) => series.Add(Line(instrument.Name, value, measured.ToArray())));
        listener.SetMeasurementEventCallback<int>((instrument, value, measured, _) => series.Add(Line(instrument.Name, value, measured.ToArray())));
        listener.SetMeasurementEventCallback<double>((instrument, value, measured, _) => series.AddRange(
            instrument is Histogram<double> histogram ? Histogram(histogram.Name, histogram.Advice!.HistogramBucketBoundaries!, value, measured.ToArray()) : [Line(instrument.Name, value, measured.ToArray())]));
        listener.InstrumentPublished = (instrument, _) =>
        {
            if (instrument.Meter != meter)
                return;
            listener.EnableMeasurementEvents(instrument);
            types.Add(instrument.Name, instrument switch { Counter<long> or ObservableCounter<long> or ObservableCounter<double> => "counter", Histogram<double> => "histogram", _ => "gauge" });
            switch (instrument)
            {
                case Counter<long> counter: counter.Add(3, tags); break;
                case Gauge<long> gauge: gauge.Record(4, tags); break;
                case Gauge<double> gauge: gauge.Record(4.5, tags); break;
                case Histogram<double> histogram: histogram.Record(0.125, tags); break;
                default: Assert.True(instrument.IsObservable, $"{instrument.Name} is a {instrument.GetType().Name}"); break;
            }
        };
        listener.Start();
        listener.RecordObservableInstruments();
        return (types, [.. series.Where(IsOfTheTest).Order(StringComparer.Ordinal)]);
    }

    private static IEnumerable<string> Histogram(string name, IReadOnlyList<double> bounds, double value, KeyValuePair<string, object?>[] tags)
    {
        foreach (var bound in (double[])[.. bounds, double.PositiveInfinity])
            yield return Line(name + "_bucket", value <= bound ? 1 : 0, [.. tags, new("le", double.IsFinite(bound) ? bound : "+Inf")]);
        yield return Line(name + "_sum", value, tags);
        yield return Line(name + "_count", 1, tags);
    }

    private static string Line(string name, double value, KeyValuePair<string, object?>[] tags)
    {
        var labels = tags.Select(static tag => $"{tag.Key}=\"{Convert.ToString(tag.Value, CultureInfo.InvariantCulture)!.Replace("\\", "\\\\").Replace("\"", "\\\"").Replace("\n", "\\n")}\"");
        return string.Create(CultureInfo.InvariantCulture, $"{name}{{{string.Join(',', labels.Order(StringComparer.Ordinal))}}} {value}");
    }

    private async Task<(SortedDictionary<string, string> Types, List<string> Series)> ReadAsync(Func<string, bool> which)
    {
        var lines = (await _server.Client.GetStringAsync(_server.Api("/metrics"))).Split('\n');
        var types = lines.Where(static l => l.StartsWith("# TYPE ", StringComparison.Ordinal)).Select(static l => l.Split(' ')).Where(l => which(l[2])).ToDictionary(static l => l[2], static l => l[3]);
        return (new(types, StringComparer.Ordinal), [.. lines.Where(which).Where(IsOfTheTest).Select(WithLabelsInOrder).Order(StringComparer.Ordinal)]);
    }

    private static bool IsOfTheTest(string line) => line.Contains(Tenant) || line.Contains("config=");

    private static string WithLabelsInOrder(string line) => Regex.Replace(line, @"\{(.*)\}", static labels =>
        "{" + string.Join(',', Regex.Matches(labels.Groups[1].Value, @"\w+=""(?:[^""\\]|\\.)*""").Select(static l => l.Value).Order(StringComparer.Ordinal)) + "}");
}
