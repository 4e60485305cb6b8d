using Microsoft.AspNetCore.Http;
using OrleansTempo.Core.Configuration.RemoteWrite;
using OrleansTempo.Core.RemoteWrite;
using OrleansTempo.Core.RemoteWrite.Endpoint;
using OrleansTempo.Core.RemoteWrite.Queue;
using OrleansTempo.Core.Tests.Objects;
using OrleansTempo.Core.Tests.RemoteWrite.Endpoint;

namespace OrleansTempo.Core.Tests.RemoteWrite.Queue;

/// <summary>
/// The queue with a store: what is there when, and what the next owner makes of it. A process that is killed is a queue whose clock stands
/// still and whose store fails from then on.
/// </summary>
public sealed class RemoteWriteQueueInStoreTests : IAsyncLifetime
{
    private const string Folder = "remote-write/acme/all/test/";

    private static readonly TimeSpan s_backoff = TimeSpan.FromMilliseconds(100);

    private readonly InMemoryObjectStore _store = new();
    private readonly TempoMetrics _tempoMetrics = new();
    private readonly LogLines _log = new();
    private readonly List<RemoteWriteQueue> _queues = [];
    private InMemoryObjectStore _view;
    private ManualTimeProvider _clock = new();
    private MetricValues _metrics = null!;
    private RemoteEnd _end = null!;
    private int _epoch;

    public RemoteWriteQueueInStoreTests() => _view = _store.View();

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
    }

    [Fact]
    public async Task A_collection_sent_at_once_is_never_put_into_the_store()
    {
        var queue = await QueueAsync();
        queue.Enqueue(Collection(1, "a", "b"));
        Assert.Equal(0, await Flushed(queue));
        await queue.DisposeAsync();

        Assert.Equal(["a=1", "b=1"], _end.AcceptedSamples);
        Assert.Empty(_store.Names);
        Assert.Equal(["List"], _view.Calls.Keys);
    }

    [Fact]
    public async Task Until_it_is_resumed_everything_is_in_memory_and_then_older_collections_go_first()
    {
        _end.IsDown = true;
        var former = await QueueAsync();
        former.Enqueue(Collection(1, "a"));
        former.Enqueue(Collection(2, "a"));
        await WaitsAsync(former);
        await former.DisposeAsync();

        _end.IsDown = false;
        var permit = new SwitchedPermit();
        var queue = Unresumed(Endpoint(new()), "acme", permit);
        queue.Enqueue(Collection(3, "a", "b"));
        queue.Enqueue(Collection(4, "a"));
        await permit.WaitedForAsync(1);
        Assert.Equal((2, 3, 0), (Pending(queue).Collections, Pending(queue).Samples, Pending(queue).DiskBytes));
        Assert.Equal(2, Stored.Count);

        await queue.ResumeAsync(Owned(permit), CancellationToken.None);
        await queue.Writing;
        Assert.Equal((4, 5, 0, 4 * 4096), Pending(queue));
        permit.IsHeld = true;
        Assert.Equal(0, await Flushed(queue));
        Assert.Equal(["a=1", "a=2", "a=3", "b=3", "a=4"], _end.AcceptedSamples);
    }

    [Fact]
    public async Task Collections_waiting_in_an_outage_survive_a_kill_and_are_sent_in_order_before_later_ones()
    {
        _end.IsDown = true;
        var queue = await QueueAsync();
        for (var i = 1; i <= 3; i++)
            queue.Enqueue(Collection(i, "a", "b"));
        await WaitsAsync(queue);
        Assert.Equal((3, 6, 0, 3 * 4096), Pending(queue));
        Assert.Equal((6, 6, 3 * 4096), (_metrics["samples_pending"], _metrics["samples_pending_on_disk"], _metrics["disk_bytes"]));
        Assert.Equal(3, Stored.Count);

        var next = await KilledAsync();
        Assert.Equal(CollectionOf.StartMs + 3000, next.HighestTimestampMs);
        Assert.Equal((3, 6, 0, 3 * 4096), Pending(next));
        Assert.Equal(TimeSpan.FromSeconds(-1), next.Status().Lag);
        next.Enqueue(Collection(4, "a", "b"));
        await WaitsAsync(next);
        Assert.Equal(4, Stored.Count);

        await UpAsync(next);
        Assert.Equal(["a=1", "b=1", "a=2", "b=2", "a=3", "b=3", "a=4", "b=4"], _end.AcceptedSamples);
        Assert.Equal((0, 0, 0, 0), Pending(next));
        Assert.Empty(Stored);

        next.Enqueue(Collection(5, "a"));
        Assert.Equal(0, await Flushed(next));
        Assert.Empty(Stored);
        Assert.Equal(0, _metrics["samples_dropped_total{shutdown}"]);
    }

    [Fact]
    public async Task The_last_number_is_known_while_the_owner_lives_and_a_clean_end_leaves_nothing()
    {
        _end.IsDown = true;
        var queue = await QueueAsync();
        queue.Enqueue(Collection(1, "a"));
        queue.Enqueue(Collection(2, "a"));
        await WaitsAsync(queue);
        await UpAsync(queue);
        Assert.Equal([NameOf(1, 2)], _store.Names);
        Assert.Equal(QueueObjectKind.Sent, CollectionFormat.ReadHeader(_store[NameOf(1, 2)])!.Value.Kind);

        _end.IsDown = true;
        queue.Enqueue(Collection(3, "a"));
        await WaitsAsync(queue);
        Assert.Equal([NameOf(1, 3)], _store.Names);
        await UpAsync(queue);
        await queue.DisposeAsync();
        Assert.Empty(_store.Names);
    }

    [Fact]
    public async Task A_fence_outlives_the_next_epoch_but_not_the_one_after_that()
    {
        await QueueAsync();
        _epoch = 4;
        var queue = await KilledAsync();
        Assert.Equal([NameOf(4, 1)], _store.Names);
        await queue.DisposeAsync();
        Assert.Equal([NameOf(4, 1)], _store.Names);

        await (await QueueAsync()).DisposeAsync();
        Assert.Empty(_store.Names);
    }

    [Fact]
    public async Task A_remote_end_that_hangs_keeps_at_most_one_collection_from_the_store()
    {
        _end.Answer(Hang);
        var queue = await QueueAsync();
        queue.Enqueue(Collection(1, "a"));
        await _end.ArrivedAsync(1);
        Assert.Empty(_store.Names);

        queue.Enqueue(Collection(2, "a"));
        await queue.Writing;
        Assert.Equal(2, Stored.Count);
    }

    [Fact]
    public async Task A_stop_puts_collections_in_memory_into_the_store_and_loses_nothing()
    {
        _end.Answer(Hang);
        var queue = await QueueAsync();
        queue.Enqueue(Collection(1, "a", "b"), CollectionOf.StartMs + 5555);
        await _end.ArrivedAsync(1);
        await queue.DisposeAsync();

        Assert.Equal(2, queue.PendingSamples);
        Assert.Equal(0, _metrics["samples_dropped_total{shutdown}"]);
        Assert.Equal(0, queue.Status().LostSamples);
        var next = await QueueAsync();
        Assert.Equal(CollectionOf.StartMs + 5555, next.HighestTimestampMs);
        Assert.Equal(0, await Flushed(next));
        Assert.Equal(["a=1", "b=1"], _end.AcceptedSamples);
    }

    [Fact]
    public async Task A_stop_removes_its_bytes_from_the_total_of_all_tenants()
    {
        _end.IsDown = true;
        var endpoint = Endpoint(new());
        var queue = await QueueAsync(endpoint, "acme");
        queue.Enqueue(Collection(1, "a"));
        await WaitsAsync(queue);
        Assert.Equal(4096, endpoint.DiskBacklog.Bytes);

        await queue.DisposeAsync();
        Assert.Equal((0, 0), (endpoint.Backlog.Bytes, endpoint.DiskBacklog.Bytes));
        var again = await QueueAsync(endpoint, "acme");
        Assert.Equal(4096, endpoint.DiskBacklog.Bytes);
        Assert.Equal(1, again.PendingSamples);
    }

    [Fact]
    public async Task A_half_accepted_collection_is_sent_again_whole_and_unchanged_after_a_kill()
    {
        var queue = await HalfAcceptedAsync();
        Assert.Equal(2, queue.PendingSamples);

        var next = await KilledAsync();
        Assert.Equal(0, await Flushed(next));
        Assert.Equal(["a=1", "a=1", "b=1", "c=1"], _end.AcceptedSamples);
        Assert.Equal(_end.Accepted[0], _end.Accepted[1]);
    }

    [Fact]
    public async Task A_stop_keeps_the_remaining_half_of_a_half_accepted_collection()
    {
        var queue = await HalfAcceptedAsync();
        await queue.DisposeAsync();
        Assert.Equal(2, queue.PendingSamples);

        var next = await QueueAsync();
        Assert.Equal(2, next.PendingSamples);
        Assert.Equal(0, await Flushed(next));
        Assert.Equal(["a=1", "b=1", "c=1"], _end.AcceptedSamples);
    }

    [Fact]
    public async Task Requests_accepted_before_their_collection_was_put_are_not_sent_again()
    {
        _end.Answer(204);
        _end.Answer(503);
        var queue = await QueueAsync();
        queue.Enqueue(Collection(1, "a", "b"));
        await WaitsAsync(queue);

        var next = await KilledAsync();
        Assert.Equal(1, next.PendingSamples);
        Assert.Equal(0, await Flushed(next));
        Assert.Equal(["a=1", "b=1"], _end.AcceptedSamples);
    }

    [Fact]
    public async Task Over_its_limit_in_the_store_the_queue_drops_the_oldest_and_counts_and_logs_it()
    {
        _end.IsDown = true;
        var queue = await QueueAsync(new() { MaxDiskBytes = 2 * 4096 });
        for (var i = 1; i <= 4; i++)
        {
            queue.Enqueue(Collection(i, "a"));
            await queue.Writing;
        }

        await WaitsAsync(queue);
        Assert.Equal((2, 2, 0, 2 * 4096), Pending(queue));
        Assert.Equal(2, Stored.Count);
        Assert.Equal(2, _metrics["samples_dropped_total{queue_full}"]);
        Assert.Equal(2, queue.Status().LostSamples);
        Assert.Equal("Error: The remote write queue to test for tenant acme exceeds its share of 8192 bytes in the object store; the oldest collections are dropped until the remote end accepts samples again, 1 samples so far", Assert.Single(_log.Lines, l => l.StartsWith("Error", StringComparison.Ordinal)));

        await UpAsync(queue);
        Assert.Equal(["a=3", "a=4"], _end.AcceptedSamples);
    }

    [Fact]
    public async Task A_lower_limit_drops_the_oldest_collections_found()
    {
        _end.IsDown = true;
        var queue = await QueueAsync();
        for (var i = 1; i <= 4; i++)
            queue.Enqueue(Collection(i, "a"));
        await WaitsAsync(queue);

        var next = await KilledAsync(new() { MaxDiskBytes = 3 * 4096 });
        Assert.Equal((3, 3, 0, 3 * 4096), Pending(next));
        Assert.Equal(3, Stored.Count);
        await UpAsync(next);
        Assert.Equal(["a=2", "a=3", "a=4"], _end.AcceptedSamples);
    }

    [Fact]
    public async Task Over_the_limit_of_all_tenants_in_the_store_the_one_with_more_than_its_share_drops()
    {
        _end.IsDown = true;
        var endpoint = Endpoint(new() { MaxDiskBytes = 4 * 4096 });
        var (much, little) = (await QueueAsync(endpoint, "much"), await QueueAsync(endpoint, "little"));
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
    public async Task A_corrupt_request_costs_only_itself_and_is_counted_and_logged()
    {
        _end.IsDown = true;
        var queue = await QueueAsync();
        queue.Enqueue(Collection(1, "a", "b"));
        queue.Enqueue(Collection(2, "a", "b"));
        await WaitsAsync(queue);
        await ChangeAsync(NameOf(1, 1), static bytes => bytes[^1] ^= 1);
        await ChangeAsync(NameOf(1, 2), static bytes => bytes[0] ^= 1);

        var next = await KilledAsync();
        next.Enqueue(Collection(3, "a", "b"));
        await UpAsync(next);
        Assert.Equal(["a=1", "a=3", "b=3"], _end.AcceptedSamples);
        Assert.Equal(3, _metrics["samples_dropped_total{corrupt}"]);
        Assert.Equal((0, 3), (next.PendingSamples, next.Status().LostSamples));
        Assert.Equal(
            [
                $"Error: The remote write queue to test for tenant acme lost 1 samples of {NameOf(1, 1)}, which cannot be read: its content is not what was written",
                $"Error: The remote write queue to test for tenant acme lost 2 samples of {NameOf(1, 2)}, which cannot be read: its content is not what was written",
            ],
            _log.Lines.Where(l => l.StartsWith("Error", StringComparison.Ordinal)));
        Assert.Empty(Stored);
    }

    [Fact]
    public async Task Missing_objects_cost_only_themselves()
    {
        _end.IsDown = true;
        var queue = await QueueAsync();
        for (var i = 1; i <= 3; i++)
            queue.Enqueue(Collection(i, "a"));
        await WaitsAsync(queue);
        await _store.DeleteAsync(NameOf(1, 2));

        await UpAsync(queue);
        Assert.Equal(["a=1", "a=3"], _end.AcceptedSamples);
        Assert.Equal(1, _metrics["samples_dropped_total{corrupt}"]);
        Assert.Equal(0, queue.PendingSamples);
    }

    [Fact]
    public async Task Collections_that_the_previous_owner_sent_after_the_listing_are_neither_sent_again_nor_lost()
    {
        _end.IsDown = true;
        var former = await QueueAsync();
        for (var i = 1; i <= 3; i++)
            former.Enqueue(Collection(i, "a"));
        await WaitsAsync(former);

        var permit = new SwitchedPermit();
        var queue = await QueueAsync(Endpoint(new()), "acme", permit, fence: true);
        Assert.Equal(3, queue.PendingSamples);
        await UpAsync(former);
        queue.Enqueue(Collection(4, "a"));
        permit.IsHeld = true;
        Assert.Equal(0, await Flushed(queue));
        Assert.Equal(["a=1", "a=2", "a=3", "a=4"], _end.AcceptedSamples);
        Assert.Equal(0, _metrics["samples_dropped_total{corrupt}"]);
        Assert.Equal(0, queue.Status().LostSamples);
    }

    [Fact]
    public async Task If_the_store_fails_collections_stay_in_memory_within_its_limit_until_it_works()
    {
        _end.IsDown = true;
        var bytes = Collection(1, "a").Sum(r => r.Body.Length);
        var queue = await QueueAsync(new() { MaxQueueBytes = 2 * bytes });
        queue.Enqueue(Collection(1, "a"));
        await WaitsAsync(queue);
        _view.Before = Fails;

        for (var i = 2; i <= 5; i++)
        {
            queue.Enqueue(Collection(i, "a"));
            await queue.Writing;
        }

        // The one that is in the store and out of reach, and the last two.
        Assert.Equal((3, 3, 2 * bytes, 4096), Pending(queue));
        Assert.Equal(2, _metrics["samples_dropped_total{queue_full}"]);
        Assert.True(_metrics["disk_failures_total"] >= 4);
        Assert.Equal($"Error: The object store fails for the remote write queue to test for tenant acme, in {Folder}. Until it works again, waiting samples stay where they are, and new ones wait in memory, within max_queue_bytes: not now", Assert.Single(_log.Lines, l => l.Contains("object store")));

        _view.Before = null;
        queue.Enqueue(Collection(6, "a"));
        await queue.Writing;
        Assert.Equal((3, 3, 0, 3 * 4096), Pending(queue));
        Assert.Equal("Information: The object store works again for the remote write queue to test for tenant acme", _log.Lines[^1]);

        var next = await KilledAsync();
        await UpAsync(next);
        Assert.Equal(["a=1", "a=5", "a=6"], _end.AcceptedSamples);
    }

    [Fact]
    public async Task A_collection_that_cannot_be_read_now_is_retried_and_nothing_behind_it_goes_first()
    {
        _end.IsDown = true;
        await WaitingAsync(1, 2);
        _end.IsDown = false;
        _view = _store.View();
        _view.Before = (operation, name) => operation == "Get" ? Fails(operation, name) : Task.CompletedTask;
        var next = await QueueAsync();
        next.Enqueue(Collection(3, "a"));
        await _clock.TimerOf(s_backoff);
        Assert.Empty(_end.AcceptedSamples);
        Assert.Equal(3, next.PendingSamples);

        _view.Before = null;
        await UpAsync(next);
        Assert.Equal(["a=1", "a=2", "a=3"], _end.AcceptedSamples);
        Assert.Equal(0, next.Status().LostSamples);
    }

    [Fact]
    public async Task Collections_that_cannot_be_put_at_the_stop_are_lost_and_counted()
    {
        _end.IsDown = true;
        var queue = await QueueAsync();
        _view.Before = Fails;
        queue.Enqueue(Collection(1, "a", "b"));
        await WaitsAsync(queue);
        await queue.DisposeAsync();

        Assert.Equal(0, queue.PendingSamples);
        Assert.Equal(2, _metrics["samples_dropped_total{shutdown}"]);
    }

    [Fact]
    public async Task A_put_that_seemed_to_fail_but_succeeded_is_kept()
    {
        _end.IsDown = true;
        var queue = await QueueAsync();
        _view.After = (operation, name) => operation == "PutIfAbsent" ? Fails(operation, name) : Task.CompletedTask;
        queue.Enqueue(Collection(1, "a"));
        await WaitsAsync(queue);
        await queue.DisposeAsync();

        Assert.Equal(1, queue.PendingSamples);
        Assert.Equal(0, _metrics["disk_failures_total"]);
        _end.IsDown = false;
        Assert.Equal(0, await Flushed(await QueueAsync()));
        Assert.Equal(["a=1"], _end.AcceptedSamples);
    }

    [Fact]
    public async Task A_put_with_unknown_result_is_not_mistaken_for_another_owner_and_is_replaced_by_the_rest()
    {
        _end.Answer(503);
        _end.Answer(204);
        _end.Answer(503);
        var queue = await QueueAsync();
        _view.After = Fails;
        queue.Enqueue(Collection(1, "a", "b"));
        await WaitsAsync(queue);
        Assert.Equal(2, CollectionFormat.ReadHeader(_store[NameOf(1, 1)])!.Value.Samples);

        // One of its requests has been accepted when it is tried again.
        _view.After = null;
        _clock.Advance(s_backoff);
        await WaitsAsync(queue);
        Assert.Equal(1, CollectionFormat.ReadHeader(_store[NameOf(1, 1)])!.Value.Samples);
        Assert.Equal(0, await Flushed(await KilledAsync()));
        Assert.Equal(["a=1", "b=1"], _end.AcceptedSamples);
    }

    [Fact]
    public async Task A_collection_sent_from_memory_after_a_put_that_seemed_to_fail_is_not_sent_again_behind_later_ones()
    {
        _end.Answer(503);
        var queue = await QueueAsync();
        _view.After = Fails;
        queue.Enqueue(Collection(1, "a"));
        await WaitsAsync(queue);
        _view.After = null;
        await UpAsync(queue);
        queue.Enqueue(Collection(2, "a"));
        Assert.Equal(0, await Flushed(queue));
        Assert.Empty(Stored);

        Assert.Equal(0, await Flushed(await KilledAsync()));
        Assert.Equal(["a=1", "a=2"], _end.AcceptedSamples);
    }

    [Fact]
    public async Task A_collection_accepted_while_it_is_being_put_is_deleted_before_the_next_one_is_sent()
    {
        var (answer, putting, put) = (new TaskCompletionSource(), new TaskCompletionSource(), new TaskCompletionSource());
        var events = new List<string>();
        _end.Answer(_ => answer.Task);
        _end.Answer(_ =>
        {
            Note("second");
            return Task.CompletedTask;
        });
        var queue = await QueueAsync();
        _view.Before = (operation, _) => operation == "PutIfAbsent" && putting.TrySetResult() ? put.Task : Task.CompletedTask;
        _view.After = (operation, _) =>
        {
            Note(operation);
            return Task.CompletedTask;
        };
        queue.Enqueue(Collection(1, "a"));
        await _end.ArrivedAsync(1);
        queue.Enqueue(Collection(2, "a"));
        await putting.Task;
        answer.SetResult();

        // As long as nothing comes of it.
        for (var i = 0; i < 10_000 || queue.HighestSentTimestampMs == 0; i++)
            await Task.Yield();
        put.SetResult();
        Assert.Equal(0, await Flushed(queue));
        Assert.Equal(["PutIfAbsent", "Put"], events.Take(2));
        Assert.Contains("second", events);

        void Note(string what)
        {
            lock (events)
                events.Add(what);
        }
    }

    [Fact]
    public async Task A_sent_collection_that_could_not_be_deleted_is_deleted_later()
    {
        _end.IsDown = true;
        await WaitingAsync(1, 2, 3);
        _end.IsDown = false;
        _view = _store.View();
        var deletes = 0;
        _view.Before = (operation, name) => operation == "Delete" && ++deletes == 1 ? Fails(operation, name) : Task.CompletedTask;
        var next = await QueueAsync();
        Assert.Equal(0, await Flushed(next));
        Assert.Empty(Stored);
        Assert.Equal(1, _metrics["disk_failures_total"]);
    }

    [Fact]
    public async Task A_collection_waiting_for_the_permit_is_put_before_the_next_one_and_sent_when_the_permit_is_held()
    {
        var permit = new SwitchedPermit();
        var queue = await QueueAsync(Endpoint(new()), "acme", permit);
        queue.Enqueue(Collection(1, "a"));
        await permit.WaitedForAsync(1);
        await queue.Writing;
        Assert.Single(Stored);
        queue.Enqueue(Collection(2, "a"));
        await queue.Writing;
        Assert.Equal(2, Stored.Count);
        Assert.Empty(_end.Received);

        permit.IsHeld = true;
        Assert.Equal(0, await Flushed(queue));
        Assert.Equal(["a=1", "a=2"], _end.AcceptedSamples);
    }

    [Fact]
    public async Task An_owner_without_its_permit_changes_nothing_in_the_store_and_counts_collections_in_memory_as_lost()
    {
        var permit = new SwitchedPermit();
        var queue = await QueueAsync(Endpoint(new()), "acme", permit);
        queue.Enqueue(Collection(1, "a"));
        await permit.WaitedForAsync(1);
        queue.Enqueue(Collection(2, "a"));
        await queue.Writing;

        permit.IsLost = true;
        var before = _store.Names.ToDictionary(static name => name, name => _store[name]);
        queue.Enqueue(Collection(3, "a", "b"));
        await queue.Writing;
        await queue.DisposeAsync();
        Assert.Equal(before, _store.Names.ToDictionary(static name => name, name => _store[name]));
        Assert.Equal(2, _metrics["samples_dropped_total{shutdown}"]);
        Assert.Equal(2, queue.PendingSamples);
        Assert.Empty(_end.Received);
    }

    [Fact]
    public async Task A_fenced_owner_sends_and_puts_nothing_more_and_its_successor_sends_what_is_there()
    {
        _end.IsDown = true;
        var former = await QueueAsync();
        former.Enqueue(Collection(1, "a"));
        await WaitsAsync(former);

        var permit = new SwitchedPermit();
        var queue = await QueueAsync(Endpoint(new()), "acme", permit, fence: true);
        former.Enqueue(Collection(2, "a", "b"));
        await former.Writing;
        Assert.Equal("Warning: Another owner has taken over the remote write queue to test for tenant acme. It sends what is in the object store; anything only in memory here is lost", _log.Lines[^1]);
        _end.IsDown = false;
        Assert.Equal(3, await Flushed(former));
        Assert.Empty(_end.AcceptedSamples);

        former.Enqueue(Collection(3, "a"));
        Assert.Equal(1, _metrics["samples_dropped_total{shutdown}"]);
        await former.DisposeAsync();
        Assert.Equal(3, _metrics["samples_dropped_total{shutdown}"]);

        queue.Enqueue(Collection(4, "a"));
        permit.IsHeld = true;
        Assert.Equal(0, await Flushed(queue));
        Assert.Equal(["a=1", "a=4"], _end.AcceptedSamples);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task An_owner_that_finds_a_later_one_touches_nothing_and_stays_in_memory(bool fence)
    {
        _end.IsDown = true;
        _epoch = 16;
        await WaitingAsync(1, 2);

        _epoch = 8;
        _view = _store.View();
        var queue = await QueueAsync(Endpoint(new()), "acme", fence: fence);
        queue.Enqueue(Collection(3, "a"));
        queue.Enqueue(Collection(4, "a"));
        await WaitsAsync(queue);
        Assert.Equal([NameOf(17, 1), NameOf(17, 2)], Stored);
        Assert.Equal((2, 0), (queue.PendingSamples, queue.DiskBytes));
        Assert.Equal($"Error: The remote write queue to test for tenant acme stays in memory: {Folder} holds something of a later owner", _log.Lines.Single(l => l.StartsWith("Error", StringComparison.Ordinal)));

        await UpAsync(queue);
        Assert.Equal(["a=3", "a=4"], _end.AcceptedSamples);
        Assert.Equal([NameOf(17, 1), NameOf(17, 2)], Stored);
    }

    private IReadOnlyList<string> Stored => [.. _store.Names.Where(name => CollectionFormat.ReadHeader(_store[name]) is null or { Kind: QueueObjectKind.Collection })];

    private static string NameOf(long epoch, long number) => Folder + StoredCollection.NameOf(epoch, number);

    private static Task Fails(string operation, string name) => throw new IOException("not now");

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

    private async Task ChangeAsync(string name, Action<byte[]> change)
    {
        var bytes = _store[name].ToArray();
        change(bytes);
        await _store.PutAsync(name, bytes);
    }

    // An owner that has ended in order and left these.
    private async Task WaitingAsync(params int[] numbers)
    {
        var queue = await QueueAsync();
        foreach (var number in numbers)
            queue.Enqueue(Collection(number, "a"));
        await WaitsAsync(queue);
        await queue.DisposeAsync();
        _clock = new ManualTimeProvider();
    }

    // Of three requests one has been accepted, and one is under way.
    private async Task<RemoteWriteQueue> HalfAcceptedAsync()
    {
        _end.IsDown = true;
        var queue = await QueueAsync();
        queue.Enqueue(Collection(1, "a", "b", "c"));
        await WaitsAsync(queue);
        _end.Answer(204);
        _end.Answer(Hang);
        _end.IsDown = false;
        _clock.Advance(s_backoff);
        await _end.ArrivedAsync(3);
        return queue;
    }

    // Until its oldest collection was refused for now, and all is put.
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

    private Task<RemoteWriteQueue> KilledAsync(QueueOptions? options = null)
    {
        _clock = new ManualTimeProvider();
        _view.Before = Fails;
        _view.After = null;
        _view = _store.View();
        return QueueAsync(Endpoint(options ?? new()), "acme", fence: true);
    }

    private Task<RemoteWriteQueue> QueueAsync(QueueOptions? options = null) => QueueAsync(Endpoint(options ?? new()), "acme");

    // One request after another, so that what happens between two of them can be told.
    private RemoteWriteEndpoint Endpoint(QueueOptions options) => new(
        new() { Url = _end.Url, Name = "test", QueueConfig = options with { MaxShards = 1, MinBackoff = s_backoff, MaxBackoff = s_backoff } },
        0,
        _clock);

    private StoredQueue Owned(IWritePermit? permit = null, string tenant = "acme", bool fence = false) => new(_view, Folder.Replace("acme", tenant), ++_epoch, fence, permit);

    private async Task<RemoteWriteQueue> QueueAsync(RemoteWriteEndpoint endpoint, string tenantId, IWritePermit? permit = null, bool fence = false)
    {
        var queue = Unresumed(endpoint, tenantId, permit);
        await queue.ResumeAsync(Owned(permit, tenantId, fence), CancellationToken.None);
        return queue;
    }

    private RemoteWriteQueue Unresumed(RemoteWriteEndpoint endpoint, string tenantId, IWritePermit? permit)
    {
        Assert.True(TenantId.TryParse(tenantId, out var tenant, out _));
        var queue = new RemoteWriteQueue(
            endpoint,
            new RemoteWriteHeaders(tenant, true, new Dictionary<string, string>()),
            new RemoteWriteMetrics(_tempoMetrics),
            _clock,
            _log,
            permit);
        _queues.Add(queue);
        return queue;
    }
}
