using System.Net;
using OrleansTempo.Core.Generator.ServiceGraphs;
using OrleansTempo.Integration.Harness;

namespace OrleansTempo.Integration;

/// <summary>Counters in Prometheus through stops and kills of the process that sends them, and through requests that are sent again.</summary>
public sealed class ContinuityTests(PrometheusFixture fixture) : IClassFixture<PrometheusFixture>
{
    private const string Served = """traces_spanmetrics_calls_total{service="server",span_kind="SPAN_KIND_SERVER",span_name="serve",status_code="STATUS_CODE_UNSET"}""";
    private const string Edge = """traces_service_graph_request_total{client="client",server="server"}""";

    private PrometheusProcess Prometheus => fixture.Process;

    [PrometheusFact]
    public async Task Counters_go_on_exactly_through_stops_and_so_do_edges_that_wait()
    {
        await using var silo = await StartAsync(new() { Test = "stops", Wait = "60s" });
        for (var run = 1; run <= 3; run++)
        {
            var (client, server) = GoldenBodies.Sides("client", "server");
            Assert.Equal(HttpStatusCode.OK, await silo.Sender.PostAsync(client));
            await SendAsync(silo, 4);

            // At times with a collection in between, at times with what was never collected but by the stop.
            if (run == 2)
                await StoredAsync(silo, Served, 9);
            Assert.True(await silo.TerminateAsync() == 0, silo.Log);
            await silo.StartAgainAsync();
            Assert.Contains("series of the previous process", silo.LogOfThisRun);
            Assert.Equal(HttpStatusCode.OK, await silo.Sender.PostAsync(server));
        }

        await StoredAsync(silo, Served, 15);
        await StoredAsync(silo, Edge, 15);
        await AssertNoResetsAsync(silo);
        foreach (var (series, samples) in await RawAsync(silo))
            Assert.True(samples.Count(static s => s.Value == 0) <= 1 || series.Contains("_bucket{", StringComparison.Ordinal), $"{series}: {string.Join(' ', samples)}");
        Assert.Equal(1, (await silo.OwnMetricsAsync()).Sum("tempo_metrics_generator_snapshots_restored_total"));
        Assert.DoesNotContain("start again at 0", silo.Log);
        Assert.Empty(Prometheus.OrderComplaints);
    }

    [PrometheusFact]
    public async Task After_a_kill_counters_begin_again_at_an_explicit_0_and_nothing_counts_twice()
    {
        await using var silo = await StartAsync(new() { Test = "kill-on-stop" });
        await SendAsync(silo, 5);
        Assert.True(await silo.TerminateAsync() == 0, silo.Log);
        await silo.StartAgainAsync();
        await SendAsync(silo, 2);
        await StoredAsync(silo, Served, 7);

        await silo.KillAsync();
        await silo.StartAgainAsync();
        Assert.Contains("counters start again at 0: the previous process did not shut down cleanly", silo.LogOfThisRun);
        await SendAsync(silo, 3);
        await StoredAsync(silo, Served, 3);

        Assert.Equal(10, await CountedAsync(silo, Served));
        var values = (await RawAsync(silo))[Served].Select(static s => s.Value).ToList();
        Assert.Equal(0, values[values.LastIndexOf(7) + 1]);
        Assert.Equal(1, (await silo.OwnMetricsAsync()).Sum("tempo_metrics_generator_snapshots_refused_total"));
        Assert.Empty(Prometheus.OrderComplaints);
    }

    [PrometheusFact]
    public async Task With_every_collection_counters_go_on_through_kills_from_what_was_sent_last()
    {
        await using var silo = await StartAsync(new() { Test = "kill-every", Snapshot = "every_collection" });
        var random = new Random(1);
        double stored = 0;
        for (var run = 1; run <= 6; run++)
        {
            await SendAsync(silo, 3);
            stored = await StoredAsync(silo, Served, stored + 3);

            // These may be collected or not, when it dies.
            var more = random.Next(4);
            await SendAsync(silo, more);
            await Task.Delay(random.Next(1500));
            await silo.KillAsync();
            await silo.StartAgainAsync();
            Assert.Contains("series of the previous process", silo.LogOfThisRun);
            var collected = (await silo.GeneratedAsync())[Served];
            Assert.InRange(collected, stored, stored + more);
            stored = collected;
        }

        await SendAsync(silo, 1);
        await StoredAsync(silo, Served, stored + 1);
        await AssertNoResetsAsync(silo);
        Assert.Equal(stored + 1, await CountedAsync(silo, Served));
        Assert.DoesNotContain("start again at 0", silo.Log);
        Assert.Empty(Prometheus.OrderComplaints);
    }

    [PrometheusFact]
    public async Task A_snapshot_that_was_damaged_is_refused_with_the_reason()
    {
        await using var silo = await StartAsync(new() { Test = "damaged" });
        await SendAsync(silo, 5);
        Assert.True(await silo.TerminateAsync() == 0, silo.Log);
        var path = Path.Combine(silo.BlocksFolder, Assert.Single(silo.StoredObjects, static name => name.StartsWith("grains/generator/", StringComparison.Ordinal)));
        var bytes = await File.ReadAllBytesAsync(path);
        bytes[bytes.Length / 2] ^= 1;
        await File.WriteAllBytesAsync(path, bytes);

        await silo.StartAgainAsync();
        Assert.Contains("counters start again at 0: the snapshot is corrupt: its checksum does not match", silo.LogOfThisRun);
        await SendAsync(silo, 2);
        await StoredAsync(silo, Served, 2);
        Assert.Equal(7, await CountedAsync(silo, Served));
    }

    [PrometheusFact]
    public async Task A_request_that_is_sent_again_counts_once_with_dedupe_window_and_twice_without()
    {
        await using var once = await StartAsync(new() { Test = "dedupe", DedupeWindow = "1m" });
        await using var twice = await StartAsync(new() { Test = "no-dedupe" });
        foreach (var silo in (SiloProcess[])[once, twice])
        {
            var body = GoldenBodies.Call("client", "server");
            for (var i = 0; i < 2; i++)
                Assert.Equal(HttpStatusCode.OK, await silo.Sender.PostAsync(body));
            await SendAsync(silo, 1);
        }

        await StoredAsync(twice, Served, 3);
        await StoredAsync(once, Served, 2);
        Assert.Equal(2, (await once.OwnMetricsAsync()).Where(static s => s.Contains("duplicate_span")).Sum("tempo_metrics_generator_spans_discarded_total"));
    }

    private async Task AssertNoResetsAsync(SiloProcess silo)
    {
        foreach (var metric in (string[])["traces_spanmetrics_calls_total", "traces_spanmetrics_latency_bucket", "traces_spanmetrics_size_total", "traces_service_graph_request_total"])
        {
            var resets = await Prometheus.QueryAsync($"resets({metric}{{test=\"{silo.Test}\"}}[15m])");
            Assert.NotEmpty(resets);
            Assert.All(resets, static series => Assert.Equal(0, series.Value));
        }
    }

    private Task<SiloProcess> StartAsync(TempoSettings settings) => SiloProcess.StartAsync(settings with { RemoteWriteUrls = [Prometheus.RemoteWriteUrl] });

    private static async Task SendAsync(SiloProcess silo, int calls)
    {
        for (; calls > 0; calls--)
            Assert.Equal(HttpStatusCode.OK, await silo.Sender.PostAsync(GoldenBodies.Call("client", "server")));
    }

    private async Task<double> StoredAsync(SiloProcess silo, string series, double value)
    {
        await Eventually.GetAsync(
            async () => (await silo.StoredAsync(Prometheus)).GetValueOrDefault(series),
            stored => stored == value,
            stored => $"{series} is {stored}, not {value}\n{silo.Log}");
        return value;
    }

    // As increase() counts, but for what it extrapolates.
    private async Task<double> CountedAsync(SiloProcess silo, string series)
    {
        double sum = 0, before = 0;
        foreach (var (_, value) in (await RawAsync(silo))[series])
        {
            sum += value >= before ? value - before : value;
            before = value;
        }

        return sum;
    }

    private async Task<Dictionary<string, IReadOnlyList<(long Milliseconds, double Value)>>> RawAsync(SiloProcess silo) =>
        (await Prometheus.RawSamplesAsync($"{{__name__=~\"traces_.+\",test=\"{silo.Test}\"}}"))
            .ToDictionary(series => series.Key.Replace($",test=\"{silo.Test}\"", "", StringComparison.Ordinal), static series => series.Value);
}
