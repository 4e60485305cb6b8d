using System.Diagnostics;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using OrleansTempo.Core.Ingester;
using OrleansTempo.Core.Overrides;
using OrleansTempo.Core.Tests.Storage;
using static OrleansTempo.Core.Tests.Ingester.WalTestData;

namespace OrleansTempo.Core.Tests.Ingester;

public sealed class ObjectWriteAheadLogTests : IDisposable
{
    private static readonly TimeSpan s_interval = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan s_lease = TimeSpan.FromSeconds(30);

    private readonly ManualTimeProvider _time = new();
    private readonly TempoMetrics _metrics = new();
    private readonly MetricValues _values;
    private readonly InMemoryObjectStore _store;
    private readonly Dictionary<ObjectWriteAheadLog, InMemoryObjectStore> _views = [];

    public ObjectWriteAheadLogTests()
    {
        _values = new MetricValues(_metrics);
        _store = new InMemoryObjectStore(_time);
    }

    private static WalOptions Options => new() { Type = WalType.Object, CommitInterval = s_interval, CommitBytes = 10_000 };

    public void Dispose()
    {
        _values.Dispose();
        _metrics.Dispose();
    }

    [Fact]
    public async Task Appends_of_an_interval_share_one_object()
    {
        await using var log = await OpenAsync("a");
        var appends = Enumerable.Range(0, 5).Select(i => log.AppendAsync(Acme, Request(i, 10)).AsTask()).ToArray();
        Assert.DoesNotContain("wal/a/00000000000000000001", _store.Names);
        Assert.DoesNotContain(appends, static t => t.IsCompleted);

        await _time.PassAsync(s_interval);
        await Task.WhenAll(appends);
        Assert.Equal(["wal/a/00000000000000000001", "wal/a/owner"], _store.Names);
        Assert.Equal(2, log.CurrentSegment);
        Assert.Equal(1, _values["tempo_ingester_wal_commits_total"]);
        Assert.Equal(_store["wal/a/00000000000000000001"].Length, _values["tempo_ingester_wal_bytes_written_total"]);
    }

    [Fact]
    public async Task A_full_object_is_put_before_the_interval_is_over()
    {
        await using var log = await OpenAsync("a");
        await Task.WhenAll(Enumerable.Range(0, 4).Select(i => log.AppendAsync(Acme, Request(i, 2500)).AsTask()));
        Assert.Equal(1, _values["tempo_ingester_wal_commits_total"]);
    }

    [Fact]
    public async Task While_a_put_is_under_way_the_next_is_gathered()
    {
        var held = new TaskCompletionSource();
        var entered = new TaskCompletionSource();
        await using var log = await OpenAsync("a");
        _views[log].Before = async (_, name) =>
        {
            if (name.EndsWith('1'))
            {
                entered.TrySetResult();
                await held.Task;
            }
        };
        var first = log.AppendAsync(Acme, Request(0, 20_000)).AsTask();
        await entered.Task;
        var others = Enumerable.Range(1, 6).Select(i => log.AppendAsync(Acme, Request(i, 8000)).AsTask()).ToArray();
        held.SetResult();
        await first;
        await Task.WhenAll(others);
        Assert.Equal(2, _values["tempo_ingester_wal_commits_total"]);
        Assert.Equal(3, log.CurrentSegment);
    }

    [Fact]
    public async Task An_orphan_is_adopted_whole_and_once()
    {
        var dead = await OpenAsync("dead");
        string[] appended = [.. Enumerable.Range(0, 40).Select(i => Text(i % 2 == 0 ? Acme : Globex, Request(i, 1 + (i * 301))))];
        for (var i = 0; i < 40; i++)
            await AppendAsync(dead, i % 2 == 0 ? Acme : Globex, Request(i, 1 + (i * 301)));

        await using var log = await OpenAsync("b");
        Assert.Empty(await log.ListOrphansAsync());
        Assert.Null((await AdoptAsync(log, "dead")).Result);
        await DieAsync(dead, log);
        Assert.Equal(["dead"], await log.ListOrphansAsync());

        var (result, records) = await AdoptAsync(log, "dead");
        Assert.Equal(appended, records);
        Assert.Equal((40, 40, 0), (result!.Value.Records, result.Value.Segments, result.Value.CorruptRecords));
        Assert.Equal(["wal/b/owner", "wal/dead/00000000000000000041", "wal/dead/owner"], _store.Names);
        Assert.Empty(await log.ListOrphansAsync());
        Assert.Null((await AdoptAsync(log, "dead")).Result);

        // Fence and owner record go when no put of the dead one can still be under way.
        await PassAsync(TimeSpan.FromMinutes(61), log);
        Assert.Empty(await log.ListOrphansAsync());
        Assert.Equal(["wal/b/owner"], _store.Names);
    }

    [Fact]
    public async Task Records_adopted_into_ones_own_log_share_commits_and_are_there_before_the_others_are_deleted()
    {
        var dead = await OpenAsync("dead");
        var requests = Enumerable.Range(0, 20).Select(i => Request(i, 400)).ToArray();
        await Task.WhenAll(requests.Append(Request(20, 5000)).Select(r => dead.AppendAsync(Acme, r).AsTask()));
        await DieAsync(dead);
        var log = await OpenAsync("b");
        await log.AdoptAsync("dead", record => log.AppendAsync(record.Tenant, record.Request), CancellationToken.None);

        await DieAsync(log);
        await using var third = await OpenAsync("c");
        Assert.Equal([.. requests.Select(r => Text(Acme, r)), Text(Acme, Request(20, 5000))], (await AdoptAsync(third, "b")).Records);
        Assert.Equal(2, _values["tempo_ingester_wal_commits_total"]);
    }

    [Fact]
    public async Task Of_several_adopters_one_gets_the_stream()
    {
        var dead = await OpenAsync("dead");
        await AppendAsync(dead, Acme, Request(1, 10));
        await DieAsync(dead);
        var adopters = await Task.WhenAll(Enumerable.Range(0, 6).Select(i => OpenAsync($"adopter-{i}")));

        // All have seen it as an orphan before any claims it.
        var read = 0;
        var all = new TaskCompletionSource();
        foreach (var adopter in adopters)
        {
            _views[adopter].After = async (operation, name) =>
            {
                if (operation != "Get" || name != "wal/dead/owner")
                    return;
                if (Interlocked.Increment(ref read) == adopters.Length)
                    all.SetResult();
                await all.Task;
            };
        }

        var adoptions = await Task.WhenAll(adopters.Select(a => AdoptAsync(a, "dead")));
        Assert.Equal([Text(Acme, Request(1, 10))], adoptions.SelectMany(a => a.Records));
        Assert.Single(adoptions, a => a.Result is not null);
        foreach (var adopter in adopters)
            await adopter.DisposeAsync();
    }

    [Fact]
    public async Task An_owner_that_comes_back_finds_its_stream_taken_over_and_acknowledges_nothing_more()
    {
        var old = await OpenAsync("old");
        await AppendAsync(old, Acme, Request(1, 10));
        await using var log = await OpenAsync("b");
        var goesOn = StandStill(old, "", s_lease + TimeSpan.FromSeconds(1));
        Assert.NotNull((await AdoptAsync(log, "old")).Result);

        goesOn.SetResult();
        var late = old.AppendAsync(Acme, Request(2, 20_000)).AsTask();
        var error = await Assert.ThrowsAsync<IOException>(() => late);
        Assert.Contains("'old' was taken over by", error.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<IOException>(() => old.AppendAsync(Acme, Request(3, 10)).AsTask());

        // Nor does it harm the stream when it ends.
        var before = _store.Names;
        old.Release(old.CurrentSegment);
        await old.DisposeAsync();
        Assert.Equal(before, _store.Names);
    }

    [Fact]
    public async Task A_put_that_was_under_way_while_the_stream_was_adopted_is_read_or_refused()
    {
        for (var moment = 0; moment < 2; moment++)
        {
            var stream = $"old-{moment}";
            var old = await OpenAsync(stream);
            await AppendAsync(old, Acme, Request(1, 10));
            await using var log = await OpenAsync($"b-{moment}");

            // The second put stands still before it takes effect, or after it and before its owner hears of it.
            var entered = new TaskCompletionSource();
            var held = new TaskCompletionSource();
            Func<string, string, Task> hold = async (operation, name) =>
            {
                if (operation == "PutIfAbsent" && name == $"wal/{stream}/00000000000000000002" && entered.TrySetResult())
                    await held.Task;
            };
            if (moment == 0)
                _views[old].Before = hold;
            else
                _views[old].After = hold;
            var late = old.AppendAsync(Acme, Request(2, 20_000)).AsTask();
            await entered.Task;
            var orphan = WalOwner.Read(_store[$"wal/{stream}/owner"])! with { Renewed = _time.GetUtcNow() - s_lease - s_lease };

            // As if the owner's clock were behind: by its own it is as good as ever.
            await _store.PutIfMatchAsync($"wal/{stream}/owner", orphan.ToJson(), (await _store.GetAsync($"wal/{stream}/owner"))!.Value.ETag);
            var (_, records) = await AdoptAsync(log, stream);
            held.SetResult();
            if (moment == 0)
            {
                Assert.Equal([Text(Acme, Request(1, 10))], records);
                await Assert.ThrowsAsync<IOException>(() => late);
            }
            else
            {
                Assert.Equal([Text(Acme, Request(1, 10)), Text(Acme, Request(2, 20_000))], records);
                await late;
            }

            await Assert.ThrowsAsync<IOException>(() => AppendAsync(old, Acme, Request(3, 10)));
            await old.DisposeAsync();
        }
    }

    [Fact]
    public async Task The_fence_moves_on_behind_an_owner_that_puts_and_releases_meanwhile()
    {
        var old = await OpenAsync("old");
        await AppendAsync(old, Acme, Request(1, 10));
        await using var log = await OpenAsync("b");
        var orphan = WalOwner.Read(_store["wal/old/owner"])! with { Renewed = _time.GetUtcNow() - s_lease - s_lease };
        await _store.PutAsync("wal/old/owner", orphan.ToJson());

        // Between the adopter's list and its fence the owner puts two segments and releases the place where the fence goes.
        var raced = false;
        _views[log].After = async (operation, _) =>
        {
            if (operation != "List" || raced)
                return;
            raced = true;
            await old.AppendAsync(Acme, Request(2, 20_000));
            await old.AppendAsync(Acme, Request(3, 20_000));
            old.Release(3);
            await UntilAsync(() => !_store.Names.Contains("wal/old/00000000000000000002"));
        };
        var (_, records) = await AdoptAsync(log, "old");
        Assert.Equal([Text(Acme, Request(3, 20_000))], records);
        await Assert.ThrowsAsync<IOException>(() => AppendAsync(old, Acme, Request(4, 10)));
        await old.DisposeAsync();
    }

    [Fact]
    public async Task An_owner_whose_record_is_stale_does_not_acknowledge_until_it_has_renewed_it()
    {
        var old = await OpenAsync("old");
        await using var log = await OpenAsync("b");
        var goesOn = StandStill(old, "PutIfMatch", s_lease + TimeSpan.FromSeconds(1));
        var (result, _) = await AdoptAsync(log, "old");
        Assert.NotNull(result);

        // Even the fence is gone: what it puts is there, and is not acknowledged.
        await _store.DeleteAsync("wal/old/00000000000000000001");
        var append = old.AppendAsync(Acme, Request(1, 20_000)).AsTask();
        await UntilAsync(() => _store.Names.Contains("wal/old/00000000000000000001"));
        Assert.False(append.IsCompleted);
        goesOn.SetResult();
        var error = await Assert.ThrowsAsync<IOException>(() => append);
        Assert.Contains("taken over", error.Message, StringComparison.Ordinal);
        await old.DisposeAsync();
    }

    [Fact]
    public async Task An_owner_that_stood_still_but_was_not_adopted_goes_on()
    {
        var log = await OpenAsync("a");
        StandStill(log, "", TimeSpan.FromMinutes(2)).SetResult();
        await log.AppendAsync(Acme, Request(1, 20_000));
        await using var other = await OpenAsync("b");
        Assert.Empty(await other.ListOrphansAsync());
        await log.DisposeAsync();
    }

    [Fact]
    public async Task Its_record_is_renewed_for_as_long_as_it_lives()
    {
        await using var log = await OpenAsync("a");
        await using var other = await OpenAsync("b");
        await PassAsync(TimeSpan.FromMinutes(3), log, other);
        Assert.Empty(await other.ListOrphansAsync());
        await log.AppendAsync(Acme, Request(1, 20_000));
    }

    [Fact]
    public async Task A_put_that_fails_fails_its_appends_and_the_next_ones_go_through()
    {
        await using var log = await OpenAsync("a");
        var down = true;
        _views[log].Before = (operation, _) => down && operation == "PutIfAbsent" ? throw new IOException("connection refused") : Task.CompletedTask;
        var error = await Assert.ThrowsAsync<IOException>(() => log.AppendAsync(Acme, Request(1, 20_000)).AsTask());
        Assert.Equal("the write-ahead log could not be written to 'wal/a/00000000000000000001': connection refused; send the request again, and see to it that the object store can be reached", error.Message);
        Assert.Equal(1, _values["tempo_ingester_wal_write_failures_total"]);

        down = false;
        await log.AppendAsync(Acme, Request(2, 20_000));
        Assert.Equal(2, log.CurrentSegment);
    }

    [Fact]
    public async Task A_put_or_renewal_that_only_seemed_to_fail_is_recognised_as_ones_own()
    {
        var log = await OpenAsync("a");
        _views[log].After = (_, _) => throw new IOException("connection reset");
        await Assert.ThrowsAsync<IOException>(() => log.AppendAsync(Acme, Request(1, 20_000)).AsTask());
        await PassAsync(TimeSpan.FromSeconds(5), log);
        Assert.Equal(1, _views[log].Calls["PutIfMatch"]);

        _views[log].After = null;
        await log.AppendAsync(Acme, Request(2, 20_000));
        Assert.Equal(3, log.CurrentSegment);
        await PassAsync(TimeSpan.FromSeconds(5), log);
        await log.AppendAsync(Acme, Request(3, 20_000));
        await log.DisposeAsync();
    }

    [Fact]
    public async Task Released_segments_are_deleted_but_the_last()
    {
        var log = await OpenAsync("a");
        for (var i = 0; i < 4; i++)
            await log.AppendAsync(Acme, Request(i, 20_000));
        log.Release(3);
        await UntilAsync(() => _store.Names.Count == 3);
        Assert.Equal(["wal/a/00000000000000000003", "wal/a/00000000000000000004", "wal/a/owner"], _store.Names);
        Assert.Equal(2, _values["tempo_ingester_wal_segments"]);
        log.Release(log.CurrentSegment);
        await UntilAsync(() => _store.Names.Count == 2);
        Assert.Equal(["wal/a/00000000000000000004", "wal/a/owner"], _store.Names);

        // All is in blocks: it leaves nothing.
        await log.DisposeAsync();
        Assert.Empty(_store.Names);
    }

    [Fact]
    public async Task Closed_it_puts_what_waits_and_can_be_adopted_at_once()
    {
        var log = await OpenAsync("a");
        var waiting = log.AppendAsync(Acme, Request(1, 10)).AsTask();
        await log.DisposeAsync();
        await waiting;
        await Assert.ThrowsAsync<IOException>(() => log.AppendAsync(Acme, Request(2, 10)).AsTask());

        await using var next = await OpenAsync("b");
        Assert.Equal(["a"], await next.ListOrphansAsync());
        Assert.Equal([Text(Acme, Request(1, 10))], (await AdoptAsync(next, "a")).Records);
    }

    [Fact]
    public async Task A_stream_that_is_there_is_not_begun_again()
    {
        await using var log = await OpenAsync("a");
        var error = await Assert.ThrowsAsync<IOException>(() => OpenAsync("a"));
        Assert.Contains("has a stream 'a' already", error.Message, StringComparison.Ordinal);
        await using var unnamed = await OpenAsync(null);
        Assert.Equal(32, unnamed.Stream.Length);
        Assert.Equal(default, (await unnamed.ReplayedAsync()).Result);
    }

    [Fact]
    public async Task Broken_objects_cost_what_is_broken_in_them_and_those_nobody_can_read_stay()
    {
        var log = await OpenAsync("a");
        await Task.WhenAll(Enumerable.Range(0, 3).Select(i => log.AppendAsync(Acme, Request(i, 4000)).AsTask()));
        await log.AppendAsync(Acme, Request(3, 20_000));
        await log.AppendAsync(Acme, Request(4, 20_000));
        await DieAsync(log);
        var first = _store["wal/a/00000000000000000001"];
        first[WalFormat.SegmentHeaderBytes + 5000] ^= 4;
        await _store.PutAsync("wal/a/00000000000000000002", "not a segment, but long enough to be taken for one if nobody looked"u8.ToArray());

        await using var next = await OpenAsync("b");
        var (result, records) = await AdoptAsync(next, "a");
        Assert.Equal([Text(Acme, Request(0, 4000)), Text(Acme, Request(2, 4000)), Text(Acme, Request(4, 20_000))], records);
        Assert.Equal(1, result!.Value.CorruptRecords);
        Assert.Equal(1, _values["tempo_ingester_replay_errors_total{corrupt}"]);
        Assert.Equal(1, _values["tempo_ingester_replay_errors_total{unreadable}"]);

        await PassAsync(TimeSpan.FromHours(2), next);
        Assert.Empty(await next.ListOrphansAsync());
        Assert.Contains("wal/a/00000000000000000002", _store.Names);
    }

    [Fact]
    public async Task An_adoption_whose_callback_fails_deletes_nothing_and_can_be_tried_again_after_the_lease()
    {
        var dead = await OpenAsync("dead");
        await AppendAsync(dead, Acme, Request(1, 10));
        await AppendAsync(dead, Acme, Request(2, 10));
        await DieAsync(dead);
        await using var log = await OpenAsync("b");
        await Assert.ThrowsAsync<TimeoutException>(() => log.AdoptAsync("dead", static _ => throw new TimeoutException(), CancellationToken.None));
        Assert.Empty(await log.ListOrphansAsync());

        await PassAsync(s_lease + TimeSpan.FromSeconds(5), log);
        Assert.Equal(["dead"], await log.ListOrphansAsync());
        Assert.Equal([Text(Acme, Request(1, 10)), Text(Acme, Request(2, 10))], (await AdoptAsync(log, "dead")).Records);
    }

    [Fact]
    public async Task A_stream_without_a_legible_owner_is_an_orphan()
    {
        var dead = await OpenAsync("dead");
        await AppendAsync(dead, Acme, Request(1, 10));
        await DieAsync(dead);
        foreach (var illegible in (byte[]?[])[null, "{"u8.ToArray()])
        {
            if (illegible is null)
                await _store.DeleteAsync("wal/dead/owner");
            else
                await _store.PutAsync("wal/dead/owner", illegible);
            await using var log = await OpenAsync(null);
            Assert.Equal(["dead"], (await log.ListOrphansAsync()).Where(s => s == "dead"));
        }

        await using var adopter = await OpenAsync(null);
        Assert.Equal([Text(Acme, Request(1, 10))], (await AdoptAsync(adopter, "dead")).Records);
    }

    [Fact]
    public void The_owner_record_is_json_that_a_human_can_read()
    {
        var owner = new WalOwner("host/12/abc", DateTimeOffset.UnixEpoch, WalOwnerState.Stopped);
        Assert.Equal("""{"owner":"host/12/abc","renewed":"1970-01-01T00:00:00+00:00","state":"stopped"}""", Encoding.UTF8.GetString(owner.ToJson()));
        Assert.Equal(owner, WalOwner.Read(owner.ToJson()));
    }

    private static async Task UntilAsync(Func<bool> condition)
    {
        var waited = Stopwatch.StartNew();
        while (!condition())
        {
            Assert.True(waited.Elapsed < TimeSpan.FromSeconds(30), "what the test waits for does not come");
            await Task.Yield();
        }
    }

    private static async Task<(ReplayResult? Result, List<string> Records)> AdoptAsync(ObjectWriteAheadLog log, string stream)
    {
        var records = new List<string>();
        var result = await log.AdoptAsync(
            stream,
            record =>
            {
                records.Add(Text(record.Tenant, record.Request.Span));
                return default;
            },
            CancellationToken.None);
        return (result, records);
    }

    private async Task<ObjectWriteAheadLog> OpenAsync(string? stream)
    {
        var view = _store.View();
        var log = await ObjectWriteAheadLog.OpenAsync(view, Options, _metrics, _time, NullLogger.Instance, stream, s_lease);
        _views.Add(log, view);
        return log;
    }

    // Small ones by the interval, alone in their object.
    private async Task AppendAsync(ObjectWriteAheadLog log, TenantId tenant, byte[] request)
    {
        var append = log.AppendAsync(tenant, request).AsTask();
        if (request.Length < Options.CommitBytes && !append.IsCompleted)
            await _time.PassAsync(s_interval);
        await append;
    }

    // The clock goes on, and those that live renew their records with it.
    private async Task PassAsync(TimeSpan by, params ObjectWriteAheadLog[] living)
    {
        var step = s_lease / 6;
        for (var passed = TimeSpan.Zero; passed < by; passed += step)
        {
            _time.Advance(step);
            await UntilAsync(() => _time.TimersBegun(step) == living.Length);
        }
    }

    // Nothing it asks of the store ever returns, and it renews its record no more.
    private Task DieAsync(ObjectWriteAheadLog log, params ObjectWriteAheadLog[] living)
    {
        _views[log].Before = static (_, _) => new TaskCompletionSource().Task;
        return PassAsync(s_lease + TimeSpan.FromSeconds(5), living);
    }

    // Its calls of that operation, or all, wait until the source is set; the clock goes on meanwhile.
    private TaskCompletionSource StandStill(ObjectWriteAheadLog log, string operation, TimeSpan by)
    {
        var goesOn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _views[log].Before = (called, _) => operation.Length == 0 || called == operation ? goesOn.Task : Task.CompletedTask;
        _time.Advance(by);
        return goesOn;
    }
}
