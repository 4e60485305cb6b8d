using Microsoft.AspNetCore.Http;
using OrleansTempo.Core.Overrides;
using OrleansTempo.Core.RemoteWrite;

namespace OrleansTempo.Core.Tests.RemoteWrite;

/// <summary>
/// The queue with a folder: what is on disk when, and what another process of the queue makes of it. A process that is killed is a queue
/// whose clock stands still from then on.
/// </summary>
public sealed class RemoteWriteQueueOnDiskTests : IAsyncLifetime
{
    private static readonly TimeSpan s_backoff = TimeSpan.FromMilliseconds(100);

    private readonly string _root = Directory.CreateTempSubdirectory("remote-write-queue").FullName;
    private readonly TempoMetrics _tempoMetrics = new();
    private readonly LogLines _log = new();
    private readonly List<RemoteWriteQueue> _queues = [];
    private ManualTimeProvider _clock = new();
    private MetricValues _metrics = null!;
    private RemoteEnd _end = null!;

    public async Task InitializeAsync()
    {
        _metrics = new MetricValues(_tempoMetrics);
        _end = await RemoteEnd.StartAsync();
    }

    public async Task DisposeAsync()
    {
        foreach (var queue in _queues)
            await queue.DisposeAsync();
        await _end.DisposeAsync();
        _metrics.Dispose();
        _tempoMetrics.Dispose();
        Directory.Delete(_root, recursive: true);
    }

    [Fact]
    public async Task A_collection_that_leaves_at_once_is_never_written()
    {
        var queue = Queue();
        queue.Enqueue(Collection(1, "a", "b"));
        Assert.Equal(0, await Flushed(queue));
        await queue.DisposeAsync();

        Assert.Equal(["a=1", "b=1"], _end.AcceptedSamples);
        Assert.Empty(Directory.GetFileSystemEntries(_root));
    }

    [Fact]
    public async Task What_waits_through_an_outage_survives_a_kill_and_is_sent_in_order_before_what_comes_after_it()
    {
        _end.IsDown = true;
        var queue = Queue();
        for (var i = 1; i <= 3; i++)
            queue.Enqueue(Collection(i, "a", "b"));
        await WaitsAsync(queue);
        Assert.Equal((3, 6, 0, 3 * 4096), Pending(queue));
        Assert.Equal((6, 6, 3 * 4096), (_metrics["samples_pending"], _metrics["samples_pending_on_disk"], _metrics["disk_bytes"]));
        Assert.Equal(3, Files.Length);

        var next = Killed();
        Assert.Equal(CollectionOf.StartMs + 3000, next.HighestTimestampMs);
        Assert.Equal((3, 6, 0, 3 * 4096), Pending(next));
        Assert.Equal(TimeSpan.FromSeconds(-1), next.Status().Lag);
        next.Enqueue(Collection(4, "a", "b"));
        await WaitsAsync(next);
        Assert.Equal(4, Files.Length);

        await UpAsync(next);
        Assert.Equal(["a=1", "b=1", "a=2", "b=2", "a=3", "b=3", "a=4", "b=4"], _end.AcceptedSamples);
        Assert.Equal((0, 0, 0, 0), Pending(next));
        Assert.Empty(Files);

        next.Enqueue(Collection(5, "a"));
        Assert.Equal(0, await Flushed(next));
        Assert.Empty(Files);
        Assert.Equal(0, _metrics["samples_dropped_total{shutdown}"]);
    }

    [Fact]
    public async Task A_remote_end_that_hangs_keeps_at_most_one_collection_from_the_disk()
    {
        _end.Answer(Hang);
        var queue = Queue();
        queue.Enqueue(Collection(1, "a"));
        await _end.ArrivedAsync(1);
        Assert.Empty(Files);

        queue.Enqueue(Collection(2, "a"));
        await queue.Writing;
        Assert.Equal(2, Files.Length);
    }

    [Fact]
    public async Task A_stop_writes_what_is_in_memory_and_loses_nothing()
    {
        _end.Answer(Hang);
        var queue = Queue();
        queue.Enqueue(Collection(1, "a", "b"), CollectionOf.StartMs + 5555);
        await _end.ArrivedAsync(1);
        await queue.DisposeAsync();

        Assert.Equal(2, queue.PendingSamples);
        Assert.Equal(0, _metrics["samples_dropped_total{shutdown}"]);
        Assert.Equal(0, queue.Status().LostSamples);
        var next = Queue();
        Assert.Equal(CollectionOf.StartMs + 5555, next.HighestTimestampMs);
        Assert.Equal(0, await Flushed(next));
        Assert.Equal(["a=1", "b=1"], _end.AcceptedSamples);
    }

    [Fact]
    public async Task A_stop_takes_its_bytes_out_of_what_all_tenants_share()
    {
        _end.IsDown = true;
        var endpoint = Endpoint(new());
        var queue = Queue(endpoint, "acme");
        queue.Enqueue(Collection(1, "a"));
        await WaitsAsync(queue);
        Assert.Equal(4096, endpoint.DiskBacklog.Bytes);

        await queue.DisposeAsync();
        Assert.Equal((0, 0), (endpoint.Backlog.Bytes, endpoint.DiskBacklog.Bytes));
        var again = Queue(endpoint, "acme");
        Assert.Equal(4096, endpoint.DiskBacklog.Bytes);
        Assert.Equal(1, again.PendingSamples);
    }

    [Fact]
    public async Task Of_a_collection_that_was_half_accepted_when_the_process_was_killed_the_other_half_is_sent()
    {
        _end.IsDown = true;
        var queue = Queue();
        queue.Enqueue(Collection(1, "a", "b", "c"));
        await WaitsAsync(queue);
        _end.Answer(204);
        _end.Answer(Hang);
        _end.IsDown = false;
        _clock.Advance(s_backoff);
        await _end.ArrivedAsync(3);

        var next = Killed();
        Assert.Equal(0, await Flushed(next));
        Assert.Equal(["a=1", "b=1", "c=1"], _end.AcceptedSamples);
    }

    [Fact]
    public async Task What_was_accepted_before_its_collection_was_written_is_not_sent_again()
    {
        _end.Answer(204);
        _end.Answer(503);
        var queue = Queue();
        queue.Enqueue(Collection(1, "a", "b"));
        await WaitsAsync(queue);

        var next = Killed();
        Assert.Equal(1, next.PendingSamples);
        Assert.Equal(0, await Flushed(next));
        Assert.Equal(["a=1", "b=1"], _end.AcceptedSamples);
    }

    [Fact]
    public async Task Over_its_limit_on_disk_the_queue_drops_the_oldest_and_counts_and_logs_it()
    {
        _end.IsDown = true;
        var queue = Queue(new() { MaxDiskBytes = 2 * 4096 });
        for (var i = 1; i <= 4; i++)
        {
            queue.Enqueue(Collection(i, "a"));
            await queue.Writing;
        }

        await WaitsAsync(queue);
        Assert.Equal((2, 2, 0, 2 * 4096), Pending(queue));
        Assert.Equal(2, Files.Length);
        Assert.Equal(2, _metrics["samples_dropped_total{queue_full}"]);
        Assert.Equal(2, queue.Status().LostSamples);
        Assert.Equal("Error: The queue to test for tenant acme is over its share of 8192 bytes on disk: the oldest collections are dropped, 1 samples so far, until it gets through again", Assert.Single(_log.Lines, l => l.StartsWith("Error", StringComparison.Ordinal)));

        await UpAsync(queue);
        Assert.Equal(["a=3", "a=4"], _end.AcceptedSamples);
    }

    [Fact]
    public async Task A_lower_limit_drops_the_oldest_of_what_is_found()
    {
        _end.IsDown = true;
        var queue = Queue();
        for (var i = 1; i <= 4; i++)
            queue.Enqueue(Collection(i, "a"));
        await WaitsAsync(queue);

        var next = Killed(new() { MaxDiskBytes = 3 * 4096 });
        Assert.Equal((3, 3, 0, 3 * 4096), Pending(next));
        Assert.Equal(3, Files.Length);
        await UpAsync(next);
        Assert.Equal(["a=2", "a=3", "a=4"], _end.AcceptedSamples);
    }

    [Fact]
    public async Task Over_the_limit_of_all_tenants_on_disk_the_one_with_more_than_its_share_drops()
    {
        _end.IsDown = true;
        var endpoint = Endpoint(new() { MaxDiskBytes = 4 * 4096 });
        var (much, little) = (Queue(endpoint, "much"), Queue(endpoint, "little"));
        for (var i = 1; i <= 4; i++)
            much.Enqueue(Collection(i, "a"));
        await WaitsAsync(much);
        little.Enqueue(Collection(1, "a"));
        little.Enqueue(Collection(2, "a"));
        await WaitsAsync(little);
        Assert.Equal((4, 2), (much.Status().PendingCollections, little.Status().PendingCollections));

        much.Enqueue(Collection(5, "a"));
        await much.Writing;
        Assert.Equal((2, 2), (much.Status().PendingCollections, little.Status().PendingCollections));
        Assert.Equal(4 * 4096, endpoint.DiskBacklog.Bytes);
    }

    [Fact]
    public async Task A_broken_request_costs_itself_and_is_counted_and_logged()
    {
        _end.IsDown = true;
        var queue = Queue();
        queue.Enqueue(Collection(1, "a", "b"));
        queue.Enqueue(Collection(2, "a", "b"));
        await WaitsAsync(queue);
        var bytes = File.ReadAllBytes(Files[0]);
        bytes[^1] ^= 1;
        File.WriteAllBytes(Files[0], bytes);
        File.WriteAllBytes(Files[1], []);

        var next = Killed();
        Assert.Equal(4, next.PendingSamples);
        next.Enqueue(Collection(3, "a", "b"));
        await UpAsync(next);
        Assert.Equal(["a=1", "a=3", "b=3"], _end.AcceptedSamples);
        Assert.Equal(3, _metrics["samples_dropped_total{corrupt}"]);
        Assert.Equal((0, 3), (next.PendingSamples, next.Status().LostSamples));
        Assert.Equal(
            [
                "Error: The queue to test for tenant acme: of 00000000000000000001-1780000001000-2.rw 1 samples cannot be read and are lost: it is not what was written",
                "Error: The queue to test for tenant acme: of 00000000000000000002-1780000002000-2.rw 2 samples cannot be read and are lost: it is not what was written",
            ],
            _log.Lines.Where(l => l.StartsWith("Error", StringComparison.Ordinal)));
        Assert.Empty(Files);
    }

    [Fact]
    public async Task Files_that_are_gone_when_their_turn_comes_cost_only_themselves()
    {
        _end.IsDown = true;
        var queue = Queue();
        for (var i = 1; i <= 3; i++)
            queue.Enqueue(Collection(i, "a"));
        await WaitsAsync(queue);
        File.Delete(Files[1]);

        await UpAsync(queue);
        Assert.Equal(["a=1", "a=3"], _end.AcceptedSamples);
        Assert.Equal(1, _metrics["samples_dropped_total{corrupt}"]);
        Assert.Equal(0, queue.PendingSamples);
    }

    [Fact]
    public async Task A_disk_that_fails_leaves_memory_and_its_limit_and_is_used_again_when_it_works()
    {
        _end.IsDown = true;
        var bytes = Collection(1, "a").Sum(r => r.Body.Length);
        var queue = Queue(new() { MaxQueueBytes = 2 * bytes });
        queue.Enqueue(Collection(1, "a"));
        await WaitsAsync(queue);
        var (folder, aside) = (Path.GetDirectoryName(Files[0])!, Path.Combine(_root, "aside"));
        Directory.Move(folder, aside);
        File.WriteAllText(folder, "a file where the directory was");

        for (var i = 2; i <= 5; i++)
        {
            queue.Enqueue(Collection(i, "a"));
            await queue.Writing;
        }

        // The one that is on disk and out of reach, and the last two.
        Assert.Equal((3, 3, 2 * bytes, 4096), Pending(queue));
        Assert.Equal(2, _metrics["samples_dropped_total{queue_full}"]);
        Assert.True(_metrics["disk_failures_total"] >= 4);
        Assert.StartsWith("Error: The queue to test for tenant acme fails on disk, in ", Assert.Single(_log.Lines, l => l.Contains("on disk")));

        File.Delete(folder);
        Directory.Move(aside, folder);
        queue.Enqueue(Collection(6, "a"));
        await queue.Writing;
        Assert.Equal((3, 3, 0, 3 * 4096), Pending(queue));
        Assert.Equal("Information: The queue to test for tenant acme is written to disk again", _log.Lines[^1]);

        var next = Killed();
        await UpAsync(next);
        Assert.Equal(["a=1", "a=5", "a=6"], _end.AcceptedSamples);
    }

    [Fact]
    public async Task What_cannot_be_written_at_the_stop_is_lost_and_counted()
    {
        _end.IsDown = true;
        File.WriteAllText(Path.Combine(_root, "acme"), "a file where the directory should be");
        var queue = Queue();
        queue.Enqueue(Collection(1, "a", "b"));
        await WaitsAsync(queue);
        await queue.DisposeAsync();

        Assert.Equal(0, queue.PendingSamples);
        Assert.Equal(2, _metrics["samples_dropped_total{shutdown}"]);
    }

    [Fact]
    public async Task What_waits_for_the_permit_is_written_when_the_next_one_comes_and_sent_when_it_is_held()
    {
        var permit = new SwitchedPermit();
        var queue = Queue(Endpoint(new()), "acme", permit);
        queue.Enqueue(Collection(1, "a"));
        await permit.WaitedForAsync(1);
        queue.Enqueue(Collection(2, "a"));
        await queue.Writing;
        Assert.Equal(2, Files.Length);
        Assert.Empty(_end.Received);

        permit.IsHeld = true;
        Assert.Equal(0, await Flushed(queue));
        Assert.Equal(["a=1", "a=2"], _end.AcceptedSamples);
    }

    private string[] Files => [.. Directory.GetFiles(_root, "*.rw", SearchOption.AllDirectories).Order(StringComparer.Ordinal)];

    private static async Task Hang(HttpContext context) => await Task.Delay(Timeout.Infinite, context.RequestAborted);

    private static List<RemoteWriteRequest> Collection(int number, params string[] services) => CollectionOf.Services(number, services);

    private static (int Collections, long Samples, long MemoryBytes, long DiskBytes) Pending(RemoteWriteQueue queue)
    {
        var status = queue.Status();
        return (status.PendingCollections, status.PendingSamples, status.QueueBytes, status.DiskBytes);
    }

    private static async Task<long> Flushed(RemoteWriteQueue queue)
    {
        // Only so that a defect ends the test run.
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        return await queue.FlushAsync(patience.Token);
    }

    // Until its oldest collection was refused for now, and all is written.
    private async Task WaitsAsync(RemoteWriteQueue queue)
    {
        await _clock.TimerOf(s_backoff);
        await queue.Writing;
    }

    // The remote end takes everything from now on.
    private async Task UpAsync(RemoteWriteQueue queue)
    {
        _end.IsDown = false;
        var flushed = Flushed(queue);
        while (!flushed.IsCompleted)
        {
            if (_clock.TimersBegun(s_backoff) > 0)
                _clock.Advance(s_backoff);
            await Task.Yield();
        }

        Assert.Equal(0, await flushed);
    }

    private RemoteWriteQueue Killed(QueueOptions? options = null)
    {
        _clock = new ManualTimeProvider();
        return Queue(options);
    }

    private RemoteWriteQueue Queue(QueueOptions? options = null) => Queue(Endpoint(options ?? new()), "acme");

    // One request after another, so that what happens between two of them can be told.
    private RemoteWriteEndpoint Endpoint(QueueOptions options) => new(
        new() { Url = _end.Url, Name = "test", QueueConfig = options with { MaxShards = 1, MinBackoff = s_backoff, MaxBackoff = s_backoff } },
        0,
        _clock);

    private RemoteWriteQueue Queue(RemoteWriteEndpoint endpoint, string tenantId, IWritePermit? permit = null)
    {
        Assert.True(TenantId.TryParse(tenantId, out var tenant, out _));
        var queue = new RemoteWriteQueue(
            endpoint,
            new TenantHeaders(tenant, true, new Dictionary<string, string>()),
            new RemoteWriteMetrics(_tempoMetrics),
            _clock,
            _log,
            permit,
            new CollectionFolder(Path.Combine(_root, tenantId)));
        _queues.Add(queue);
        return queue;
    }
}
