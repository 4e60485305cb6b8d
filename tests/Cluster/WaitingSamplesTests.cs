using OrleansTempo.Cluster.Harness;
using OrleansTempo.Integration.Harness;

namespace OrleansTempo.Cluster;

/// <summary>Samples that wait for an unreachable Prometheus belong to the tenant: they move with the generator from silo to silo.</summary>
public sealed class WaitingSamplesTests
{
    private const string Selector = "{__name__=~\"traces_.+\"}";

    [ClusterFact]
    public async Task What_waits_while_a_generator_moves_by_a_stop_and_by_a_kill_arrives_in_order()
    {
        // The cluster's own Prometheus is never stopped: in the end, the other one must have the same samples.
        await using var away = await PrometheusProcess.StartAsync();
        await using var cluster = await ThreeSilos.StartAsync(new() { Test = "waiting", CollectionInterval = "1s", RemoteWriteUrls = [away.RemoteWriteUrl], FlushDeadline = "3s" });
        var stopLoad = new CountedLoad(cluster.Silos, new SentSpans(), senders: 1).Start();
        await CollectedAsync(cluster);

        await away.StopAsync();
        await CollectedAsync(cluster);
        var stopped = await cluster.GeneratorAsync();
        Assert.True(await stopped.TerminateAsync() == 0, stopped.Log);
        await CollectedAsync(cluster);
        await stopped.StartAgainAsync();

        var killed = await cluster.GeneratorAsync();
        Assert.NotEqual(stopped, killed);
        await killed.KillAsync();
        var atKill = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        await CollectedAsync(cluster);
        await killed.StartAgainAsync();

        await away.StartAgainAsync();
        await Eventually.GetAsync(() => cluster.OwnAsync("prometheus_remote_storage_samples_pending"), static pending => pending == 0, pending => $"{pending} samples wait\n{cluster.Logs}");
        await CollectedAsync(cluster);
        await stopLoad();
        foreach (var silo in cluster.Silos)
            await silo.TerminateAsync();

        var expected = await cluster.Prometheus.RawSamplesAsync(Selector);
        var actual = await away.RawSamplesAsync(Selector);
        Assert.Equal(expected.Keys, actual.Keys);
        AssertOneCollectionAtMost(expected, actual, atKill);
        AssertOneCollectionAtMost(actual, expected, atKill);
        Assert.Empty(away.OrderComplaints);
        await cluster.AssertOneWriterAsync();
    }

    // Samples that only one of them has were in flight when their silo was killed: one collection, or none.
    private static void AssertOneCollectionAtMost(
        SortedDictionary<string, IReadOnlyList<(long Milliseconds, double Value)>> one, SortedDictionary<string, IReadOnlyList<(long Milliseconds, double Value)>> other, long atKill)
    {
        var missing = one.SelectMany(series => series.Value.Except(other[series.Key])).Select(static sample => sample.Milliseconds).Distinct().ToList();
        Assert.True(missing.Count <= 1, $"collections of {string.Join(", ", missing)} are missing in part; the kill was at {atKill}");
        Assert.All(missing, milliseconds => Assert.InRange(milliseconds, atKill - 10_000, atKill));
    }

    // Waits until the Prometheus that is never stopped has five more collections.
    private static async Task CollectedAsync(ThreeSilos cluster)
    {
        var from = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        await Eventually.GetAsync(
            async () => (await cluster.Prometheus.RawSamplesAsync("traces_service_graph_request_total")).Values.SelectMany(static samples => samples).Count(sample => sample.Milliseconds > from),
            static collections => collections >= 5,
            collections => $"{collections} collections\n{cluster.Logs}");
    }
}
