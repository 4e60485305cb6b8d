using System.Diagnostics.Metrics;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Logging.Abstractions;
using OrleansTempo.Core;
using OrleansTempo.Core.Overrides;
using OrleansTempo.Core.RemoteWrite;
using OrleansTempo.Core.Storage;
using OrleansTempo.Integration.Harness;
using OrleansTempo.Server.Configuration;
using OrleansTempo.Server.Tests;
using OrleansTempo.Silo.Exposition;

namespace OrleansTempo.Cluster.Exposition;

public sealed class MetricsPageTests : IAsyncLifetime
{
    private const string Tenant = "of-both-pages";

    private readonly MetricsPage _page = new();
    private RunningServer _standalone = null!;
    private RunningServer _silo = null!;

    public async Task InitializeAsync()
    {
        _standalone = await RunningServer.StartAsync();
        _silo = await RunningServer.StartAsync(adapt: parts => parts with { Metrics = null, Routes = [_page.Route] });
    }

    public async Task DisposeAsync()
    {
        await _standalone.DisposeAsync();
        await _silo.DisposeAsync();
        _page.Dispose();
    }

    [Fact]
    public async Task Every_metric_of_ours_has_the_same_name_type_labels_and_buckets_on_the_page_of_a_silo_and_of_standalone()
    {
        var storage = new GeneratorStorageOptions { RemoteWrite = [new RemoteWriteOptions { Url = "http://localhost:1/api/v1/write" }] };
        using var endpoint = RemoteWriteEndpoint.CreateAll(storage, TimeProvider.System).Single();
        var settings = new RemoteWriterSettings(GeneratorSettings.Resolve(new MetricsGeneratorOptions(), new TenantOverrides()), storage);
        Assert.True(TenantId.TryParse(Tenant, out var tenant, out _));
        await using var writer = new RemoteWriter(tenant, [endpoint], settings, new RemoteWriteMetrics(_standalone.Metrics), TimeProvider.System, NullLogger.Instance);
        using var folder = new TemporaryFolder();
        var perTenant = new OverridesOptions { PerTenantOverrideConfig = folder.Write("overrides.yaml", $"overrides: {{ {Tenant}: {{}} }}\n"), UserConfigurableOverrides = new UserConfigurableOverridesOptions { Enabled = true } };
        Assert.True(ConfiguredOverrides.TryOpen(
            new TempoOptions { Overrides = perTenant }, new Dictionary<string, string>(), _standalone.Metrics, TimeProvider.System, NullLoggerFactory.Instance, NullLogger.Instance, out var overrides));
        using var store = new FileObjectStore(folder.Path, TimeProvider.System, NullLogger.Instance);
        await overrides.OpenUserConfigurableAsync(store, static (key, _) => throw new ArgumentException(key), CancellationToken.None);
        await using var disposeOverrides = overrides;
        var instruments = MeasureEverything(_standalone.Metrics.Meter);

        var standalone = await ReadAsync(_standalone, IsOurs);
        var silo = await ReadAsync(_silo, IsOurs);

        Assert.Equal(instruments.Order(), standalone.Types.Keys.Order());
        Assert.Equal(standalone.Types, silo.Types);
        Assert.Equal(standalone.Series, silo.Series);
        Assert.Contains(silo.Series, static s => s.StartsWith("""tempo_ingester_flush_duration_seconds_bucket{le="0.25",""", StringComparison.Ordinal) && s.EndsWith("} 1", StringComparison.Ordinal));

        static bool IsOurs(string name) => name.StartsWith("tempo", StringComparison.Ordinal) || name.StartsWith("prometheus_", StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_process_and_the_runtime_have_the_same_names_on_both_pages()
    {
        var standalone = await ReadAsync(_standalone, IsTheProcess);
        var silo = await ReadAsync(_silo, IsTheProcess);

        // OpenTelemetry takes .NET's word for it that these count up only.
        Assert.Equal(["dotnet_thread_pool_queue_length", "dotnet_thread_pool_thread_count"], standalone.Types.Except(silo.Types).Select(static t => t.Key).Order());
        Assert.Equal(standalone.Types.Keys.Order(), silo.Types.Keys.Order());
        Assert.Contains("process_resident_memory_bytes", silo.Types.Keys);

        static bool IsTheProcess(string name) => name.StartsWith("process_", StringComparison.Ordinal) || name.StartsWith("dotnet_", StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_scrape_that_prefers_openmetrics_gets_the_same_names()
    {
        _standalone.Metrics.SpansReceived.Add(1, new KeyValuePair<string, object?>("tenant", Tenant));
        using var request = new HttpRequestMessage(HttpMethod.Get, _silo.Api("/metrics"));
        request.Headers.Accept.ParseAdd("application/openmetrics-text; version=1.0.0, text/plain; q=0.5");
        using var response = await _silo.Client.SendAsync(request);

        Assert.Equal("text/plain; version=0.0.4; charset=utf-8", response.Content.Headers.ContentType!.ToString());
        Assert.Contains($$"""tempo_distributor_spans_received_total{tenant="{{Tenant}}"} 1""", await response.Content.ReadAsStringAsync());
        using var head = await _silo.Client.SendAsync(new HttpRequestMessage(HttpMethod.Head, _silo.Api("/metrics")));
        Assert.True(head.IsSuccessStatusCode);
    }

    // Every instrument there is, once; what is observed has its values already.
    private static List<string> MeasureEverything(Meter meter)
    {
        var names = new List<string>();
        KeyValuePair<string, object?>[] tags = [new("tenant", Tenant), new("reason", "a \"reason\"\n")];
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, _) =>
        {
            if (instrument.Meter != meter)
                return;
            names.Add(instrument.Name);
            switch (instrument)
            {
                case Counter<long> counter: counter.Add(3, tags); break;
                case Gauge<long> gauge: gauge.Record(4, tags); break;
                case Histogram<double> histogram: histogram.Record(0.125, tags); break;
                default: Assert.True(instrument.IsObservable, $"{instrument.Name} is a {instrument.GetType().Name}"); break;
            }
        };
        listener.Start();
        return names;
    }

    private static async Task<(Dictionary<string, string> Types, List<string> Series)> ReadAsync(RunningServer server, Func<string, bool> which)
    {
        var lines = (await server.Client.GetStringAsync(server.Api("/metrics"))).Split('\n');
        var types = lines.Where(static l => l.StartsWith("# TYPE ", StringComparison.Ordinal)).Select(static l => l.Split(' ')).Where(l => which(l[2])).ToDictionary(static l => l[2], static l => l[3]);
        var series = lines.Where(which).Where(static l => l.Contains(Tenant) || l.Contains("config=")).Select(WithLabelsInOrder).Order(StringComparer.Ordinal).ToList();
        return (types, series);
    }

    private static string WithLabelsInOrder(string line) => Regex.Replace(line, @"\{(.*)\}", static labels =>
        "{" + string.Join(',', Regex.Matches(labels.Groups[1].Value, @"\w+=""(?:[^""\\]|\\.)*""").Select(static l => l.Value).Order(StringComparer.Ordinal)) + "}");
}
