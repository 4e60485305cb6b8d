using System.Net;

namespace OrleansTempo.Integration;

/// <summary>Remote ends that are away, hang or answer errors: nothing is lost that a bounded queue can hold, and nothing waits for them.</summary>
public sealed class OutageTests
{
    [PrometheusFact]
    public async Task Prometheus_that_was_away_for_ten_collections_gets_every_sample_in_order()
    {
        // The other one is never stopped: what it has is what the first must have in the end.
        await using var reference = await PrometheusProcess.StartAsync();
        await using var prometheus = await PrometheusProcess.StartAsync();
        await using var silo = await SiloProcess.StartAsync(new() { Test = "outage", RemoteWriteUrls = [prometheus.RemoteWriteUrl, reference.RemoteWriteUrl] });

        var sent = 0;
        using var enough = new CancellationTokenSource();
        var sending = Task.Run(async () =>
        {
            while (!enough.IsCancellationRequested)
            {
                Assert.Equal(HttpStatusCode.OK, await silo.Sender.PostAsync(GoldenBodies.Call("away-client", "away-server")));
                sent++;
                await Task.Delay(100);
            }
        });

        await silo.CollectAsync(3);
        await prometheus.StopAsync();
        await silo.CollectAsync(10);
        await prometheus.StartAgainAsync();
        await silo.CollectAsync(3);
        await enough.CancelAsync();
        await sending;
        // The last collection has left when the process has.
        Assert.True(await silo.TerminateAsync() == 0, silo.Log);

        const string Selector = "{__name__=~\"traces_.+\",test=\"outage\"}";
        var expected = await reference.RawSamplesAsync(Selector);
        var actual = await prometheus.RawSamplesAsync(Selector);
        Assert.Equal(expected.Keys, actual.Keys);
        foreach (var (series, samples) in expected)
        {
            Assert.True(samples.Count >= 16, $"{samples.Count} samples of {series}");
            Assert.Equal(samples, actual[series]);
        }

        var calls = expected.Single(series => series.Key.StartsWith("traces_spanmetrics_calls_total{", StringComparison.Ordinal) && series.Key.Contains("away-server"));
        Assert.Equal(sent, calls.Value[^1].Value);
        Assert.Empty(prometheus.OrderComplaints);
        Assert.Empty(reference.OrderComplaints);
    }

    [Fact]
    public async Task Remote_ends_that_hang_or_fail_hold_up_neither_ingestion_nor_collection()
    {
        using var hanging = new BrokenRemote(answers: false);
        using var failing = new BrokenRemote(answers: true);
        await using var silo = await SiloProcess.StartAsync(new() { Test = "broken", RemoteWriteUrls = [hanging.Url, failing.Url] });

        for (var call = 0; call < 200; call++)
            Assert.Equal(HttpStatusCode.OK, await silo.Sender.PostAsync(GoldenBodies.Call("client", "server")));
        await Eventually.GetAsync(() => Task.FromResult((hanging.Connections, failing.Connections)), seen => seen.Item1 > 0 && seen.Item2 > 0, seen => $"{seen} connections");
        await silo.CollectAsync(5);
        for (var call = 0; call < 200; call++)
            Assert.Equal(HttpStatusCode.OK, await silo.Sender.PostAsync(GoldenBodies.Call("client", "server")));
        await silo.CollectAsync(1);

        Assert.Equal(HttpStatusCode.OK, await silo.ReadyAsync());
        Assert.Equal(0, (await silo.OwnMetricsAsync()).Sum("tempo_distributor_forwarder_pushes_failures_total"));
        Assert.Equal(400, (await silo.GeneratedAsync()).Sum("traces_service_graph_request_total"));
    }
}
