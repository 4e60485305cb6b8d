using System.Globalization;
using System.Net;
using OrleansTempo.Integration.Harness;

namespace OrleansTempo.Integration;

/// <summary>What waits for a Prometheus that is away survives the process: killed or stopped, and sent by the next one in order.</summary>
public sealed class QueueOnDiskTests
{
    private const string Selector = "{__name__=~\"traces_.+\"}";

    [PrometheusFact]
    public async Task What_waited_through_kills_and_a_stop_while_Prometheus_was_away_arrives_in_order()
    {
        // The other one is never stopped: all that it has from before a process ended is what the first must have in the end.
        await using var reference = await PrometheusProcess.StartAsync();
        await using var prometheus = await PrometheusProcess.StartAsync();
        await using var standalone = await StandaloneProcess.StartAsync(new()
        {
            Test = "queue",
            RemoteWriteUrls = [prometheus.RemoteWriteUrl, reference.RemoteWriteUrl],
            FlushDeadline = "3s",
        });

        await CallAndCollectAsync(standalone);
        await prometheus.StopAsync();
        await CallAndCollectAsync(standalone);
        var firstKill = await KillAsync(standalone);
        await standalone.StartAgainAsync();

        // Nothing has come to this process yet.
        Assert.True((await standalone.OwnMetricsAsync()).Sum("prometheus_remote_storage_samples_pending_on_disk") > 0, standalone.Log);
        await CallAndCollectAsync(standalone);
        Assert.True(await standalone.TerminateAsync() == 0, standalone.Log);
        Assert.Contains("they are on disk, and the next start sends them", standalone.LogOfThisRun);
        Assert.DoesNotContain("are lost", standalone.Log);
        Assert.NotEmpty(QueuedFiles(standalone));

        await standalone.StartAgainAsync();
        await CallAndCollectAsync(standalone);
        var secondKill = await KillAsync(standalone);
        await prometheus.StartAgainAsync();
        await standalone.StartAgainAsync();
        await Eventually.GetAsync(standalone.OwnMetricsAsync, own => own.Sum("prometheus_remote_storage_samples_pending") == 0, own => $"{own}\n{standalone.Log}");
        await CallAndCollectAsync(standalone);
        Assert.True(await standalone.TerminateAsync() == 0, standalone.Log);

        var expected = await reference.RawSamplesAsync(Selector);
        var actual = await prometheus.RawSamplesAsync(Selector);
        Assert.Equal(expected.Keys, actual.Keys);
        foreach (var (series, samples) in expected)
        {
            Assert.True(samples.Count >= 15, $"{samples.Count} samples of {series}");

            // A collection that had left for the one may not have been written for the other yet.
            var missing = samples.Except(actual[series]).Where(sample => !IsWithin(firstKill, sample.Milliseconds) && !IsWithin(secondKill, sample.Milliseconds));
            Assert.True(!missing.Any(), $"{series} has not got {string.Join(' ', missing)}");
        }

        Assert.Empty(prometheus.OrderComplaints);
        Assert.Empty(reference.OrderComplaints);
        Assert.Empty(QueuedFiles(standalone));
        Assert.DoesNotContain("level=error", standalone.Log);
    }

    private static string[] QueuedFiles(StandaloneProcess standalone) => Directory.GetFiles(Path.Combine(standalone.Folder, "data", "generator"), "*.rw", SearchOption.AllDirectories);

    private static async Task CallAndCollectAsync(StandaloneProcess standalone)
    {
        for (var call = 0; call < 5; call++)
        {
            Assert.Equal(HttpStatusCode.OK, await standalone.Sender.PostAsync(GoldenBodies.Call("queue-client", "queue-server")));
            await standalone.CollectAsync(1);
        }
    }

    // From the newest collection on disk to the end of the process.
    private static async Task<(long After, long Until)> KillAsync(StandaloneProcess standalone)
    {
        await standalone.KillAsync();
        var until = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        var queued = QueuedFiles(standalone).Select(static file => long.Parse(Path.GetFileName(file).Split('-')[1], CultureInfo.InvariantCulture)).ToList();
        Assert.True(queued.Count >= 4, $"{queued.Count} collections are on disk:\n{standalone.Log}");
        return (queued.Max(), until);
    }

    private static bool IsWithin((long After, long Until) kill, long milliseconds) => milliseconds > kill.After && milliseconds <= kill.Until;
}
