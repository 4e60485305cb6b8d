using System.Diagnostics;
using OrleansTempo.Cluster.Harness;
using OrleansTempo.Integration.Harness;
using Xunit.Abstractions;

namespace OrleansTempo.Cluster;

/// <summary>A failure of one tenant does not affect the others.</summary>
public sealed class TenantsTests(PrometheusFixture prometheus, ITestOutputHelper output) : IClassFixture<PrometheusFixture>
{
    private const string Calls = "traces_spanmetrics_calls_total";
    private const string Good = "good", Bad = "bad";
    private const int Requests = 300;

    [PrometheusFact]
    public async Task A_remote_end_that_hangs_for_one_tenant_and_its_broken_requests_leave_the_other_as_it_is()
    {
        using var gate = new TenantGate(FreePorts.Next(), prometheus.Process.RemoteWriteUrl, Bad);
        await using var silo = await SiloProcess.StartAsync(
            new() { Test = "tenants", Multitenancy = true, RemoteWriteUrls = [gate.Url], Trace = "wal: { type: file }" });
        var alone = await LatencyAsync(silo);

        using var stop = new CancellationTokenSource();
        var trouble = Task.WhenAll(Enumerable.Range(0, 4).Select(seed => Task.Run(() => TroubleAsync(silo, new Random(seed), stop.Token))));
        await Eventually.GetAsync(() => Task.FromResult(gate.Waiting), static waiting => waiting > 0, static waiting => $"{waiting} requests of the other tenant");
        var beside = await LatencyAsync(silo);
        await stop.CancelAsync();
        await trouble;

        // The duration is only for readers: a test asserts no time.
        output.WriteLine($"median and 99th percentile of {Requests} requests: alone {alone.Median:F1} and {alone.Percentile99:F1} ms, beside the other tenant's trouble {beside.Median:F1} and {beside.Percentile99:F1} ms");
        await Eventually.GetAsync(
            async () => (await prometheus.Process.QueryAsync($"sum({Calls}{{test=\"{silo.Test}\"}})")).Values.FirstOrDefault(),
            static counted => counted == 2 * 2 * Requests,
            counted => $"{counted} spans of {2 * 2 * Requests}\n{silo.Log}");
        Assert.DoesNotContain("level=error", silo.Log, StringComparison.Ordinal);
        Assert.Equal(0, (await silo.OwnMetricsAsync()).Where(static key => key.Contains($"tenant=\"{Good}\"")).Sum("tempo_distributor_forwarder_spans_dropped_total"));
    }

    private static async Task TroubleAsync(SiloProcess silo, Random random, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            var body = GoldenBodies.Call($"client-{random.Next(100_000)}", "\u2620");
            Assert.Equal(200, (await silo.Sender.PushAsync(body, Bad)).Code);
            for (var i = 0; i < 20; i++)
                body[random.Next(body.Length)] = (byte)random.Next(256);
            Assert.InRange((await silo.Sender.PushAsync(body, Bad)).Code, 200, 400);
        }
    }

    private static async Task<(double Median, double Percentile99)> LatencyAsync(SiloProcess silo)
    {
        var took = new List<double>();
        for (var i = 0; i < Requests; i++)
        {
            var body = GoldenBodies.Call("a", "b");
            var begun = Stopwatch.GetTimestamp();
            Assert.Equal(200, (await silo.Sender.PushAsync(body, Good)).Code);
            took.Add(Stopwatch.GetElapsedTime(begun).TotalMilliseconds);
        }

        took.Sort();
        return (took[took.Count / 2], took[took.Count * 99 / 100]);
    }
}
