using System.Net;

namespace OrleansTempo.Integration;

/// <summary>What waits for a Prometheus that is away survives the process: killed or stopped, and sent by the next one in order.</summary>
public sealed class QueueOnDiskTests
{
    private const string Selector = "{__name__=~\"traces_.+\"}";
    private const int HeaderBytes = 56;

    [PrometheusFact]
    public async Task What_waited_through_kills_and_a_stop_while_Prometheus_was_away_arrives_in_order()
    {
        // The other one is never stopped: all that it has from before a process ended is what the first must have in the end.
        await using var reference = await PrometheusProcess.StartAsync();
        await using var prometheus = await PrometheusProcess.StartAsync();
        await using var silo = await SiloProcess.StartAsync(new()
        {
            Test = "queue",
            RemoteWriteUrls = [prometheus.RemoteWriteUrl, reference.RemoteWriteUrl],
            FlushDeadline = "3s",
        });

        await CallAndCollectAsync(silo);
        await prometheus.StopAsync();
        await CallAndCollectAsync(silo);
        var firstKill = await KillAsync(silo);
        await silo.StartAgainAsync();

        // Nothing has come to this process yet.
        Assert.True((await silo.OwnMetricsAsync()).Sum("prometheus_remote_storage_samples_pending_on_disk") > 0, silo.Log);
        await CallAndCollectAsync(silo);
        Assert.True(await silo.TerminateAsync() == 0, silo.Log);
        Assert.Contains("they are kept in the object store and sent when it runs again", silo.LogOfThisRun);
        Assert.DoesNotContain("are lost", silo.Log);
        Assert.NotEmpty(Queued(silo));

        await silo.StartAgainAsync();
        await CallAndCollectAsync(silo);
        var secondKill = await KillAsync(silo);
        await prometheus.StartAgainAsync();
        await silo.StartAgainAsync();
        await Eventually.GetAsync(silo.OwnMetricsAsync, own => own.Sum("prometheus_remote_storage_samples_pending") == 0, own => $"{own}\n{silo.Log}");
        await CallAndCollectAsync(silo);
        Assert.True(await silo.TerminateAsync() == 0, silo.Log);

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
        Assert.Empty(Queued(silo));
        Assert.DoesNotContain("level=error", silo.Log);
    }

    [SmallDiskFact]
    public async Task A_full_disk_leaves_the_queue_in_memory_until_there_is_room_and_holds_up_nothing()
    {
        const int DiskBytes = 1 << 20;
        using var failing = new BrokenRemote(answers: true);
        await using var disk = await SmallDisk.MountAsync(DiskBytes);
        await File.WriteAllBytesAsync(Path.Combine(disk.Path, "filler"), new byte[DiskBytes - (64 << 10)]);
        await using var silo = await SiloProcess.StartAsync(new()
        {
            Test = "full",
            RemoteWriteUrls = [failing.Url],
            Ingester = "trace_idle_period: 1h, trace_live_period: 1h, max_block_duration: 1h",
            Trace = $"local: {{ path: '{disk.Path}' }}",
            FlushDeadline = "1s",
            CollectionInterval = "200ms",
        });
        Assert.Equal(HttpStatusCode.OK, await silo.Sender.PostAsync(GoldenBodies.Call("client", "server")));

        await Eventually.GetAsync(silo.OwnMetricsAsync, static own => own.Sum("prometheus_remote_storage_disk_failures_total") > 2, own => $"{own}\n{silo.Log}");
        await silo.CollectAsync(5);
        Assert.Equal(HttpStatusCode.OK, await silo.Sender.PostAsync(GoldenBodies.Call("client", "server")));
        var own = await silo.OwnMetricsAsync();
        Assert.InRange(own.Sum("prometheus_remote_storage_samples_pending_on_disk"), 1, own.Sum("prometheus_remote_storage_samples_pending") - 1);
        Assert.Equal(0, own.Sum("prometheus_remote_storage_samples_dropped_total"));
        Assert.Equal(1, silo.Log.Split("The object store fails for the remote write queue").Length - 1);

        await disk.ResizeAsync(64 << 20);
        await Eventually.GetAsync(() => Task.FromResult(silo.Log), static log => log.Contains("The object store works again for the remote write queue"), static log => log);
        Assert.True(await silo.TerminateAsync() == 0, silo.Log);
        Assert.DoesNotContain("are lost", silo.Log);

        // What was written in part only, with the last room there was, is not there.
        var collections = QueuedIn(disk.Path);
        Assert.True(collections.Count > 10, $"{collections.Count} collections");
        Assert.All(collections, AssertWhole);
    }

    // The last request's body is the end of the object; see docs/remote-write-queue.md.
    private static void AssertWhole(byte[] collection)
    {
        const int EntryBytes = 52;
        var last = HeaderBytes + ((BitConverter.ToInt32(collection, 12) - 1) * EntryBytes);
        Assert.Equal(collection.Length, BitConverter.ToInt64(collection, last) + BitConverter.ToInt32(collection, last + 8));
    }

    private static List<byte[]> Queued(SiloProcess silo) => QueuedIn(silo.BlocksFolder);

    // What is no more than a header only marks its number.
    private static List<byte[]> QueuedIn(string store)
    {
        var queue = new DirectoryInfo(Path.Combine(store, "remote-write"));
        return queue.Exists ? [.. queue.GetFiles("*", SearchOption.AllDirectories).Where(static file => file.Length > HeaderBytes).Select(static file => File.ReadAllBytes(file.FullName))] : [];
    }

    private static async Task CallAndCollectAsync(SiloProcess silo)
    {
        for (var call = 0; call < 5; call++)
        {
            Assert.Equal(HttpStatusCode.OK, await silo.Sender.PostAsync(GoldenBodies.Call("queue-client", "queue-server")));
            await silo.CollectAsync(1);
        }
    }

    // From the newest collection that is in the object store to the end of the process.
    private static async Task<(long After, long Until)> KillAsync(SiloProcess silo)
    {
        await silo.KillAsync();
        var until = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        var queued = Queued(silo).Select(static collection => BitConverter.ToInt64(collection, 16)).ToList();
        Assert.True(queued.Count >= 4, $"{queued.Count} collections are in the object store:\n{silo.Log}");
        return (queued.Max(), until);
    }

    private static bool IsWithin((long After, long Until) kill, long milliseconds) => milliseconds > kill.After && milliseconds <= kill.Until;
}
