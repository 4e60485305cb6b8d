using OrleansTempo.Cluster.Harness;
using Xunit.Abstractions;

namespace OrleansTempo.Cluster;

/// <summary>Three real silos and a real Prometheus: spans arrive through any silo while silos come and go.</summary>
public sealed class ThreeSilosTests(ITestOutputHelper output)
{
    private const string Calls = "traces_spanmetrics_calls_total";
    private const string Dropped = "tempo_distributor_forwarder_spans_dropped_total";
    private const string Lost = "tempo_metrics_generator_spans_lost_max_total";

    private static readonly TempoSettings s_settings = new()
    {
        Test = "cluster",
        CollectionInterval = "2s",
        Ingester = "partitions: 6, trace_idle_period: 500ms, trace_live_period: 2s, flush_check_period: 200ms, max_block_duration: 3s",
        Trace = "blocklist_poll: 2s",
    };

    [ClusterFact]
    public async Task What_comes_through_all_of_them_is_counted_once_and_a_rolling_restart_loses_nothing()
    {
        await using var cluster = await ThreeSilos.StartAsync(s_settings);
        var sent = new SentSpans();
        var load = new CountedLoad(cluster.Silos, sent);

        await SendAndCountAsync(cluster, load);
        Assert.Equal(0, load.Resent);
        await AssertFoundAsync(cluster.Silos, sent, "before the restarts");
        var before = load.Calls;

        var stopLoad = load.Start();
        foreach (var silo in cluster.Silos)
        {
            Assert.Equal(0, await silo.TerminateAsync());
            await silo.StartAgainAsync();
            await Task.Delay(TimeSpan.FromSeconds(2));
        }

        await stopLoad();
        Assert.Empty(load.BadRefusals);
        Assert.True(load.Calls > before + 1000, $"only {load.Calls - before} calls were sent");

        // Every acknowledged span, once: but those of a request whose answer got lost were sent again, and may be counted twice.
        var counted = await SettledAsync(cluster);
        Assert.True(
            counted >= load.Calls * 2 && counted <= (load.Calls + load.Resent) * 2,
            $"{counted} spans are counted of {load.Calls * 2}, and {load.Resent * 2} may be twice\n{cluster.Logs}");
        Assert.Equal((0, 0), (await cluster.OwnAsync(Dropped), await cluster.OwnAsync(Lost)));
        foreach (var (key, samples) in await cluster.Prometheus.RawSamplesAsync($"{{__name__=~\"traces_.+(_total|_count|_sum|_bucket)\"}}"))
            Assert.True(samples.Zip(samples.Skip(1)).All(static pair => pair.First.Value <= pair.Second.Value), $"{key} decreased: {string.Join(' ', samples)}\n{cluster.Logs}");
        await cluster.AssertOneWriterAsync();
        await AssertFoundAsync(cluster.Silos, sent, "after the restarts");
    }

    [ClusterFact]
    public async Task A_silo_that_is_killed_takes_no_acknowledged_span_with_it_and_its_counters_begin_again_at_0()
    {
        await using var cluster = await ThreeSilos.StartAsync(s_settings);
        var sent = new SentSpans();
        var load = new CountedLoad(cluster.Silos, sent);
        await SendAndCountAsync(cluster, load);
        var victim = await cluster.GeneratorAsync();
        var survivors = cluster.Silos.Where(silo => silo != victim).ToArray();

        // Its live traces are only in its log, and what it has counted since its last collection is nowhere.
        var stopLoad = load.Start();
        await Task.Delay(TimeSpan.FromSeconds(1));
        await victim.KillAsync();
        var (killed, atKill) = (DateTimeOffset.UtcNow, load.Calls);
        await Task.Delay(TimeSpan.FromSeconds(15));
        await stopLoad();
        Assert.Empty(load.BadRefusals);
        Assert.True(load.Calls > atKill + 1000, $"only {load.Calls - atKill} calls were sent after the kill");
        output.WriteLine($"the longest that a request took until it was acknowledged: {load.Longest.TotalSeconds:F1} s");

        // Everything acknowledged is found, once another silo has adopted the dead one's log.
        await Eventually.GetAsync(() => Task.FromResult(survivors.Any(static silo => silo.Log.Contains("Adopted the write-ahead log", StringComparison.Ordinal))), static adopted => adopted, _ => cluster.Logs);
        await AssertFoundAsync(survivors, sent, "after the kill");

        await SettledAsync(cluster, survivors);
        await cluster.AssertOneWriterAsync();
        var series = await cluster.Prometheus.RawSamplesAsync($"{Calls}{{service=\"web\"}}");
        var samples = Assert.Single(series).Value;
        var reset = Enumerable.Range(1, samples.Count - 1).Single(i => samples[i].Value < samples[i - 1].Value);
        Assert.Equal(0, samples[reset].Value);
        Assert.True(samples[reset].Milliseconds >= killed.ToUnixTimeMilliseconds());

        // What is missing from the counters is said to be.
        double said = 0;
        foreach (var silo in survivors)
        {
            var own = await silo.OwnMetricsAsync();
            said += own.Sum(Dropped) + own.Sum(Lost);
        }

        var increase = (await cluster.Prometheus.RawSamplesAsync(Calls)).Sum(static s => Increase([.. s.Value.Select(static v => v.Value)]));
        output.WriteLine($"{load.Calls * 2} spans acknowledged, {increase} counted, {said} said to be missing at most, {load.Resent * 2} sent again");
        Assert.InRange(increase, (load.Calls * 2) - said, (load.Calls + load.Resent) * 2);

        // The bound is the next power of two of what comes between two collections, so it grows with what the machine can send.
        Assert.InRange(said, 256, Math.Max(20_000, load.Calls));
    }

    [ClusterFact]
    public async Task With_every_collection_the_counters_of_a_silo_that_is_killed_go_on_in_another()
    {
        await using var cluster = await ThreeSilos.StartAsync(s_settings with { Snapshot = "every_collection" });
        var load = new CountedLoad(cluster.Silos, new SentSpans());
        await SendAndCountAsync(cluster, load);
        var victim = await cluster.GeneratorAsync();
        var survivors = cluster.Silos.Where(silo => silo != victim).ToArray();

        var stopLoad = load.Start();
        await Task.Delay(TimeSpan.FromSeconds(3));
        await victim.KillAsync();
        await Task.Delay(TimeSpan.FromSeconds(15));
        await stopLoad();

        await SettledAsync(cluster, survivors);
        await cluster.AssertOneWriterAsync();
        foreach (var (key, samples) in await cluster.Prometheus.RawSamplesAsync("{__name__=~\"traces_.+(_total|_count|_sum|_bucket)\"}"))
            Assert.True(samples.Zip(samples.Skip(1)).All(static pair => pair.First.Value <= pair.Second.Value), $"{key} decreased: {string.Join(' ', samples)}\n{cluster.Logs}");
        double restored = 0;
        foreach (var silo in survivors)
            restored += (await silo.OwnMetricsAsync()).Sum("tempo_metrics_generator_snapshots_restored_total");
        Assert.Equal(1, restored);
    }

    [ClusterFact]
    public async Task A_silo_that_stands_still_and_goes_on_writes_no_series_a_second_time()
    {
        await using var cluster = await ThreeSilos.StartAsync(s_settings);
        var sent = new SentSpans();
        var load = new CountedLoad(cluster.Silos, sent);
        await SendAndCountAsync(cluster, load);
        var victim = await cluster.GeneratorAsync();
        var survivors = cluster.Silos.Where(silo => silo != victim).ToArray();

        victim.Pause();
        var others = new CountedLoad(survivors, sent);
        var stopLoad = others.Start();
        await Eventually.GetAsync(() => cluster.GeneratorAsync(), silo => silo != victim, _ => cluster.Logs);
        await Task.Delay(TimeSpan.FromSeconds(20));
        victim.Continue();

        // It learns that it has been declared dead, and ends; its supervisor starts it again.
        Assert.NotEqual(0, await victim.WaitForExitAsync());
        await victim.StartAgainAsync();
        await Task.Delay(TimeSpan.FromSeconds(3));
        await stopLoad();

        await SettledAsync(cluster);
        await cluster.AssertOneWriterAsync();
        await Eventually.GetAsync(() => Task.FromResult(cluster.Silos.Any(static silo => silo.Log.Contains("Adopted the write-ahead log", StringComparison.Ordinal))), static adopted => adopted, _ => cluster.Logs);
        await AssertFoundAsync(cluster.Silos, sent, "after it stood still");
        Assert.Empty(others.BadRefusals);
    }

    // As Prometheus' increase() counts: a lower value means a restart from 0.
    private static double Increase(double[] values) => Enumerable.Range(1, values.Length - 1).Sum(i => values[i] >= values[i - 1] ? values[i] - values[i - 1] : values[i]);

    // Each trace through one of the silos: there are tens of thousands.
    private static async Task AssertFoundAsync(IReadOnlyList<SiloProcess> silos, SentSpans sent, string when)
    {
        var traces = sent.Traces;
        for (var i = 0; i < silos.Count; i++)
            await sent.AssertFoundAsync(silos[i].Traces, traces.Where((_, place) => place % silos.Count == i), when);
    }

    private static async Task<double> GeneratedAsync(SiloProcess silo) => (await silo.GeneratedAsync()).Sum(Calls);

    // While nothing happens to any silo, each span is counted once.
    private static async Task SendAndCountAsync(ThreeSilos cluster, CountedLoad load)
    {
        var stopLoad = load.Start();
        await Task.Delay(TimeSpan.FromSeconds(6));
        await stopLoad();
        await Eventually.GetAsync(
            () => cluster.StoredAsync(Calls),
            counted => counted == load.Calls * 2,
            counted => $"{counted} spans are counted of {load.Calls * 2}\n{cluster.Logs}");
    }

    // Waits until Prometheus has what the generator has, and that no longer changes.
    private static Task<double> SettledAsync(ThreeSilos cluster, IReadOnlyList<SiloProcess>? silos = null) => Eventually.GetAsync(
        async () =>
        {
            var generated = await GeneratedAsync((silos ?? cluster.Silos)[0]);
            await Task.Delay(TimeSpan.FromSeconds(3));
            return await cluster.StoredAsync(Calls) == generated && generated == await GeneratedAsync((silos ?? cluster.Silos)[0]) ? generated : -1;
        },
        static settled => settled >= 0,
        _ => $"Prometheus does not have what is generated\n{cluster.Logs}");
}
