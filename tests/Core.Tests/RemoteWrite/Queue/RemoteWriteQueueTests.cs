using System.Collections.Concurrent;
using Microsoft.AspNetCore.Http;
using OrleansTempo.Core.Configuration.RemoteWrite;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Core.RemoteWrite;
using OrleansTempo.Core.RemoteWrite.Endpoint;
using OrleansTempo.Core.RemoteWrite.Queue;
using OrleansTempo.Core.Tests.RemoteWrite.Endpoint;

namespace OrleansTempo.Core.Tests.RemoteWrite.Queue;

/// <summary>Against a real HTTP server on loopback; backoff and timeouts on a clock that the test turns.</summary>
public sealed class RemoteWriteQueueTests : IAsyncLifetime
{
    private readonly ManualTimeProvider _clock = new();
    private readonly TempoMetrics _tempoMetrics = new();
    private readonly LogLines _log = new();
    private readonly List<IAsyncDisposable> _disposables = [];
    private MetricValues _metrics = null!;
    private RemoteEnd _end = null!;

    public async Task InitializeAsync()
    {
        _metrics = new MetricValues(_tempoMetrics);
        _end = await RemoteEnd.StartAsync();
    }

    public async Task DisposeAsync()
    {
        foreach (var disposable in _disposables)
            await disposable.DisposeAsync();
        await _end.DisposeAsync();
        _metrics.Dispose();
        _tempoMetrics.Dispose();
    }

    [Fact]
    public async Task A_collection_is_sent_at_once_and_counted()
    {
        var queue = Queue();
        queue.Enqueue(Collection(1, "a", "b"));
        Assert.Equal(0, await Flushed(queue));

        Assert.Equal(["a=1", "b=1"], _end.AcceptedSamples.Order());
        Assert.Equal(2, _metrics["samples_total"]);
        Assert.Equal(0, _metrics["samples_pending"]);
        Assert.Equal(1_780_000_001.0, _metrics["highest_timestamp_in_seconds"]);
        Assert.Equal(1_780_000_001.0, _metrics["queue_highest_sent_timestamp_seconds"]);
        var status = queue.Status();
        Assert.Equal((0, 0, 0, ""), (status.QueueBytes, status.PendingSamples, status.LostSamples, status.LastError));
        Assert.Equal(_clock.GetUtcNow(), status.LastSuccess);
    }

    [Fact]
    public async Task A_server_error_is_retried_with_doubling_backoff_until_it_is_over()
    {
        for (var i = 0; i < 4; i++)
            _end.Answer(503, "overloaded\nsecond line");
        var queue = Queue();
        queue.Enqueue(Collection(1, "a"));

        await _clock.PassAsync(TimeSpan.FromMilliseconds(100));
        await _clock.PassAsync(TimeSpan.FromMilliseconds(200));
        await _clock.PassAsync(TimeSpan.FromMilliseconds(400));
        await _clock.PassAsync(TimeSpan.FromMilliseconds(400));
        Assert.Equal(0, await Flushed(queue));

        Assert.Equal(["a=1"], _end.AcceptedSamples);
        Assert.Equal(5, _end.Received.Count);
        Assert.Equal((4, 1, 0), (_metrics["samples_retried_total"], _metrics["samples_total"], _metrics["samples_failed_total"]));
        Assert.Equal(
            [
                "Warning: Remote write to test for tenant acme fails and is retried until it is accepted: server returned HTTP status 503 Service Unavailable: overloaded",
                "Information: Remote write to test for tenant acme is accepted again",
            ],
            _log.Lines);
    }

    [Fact]
    public async Task A_remote_end_that_hangs_is_abandoned_after_the_timeout_and_blocks_nobody()
    {
        _end.Answer(Hang);
        var queue = Queue();
        queue.Enqueue(Collection(1, "a"));
        await _end.ArrivedAsync(1);
        queue.Enqueue(Collection(2, "a"));
        Assert.Equal(2, queue.PendingSamples);

        await _clock.PassAsync(TimeSpan.FromSeconds(30));
        await _clock.PassAsync(TimeSpan.FromMilliseconds(100));
        Assert.Equal(0, await Flushed(queue));
        Assert.Equal(["a=1", "a=2"], _end.AcceptedSamples);
        Assert.Equal("no answer within 30 s", queue.Status().LastError);
    }

    [Fact]
    public async Task Retry_after_in_seconds_takes_the_place_of_backoff()
    {
        _end.Answer(429, "slow down", ("Retry-After", "7"));
        var queue = Queue();
        queue.Enqueue(Collection(1, "a"));
        await _clock.PassAsync(TimeSpan.FromSeconds(7));
        Assert.Equal(0, await Flushed(queue));
        Assert.Equal(["a=1"], _end.AcceptedSamples);
    }

    [Fact]
    public async Task Retry_after_as_a_date_takes_the_place_of_backoff()
    {
        _end.Answer(500, "", ("Retry-After", (_clock.GetUtcNow() + TimeSpan.FromSeconds(9)).ToString("R")));
        var queue = Queue();
        queue.Enqueue(Collection(1, "a"));
        await _clock.PassAsync(TimeSpan.FromSeconds(9));
        Assert.Equal(0, await Flushed(queue));
        Assert.Equal(["a=1"], _end.AcceptedSamples);
    }

    [Fact]
    public async Task Status_429_drops_the_request_if_it_must_not_be_retried()
    {
        _end.Answer(429, "slow down", ("Retry-After", "7"));
        var queue = Queue(new() { RetryOnHttp429 = false });
        queue.Enqueue(Collection(1, "a"));
        Assert.Equal(0, await Flushed(queue));
        Assert.Empty(_end.AcceptedSamples);
        Assert.Equal(1, _metrics["samples_failed_total"]);
    }

    [Fact]
    public async Task A_refusal_drops_only_that_request_and_is_logged_with_its_first_line()
    {
        _end.Answer(400, "out of order sample\nand more");
        var queue = Queue(new() { MaxShards = 1 });
        queue.Enqueue(Collection(1, "a", "b"));
        queue.Enqueue(Collection(2, "a"));
        Assert.Equal(0, await Flushed(queue));

        Assert.Equal(["b=1", "a=2"], _end.AcceptedSamples);
        Assert.Equal((1, 2), (_metrics["samples_failed_total"], _metrics["samples_total"]));
        Assert.Equal(1, queue.Status().LostSamples);
        Assert.Equal(
            ["Error: Remote write to test for tenant acme was refused; 1 samples are lost: server returned HTTP status 400 Bad Request: out of order sample"],
            _log.Lines);
    }

    [Fact]
    public async Task No_collection_starts_before_the_previous_one_is_done()
    {
        // Of three requests at once the first to arrive fails, twice; what comes after it must wait.
        _end.Answer(500);
        var queue = Queue(new() { MaxShards = 3 });
        queue.Enqueue(Collection(1, "a", "b", "c"));
        queue.Enqueue(Collection(2, "a", "b", "c"));
        queue.Enqueue(Collection(3, "a", "b", "c"));
        await _end.ArrivedAsync(3);
        await _clock.PassAsync(TimeSpan.FromMilliseconds(100));
        Assert.Equal(0, await Flushed(queue));

        Assert.Equal([1, 1, 1, 2, 2, 2, 3, 3, 3], _end.Accepted.Select(r => r.Timeseries[0].Samples[0].Value));
        Assert.Equal([1, 1, 1, 1, 2, 2, 2, 3, 3, 3], _end.Received.Select(r => r.Body.Timeseries[0].Samples[0].Value));
    }

    [Fact]
    public async Task Requests_of_one_collection_are_sent_max_shards_at_once()
    {
        var release = new TaskCompletionSource();
        for (var i = 0; i < 2; i++)
        {
            _end.Answer(async context =>
            {
                await release.Task;
                context.Response.StatusCode = 204;
            });
        }

        var queue = Queue(new() { MaxShards = 2 });
        queue.Enqueue(Collection(1, "a", "b", "c"));
        await _end.ArrivedAsync(2);
        Assert.Equal(2, _end.Received.Count);
        release.SetResult();
        Assert.Equal(0, await Flushed(queue));
        Assert.Equal(3, _end.Received.Count);
    }

    [Fact]
    public async Task Many_tenants_share_few_connections()
    {
        const int Tenants = 100;
        const int Connections = 64;
        var release = new TaskCompletionSource();
        var connections = new ConcurrentDictionary<string, byte>();
        for (var i = 0; i < Tenants; i++)
        {
            _end.Answer(async context =>
            {
                connections[context.Connection.Id] = 0;
                await release.Task;
                context.Response.StatusCode = 204;
            });
        }

        var endpoint = Endpoint(new());
        var queues = Enumerable.Range(0, Tenants).Select(i => Queue(endpoint, $"tenant-{i}")).ToList();
        queues.ForEach(static queue => queue.Enqueue(Collection(1, "a")));
        await _end.ArrivedAsync(Connections);
        release.SetResult();
        foreach (var queue in queues)
            Assert.Equal(0, await Flushed(queue));
        Assert.Equal((Tenants, Connections), (_end.Received.Count, connections.Count));
    }

    [Fact]
    public async Task Over_its_limit_the_queue_drops_the_oldest_collection_whole_even_the_one_being_sent()
    {
        _end.Answer(Hang);
        var bytes = Collection(1, "a", "b").Sum(r => r.Body.Length);
        var queue = Queue(new() { MaxQueueBytes = 2 * bytes, MaxShards = 1 });
        queue.Enqueue(Collection(1, "a", "b"));
        await _end.ArrivedAsync(1);
        queue.Enqueue(Collection(2, "a", "b"));
        queue.Enqueue(Collection(3, "a", "b"));
        Assert.Equal(0, await Flushed(queue));

        Assert.Equal(["a=2", "b=2", "a=3", "b=3"], _end.AcceptedSamples);
        Assert.Equal(2, _metrics["samples_dropped_total{queue_full}"]);
        Assert.Equal(2, queue.Status().LostSamples);
        Assert.StartsWith("Error: The remote write queue to test for tenant acme exceeds its", Assert.Single(_log.Lines));
    }

    [Fact]
    public async Task Over_the_limit_of_all_tenants_the_one_with_more_than_its_share_drops()
    {
        for (var i = 0; i < 6; i++)
            _end.Answer(Hang);
        var bytes = Collection(1, "a").Sum(r => r.Body.Length);
        var endpoint = Endpoint(new() { MaxQueueBytes = 4 * bytes });
        var (much, little) = (Queue(endpoint, "much"), Queue(endpoint, "little"));
        for (var i = 1; i <= 4; i++)
            much.Enqueue(Collection(i, "a"));
        little.Enqueue(Collection(1, "a"));
        little.Enqueue(Collection(2, "a"));
        Assert.Equal((4, 2), (much.Status().PendingCollections, little.Status().PendingCollections));

        much.Enqueue(Collection(5, "a"));
        Assert.Equal((2, 2), (much.Status().PendingCollections, little.Status().PendingCollections));
        Assert.Equal(4 * bytes, endpoint.Backlog.Bytes);

        await much.DisposeAsync();
        for (var i = 3; i <= 4; i++)
            little.Enqueue(Collection(i, "a"));
        Assert.Equal(4, little.Status().PendingCollections);
        await little.DisposeAsync();
        Assert.Equal(0, endpoint.Backlog.Bytes);
    }

    [Fact]
    public async Task A_full_queue_is_logged_once_per_outage()
    {
        for (var i = 1; i <= 5; i++)
            _end.Answer(Hang);
        var queue = Queue(new() { MaxQueueBytes = 1 });
        for (var i = 1; i <= 5; i++)
            queue.Enqueue(Collection(i, "a"));

        // Down to the newest, whichever of them were being sent when they went.
        Assert.Equal(1, queue.PendingSamples);
        Assert.Single(_log.Lines, l => l.Contains("exceeds its"));
        Assert.Equal(4, _metrics["samples_dropped_total{queue_full}"]);
        await queue.DisposeAsync();
    }

    [Fact]
    public async Task Samples_older_than_the_age_limit_are_dropped_instead_of_sent()
    {
        _end.Answer(500, "", ("Retry-After", "120"));
        var queue = Queue(new() { SampleAgeLimit = TimeSpan.FromSeconds(60) });
        queue.Enqueue(Collection(1, "a"));
        await _clock.TimerOf(TimeSpan.FromSeconds(120));
        queue.Enqueue(Collection(100, "a"));
        _clock.Advance(TimeSpan.FromSeconds(120));
        Assert.Equal(0, await Flushed(queue));

        Assert.Equal(["a=100"], _end.AcceptedSamples);
        Assert.Equal(1, _metrics["samples_dropped_total{too_old}"]);
    }

    [Fact]
    public async Task A_flush_that_times_out_returns_what_is_left_and_stopping_counts_it()
    {
        _end.Answer(Hang);
        var queue = Queue();
        queue.Enqueue(Collection(1, "a", "b"));
        queue.Enqueue(Collection(2, "a"));
        await _end.ArrivedAsync(2);

        // b is accepted or not by then; what hangs and what waits behind it is left.
        using var deadline = new CancellationTokenSource();
        var flush = queue.FlushAsync(deadline.Token);
        await deadline.CancelAsync();
        Assert.InRange(await flush, 2, 3);

        await queue.DisposeAsync();
        Assert.Equal(0, queue.PendingSamples);
        Assert.InRange(_metrics["samples_dropped_total{shutdown}"], 2, 3);
        queue.Enqueue(Collection(3, "a"));
        Assert.Equal(0, queue.PendingSamples);
    }

    [Fact]
    public async Task No_connection_is_an_outage_like_any_other()
    {
        await _end.DisposeAsync();
        var queue = Queue();
        queue.Enqueue(Collection(1, "a"));
        await _clock.PassAsync(TimeSpan.FromMilliseconds(100));
        await _clock.PassAsync(TimeSpan.FromMilliseconds(200));
        var status = queue.Status();
        Assert.Contains("refused", status.LastError);
        Assert.Equal((1, 1), (status.PendingSamples, status.PendingCollections));
        Assert.Equal(_clock.GetUtcNow() - DateTimeOffset.FromUnixTimeSeconds(1_780_000_001), status.Lag);
        await queue.DisposeAsync();
    }

    [Fact]
    public async Task Changed_headers_apply_to_waiting_collections()
    {
        _end.Answer(500);
        var queue = Queue();
        queue.Enqueue(Collection(1, "a"));
        await _clock.TimerOf(TimeSpan.FromMilliseconds(100));
        queue.Headers = queue.Headers with { Headers = new Dictionary<string, string> { ["X-Token"] = "new" } };
        _clock.Advance(TimeSpan.FromMilliseconds(100));
        Assert.Equal(0, await Flushed(queue));
        Assert.False(_end.Received[0].Headers.ContainsKey("X-Token"));
        Assert.Equal("new", _end.Received[1].Headers["X-Token"]);
    }

    [Fact]
    public async Task Nothing_is_sent_while_the_permit_is_not_held_and_then_everything_in_order()
    {
        var permit = new SwitchedPermit();
        var queue = Queue(new() { MaxShards = 2 }, permit);
        queue.Enqueue(Collection(1, "a", "b", "c"));
        queue.Enqueue(Collection(2, "a", "b", "c"));
        await permit.WaitedForAsync(2);
        Assert.Empty(_end.Received);
        Assert.Equal((6, 2), (queue.PendingSamples, queue.Status().PendingCollections));

        permit.IsHeld = true;
        Assert.Equal(0, await Flushed(queue));
        Assert.Equal([1, 1, 1, 2, 2, 2], _end.Accepted.Select(r => r.Timeseries[0].Samples[0].Value));
        Assert.Equal(0, queue.Status().LostSamples);
    }

    [Fact]
    public async Task The_permit_is_checked_again_before_a_retry()
    {
        var permit = new SwitchedPermit { IsHeld = true };
        _end.Answer(503);
        var queue = Queue(permit: permit);
        queue.Enqueue(Collection(1, "a"));
        await _clock.TimerOf(TimeSpan.FromMilliseconds(100));
        permit.IsHeld = false;
        _clock.Advance(TimeSpan.FromMilliseconds(100));
        await permit.WaitedForAsync(1);
        Assert.Single(_end.Received);

        permit.IsHeld = true;
        Assert.Equal(0, await Flushed(queue));
        Assert.Equal(2, _end.Received.Count);
        Assert.Equal(["a=1"], _end.AcceptedSamples);
    }

    [Fact]
    public async Task A_permit_lost_before_its_waiter_wakes_is_awaited_again()
    {
        var permit = new SwitchedPermit();
        var queue = Queue(permit: permit);
        queue.Enqueue(Collection(1, "a"));
        await permit.WaitedForAsync(1);
        permit.WakeWaiters();
        await permit.WaitedForAsync(2);
        Assert.Empty(_end.Received);

        permit.IsHeld = true;
        Assert.Equal(0, await Flushed(queue));
        Assert.Equal(["a=1"], _end.AcceptedSamples);
    }

    [Fact]
    public async Task Samples_that_became_too_old_while_waiting_for_the_permit_are_dropped()
    {
        var permit = new SwitchedPermit();
        var queue = Queue(new() { SampleAgeLimit = TimeSpan.FromSeconds(60) }, permit);
        queue.Enqueue(Collection(1, "a"));
        await permit.WaitedForAsync(1);
        _clock.Advance(TimeSpan.FromSeconds(120));
        permit.IsHeld = true;
        Assert.Equal(0, await Flushed(queue));
        Assert.Empty(_end.Received);
        Assert.Equal(1, _metrics["samples_dropped_total{too_old}"]);
    }

    [Fact]
    public async Task Stopping_while_waiting_for_the_permit_ends_at_once_and_counts_what_is_lost()
    {
        var permit = new SwitchedPermit();
        var queue = Queue(permit: permit);
        queue.Enqueue(Collection(1, "a", "b"));
        queue.Enqueue(Collection(2, "a"));
        await permit.WaitedForAsync(1);
        await queue.DisposeAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(30));

        Assert.Equal(0, queue.PendingSamples);
        Assert.Equal(3, _metrics["samples_dropped_total{shutdown}"]);
        Assert.Equal(3, queue.Status().LostSamples);
        permit.IsHeld = true;
        Assert.Empty(_end.Received);
    }

    [Fact]
    public async Task A_full_queue_drops_the_oldest_collection_even_while_it_waits_for_the_permit()
    {
        var permit = new SwitchedPermit();
        var bytes = Collection(1, "a").Sum(r => r.Body.Length);
        var queue = Queue(new() { MaxQueueBytes = 2 * bytes }, permit);
        for (var i = 1; i <= 3; i++)
            queue.Enqueue(Collection(i, "a"));
        Assert.Equal(1, _metrics["samples_dropped_total{queue_full}"]);

        permit.IsHeld = true;
        Assert.Equal(0, await Flushed(queue));
        Assert.Equal(["a=2", "a=3"], _end.AcceptedSamples);
    }

    private static async Task Hang(HttpContext context)
    {
        await Task.Delay(Timeout.Infinite, context.RequestAborted);
    }

    private static async Task<long> Flushed(RemoteWriteQueue queue)
    {
        // Only so that a defect ends the test run.
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        return await queue.FlushAsync(patience.Token);
    }

    private RemoteWriteQueue Queue(QueueOptions? options = null, IWritePermit? permit = null) => Queue(Endpoint(options ?? new()), "acme", permit);

    private RemoteWriteEndpoint Endpoint(QueueOptions options) => new(
        new() { Url = _end.Url, Name = "test", QueueConfig = options with { MinBackoff = TimeSpan.FromMilliseconds(100), MaxBackoff = TimeSpan.FromMilliseconds(400) } },
        0,
        _clock);

    private RemoteWriteQueue Queue(RemoteWriteEndpoint endpoint, string tenantId, IWritePermit? permit = null)
    {
        Assert.True(TenantId.TryParse(tenantId, out var tenant, out _));
        var queue = new RemoteWriteQueue(endpoint, new RemoteWriteHeaders(tenant, true, new Dictionary<string, string>()), new RemoteWriteMetrics(_tempoMetrics), _clock, _log, permit);
        _disposables.Add(queue);
        return queue;
    }

    private static List<RemoteWriteRequest> Collection(int number, params string[] services) => CollectionOf.Services(number, services);
}
