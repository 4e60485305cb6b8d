using OrleansTempo.Core.Ingester.Log;
using static OrleansTempo.Core.Tests.Ingester.Log.WalTestData;

namespace OrleansTempo.Core.Tests.Ingester.Log;

public sealed class ObjectWriteAheadLogTests : ObjectLogFixture
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);

    [Fact]
    public async Task The_first_append_is_put_at_once_and_acknowledged_when_its_put_has_ended()
    {
        await using var log = await OpenAsync("a", options: Options with { CommitInterval = Interval });
        var put = HoldPuts(log);
        var append = log.AppendAsync(Acme, Request(0, 10)).AsTask();
        await put.Entered(1);
        Assert.False(append.IsCompleted);
        Assert.Equal(["wal/a/owner"], Store.Names);

        put.End(1);
        await append;
        Assert.Equal(["wal/a/00000000000000000001", "wal/a/owner"], Store.Names);
        Assert.Equal(2, log.CurrentSegment);
        Assert.Equal(1, Values["tempo_ingester_wal_commits_total"]);
        Assert.Equal(Store["wal/a/00000000000000000001"].Length, Values["tempo_ingester_wal_bytes_written_total"]);
    }

    [Fact]
    public async Task What_comes_during_a_put_shares_the_next_one_which_begins_as_soon_as_it_has_ended()
    {
        await using var log = await OpenAsync("a");
        var put = HoldPuts(log);
        var first = log.AppendAsync(Acme, Request(0, 10)).AsTask();
        await put.Entered(1);
        var others = Enumerable.Range(1, 6).Select(i => log.AppendAsync(Acme, Request(i, 8000)).AsTask()).ToArray();
        put.End(1);
        await first;
        await put.Entered(2);
        Assert.DoesNotContain(others, static t => t.IsCompleted);

        put.End(2);
        await Task.WhenAll(others);
        Assert.Equal(2, Values["tempo_ingester_wal_commits_total"]);
        Assert.Equal(3, log.CurrentSegment);
    }

    [Fact]
    public async Task Two_puts_begin_no_less_than_the_interval_after_one_another()
    {
        await using var log = await OpenAsync("a", options: Options with { CommitInterval = Interval });
        await log.AppendAsync(Acme, Request(0, 10));
        var next = Enumerable.Range(1, 5).Select(i => log.AppendAsync(Acme, Request(i, 10)).AsTask()).ToArray();
        await Time.TimerOf(Interval);
        Time.Advance(Interval - TimeSpan.FromMilliseconds(1));
        Assert.DoesNotContain(next, static t => t.IsCompleted);
        Time.Advance(TimeSpan.FromMilliseconds(1));
        await Task.WhenAll(next);
        Assert.Equal(2, Values["tempo_ingester_wal_commits_total"]);

        // Nobody has come for an interval: the next one waits for nothing.
        Time.Advance(Interval);
        await log.AppendAsync(Acme, Request(6, 10));
        Assert.Equal(3, Values["tempo_ingester_wal_commits_total"]);
    }

    [Fact]
    public async Task A_full_object_is_put_before_the_interval_is_over()
    {
        await using var log = await OpenAsync("a", options: Options with { CommitInterval = Interval });
        await log.AppendAsync(Acme, Request(0, 10));
        await Task.WhenAll(Enumerable.Range(1, 4).Select(i => log.AppendAsync(Acme, Request(i, 2500)).AsTask()));
        Assert.Equal(2, Values["tempo_ingester_wal_commits_total"]);
    }

    [Fact]
    public async Task A_slow_put_is_followed_by_a_pause_in_which_those_it_answered_come_back()
    {
        await using var log = await OpenAsync("a");
        var put = HoldPuts(log);
        var first = log.AppendAsync(Acme, Request(0, 10)).AsTask();
        await put.Entered(1);
        Time.Advance(TimeSpan.FromMilliseconds(20));
        var second = log.AppendAsync(Acme, Request(1, 10)).AsTask();
        put.End(1);
        await first;
        var third = log.AppendAsync(Acme, Request(2, 10)).AsTask();
        put.End(2);
        await Time.PassAsync(TimeSpan.FromMilliseconds(2));
        await Task.WhenAll(second, third);
        Assert.Equal(2, Values["tempo_ingester_wal_commits_total"]);
    }

    [Fact]
    public async Task An_owner_that_stalled_but_was_not_adopted_continues()
    {
        var log = await OpenAsync("a");
        StandStill(log, "", TimeSpan.FromMinutes(2)).SetResult();
        await log.AppendAsync(Acme, Request(1, 20_000));
        await using var other = await OpenAsync("b");
        Assert.Empty(await OrphansOf(other).ListAsync());
        await log.DisposeAsync();
    }

    [Fact]
    public async Task The_owner_record_is_renewed_for_as_long_as_the_log_is_open()
    {
        await using var log = await OpenAsync("a");
        await using var other = await OpenAsync("b");
        await PassAsync(TimeSpan.FromMinutes(3), log, other);
        Assert.Empty(await OrphansOf(other).ListAsync());
        await log.AppendAsync(Acme, Request(1, 20_000));
    }

    [Fact]
    public async Task A_put_that_fails_fails_its_appends_and_the_next_ones_go_through()
    {
        await using var log = await OpenAsync("a");
        var down = true;
        Views[log].Before = (operation, _) => down && operation == "PutIfAbsent" ? throw new IOException("connection refused") : Task.CompletedTask;
        var error = await Assert.ThrowsAsync<IOException>(() => log.AppendAsync(Acme, Request(1, 20_000)).AsTask());
        Assert.Equal("cannot write to the write-ahead log 'wal/a/00000000000000000001': connection refused; send the request again, and check that the object store can be reached", error.Message);
        Assert.Equal(1, Values["tempo_ingester_wal_write_failures_total"]);

        down = false;
        await log.AppendAsync(Acme, Request(2, 20_000));
        Assert.Equal(2, log.CurrentSegment);
    }

    [Fact]
    public async Task A_log_that_cannot_be_written_says_so_until_a_renewal_succeeds()
    {
        await using var log = await OpenAsync("a");
        Views[log].Before = static (_, _) => throw new IOException("no route to host");
        await Assert.ThrowsAsync<IOException>(() => log.AppendAsync(Acme, Request(1, 10)).AsTask());
        Assert.Equal(("no route to host", true), (log.Trouble?.Reason, log.Trouble?.StopsAppends));
        Assert.False(await log.TryReachStoreAsync());

        // It fails, and is tried again after a second.
        Time.Advance(Lease / 6);
        await UntilAsync(() => Time.TimersBegun(TimeSpan.FromSeconds(1)) == 1);
        Views[log].Before = null;
        Assert.NotNull(log.Trouble);
        Time.Advance(TimeSpan.FromSeconds(1));
        await UntilAsync(() => log.Trouble is null);
        Assert.True(await log.TryReachStoreAsync());
        Assert.False(log.Lost.IsCompleted);
    }

    [Fact]
    public async Task A_request_without_an_answer_fails_after_four_seconds()
    {
        await using var log = await OpenAsync("a");
        var ends = new TaskCompletionSource();
        Views[log].Before = (_, _) => ends.Task;
        var append = log.AppendAsync(Acme, Request(1, 20_000)).AsTask();
        await Time.TimerOf(TimeSpan.FromSeconds(4));
        Time.Advance(TimeSpan.FromSeconds(4));
        Assert.Equal("the object store has not answered for 4 s", log.Trouble?.Reason);
        ends.SetResult();

        var error = await Assert.ThrowsAsync<IOException>(() => append);
        Assert.StartsWith("cannot write to the write-ahead log 'wal/a/00000000000000000001': the object store did not answer within 4 s; send the request again", error.Message, StringComparison.Ordinal);
        Views[log].Before = null;
        await log.AppendAsync(Acme, Request(2, 20_000));
    }

    [Fact]
    public async Task Puts_that_fail_are_tried_less_and_less_often()
    {
        await using var log = await OpenAsync("a");
        var down = true;
        Views[log].Before = (operation, _) => down && operation == "PutIfAbsent" ? throw new IOException("connection refused") : Task.CompletedTask;
        await Assert.ThrowsAsync<IOException>(() => log.AppendAsync(Acme, Request(0, 10)).AsTask());
        foreach (var wait in new[] { 100, 200, 400, 800, 1600, 2000, 2000 })
        {
            var append = log.AppendAsync(Acme, Request(1, 10)).AsTask();
            await Time.PassAsync(TimeSpan.FromMilliseconds(wait));
            await Assert.ThrowsAsync<IOException>(() => append);
        }

        Assert.Equal(8, Values["tempo_ingester_wal_write_failures_total"]);
        down = false;
        var back = log.AppendAsync(Acme, Request(2, 10)).AsTask();
        await Time.PassAsync(TimeSpan.FromSeconds(2));
        await back;
        await log.AppendAsync(Acme, Request(3, 10));
        Assert.Equal(3, log.CurrentSegment);
    }

    [Fact]
    public async Task A_put_or_renewal_that_only_seemed_to_fail_is_recognised_as_our_own()
    {
        var log = await OpenAsync("a");
        Views[log].After = (_, _) => throw new IOException("connection reset");
        await Assert.ThrowsAsync<IOException>(() => log.AppendAsync(Acme, Request(1, 20_000)).AsTask());
        Time.Advance(TimeSpan.FromSeconds(5));
        await UntilAsync(() => Time.TimersBegun(TimeSpan.FromSeconds(1)) == 1);
        Assert.Equal(1, Views[log].Calls["PutIfMatch"]);

        Views[log].After = null;
        await log.AppendAsync(Acme, Request(2, 20_000));
        Assert.Equal(3, log.CurrentSegment);
        await PassAsync(TimeSpan.FromSeconds(5), log);
        await log.AppendAsync(Acme, Request(3, 20_000));
        await log.DisposeAsync();
    }

    [Fact]
    public async Task Released_segments_are_deleted_except_the_last()
    {
        var log = await OpenAsync("a");
        for (var i = 0; i < 4; i++)
            await log.AppendAsync(Acme, Request(i, 20_000));
        log.Release(3);
        await UntilAsync(() => Store.Names.Count == 3);
        Assert.Equal(["wal/a/00000000000000000003", "wal/a/00000000000000000004", "wal/a/owner"], Store.Names);
        Assert.Equal(2, Values["tempo_ingester_wal_segments"]);
        log.Release(log.CurrentSegment);
        await UntilAsync(() => Store.Names.Count == 2);
        Assert.Equal(["wal/a/00000000000000000004", "wal/a/owner"], Store.Names);

        // Everything is in blocks, so it leaves nothing.
        await log.DisposeAsync();
        Assert.Empty(Store.Names);
    }

    [Fact]
    public async Task Closing_puts_what_waits_and_the_stream_can_be_adopted_at_once()
    {
        var log = await OpenAsync("a", options: Options with { CommitInterval = Interval });
        await log.AppendAsync(Acme, Request(1, 10));
        var waiting = log.AppendAsync(Acme, Request(2, 10)).AsTask();
        await log.DisposeAsync();
        await waiting;
        await Assert.ThrowsAsync<IOException>(() => log.AppendAsync(Acme, Request(3, 10)).AsTask());

        await using var next = await OpenAsync("b");
        Assert.Equal(["a"], await OrphansOf(next).ListAsync());
        Assert.Equal([Text(Acme, Request(1, 10)), Text(Acme, Request(2, 10))], (await AdoptAsync(next, "a")).Records);
    }

    [Fact]
    public async Task An_existing_stream_is_not_begun_again()
    {
        await using var log = await OpenAsync("a");
        var error = await Assert.ThrowsAsync<IOException>(() => OpenAsync("a"));
        Assert.Contains("already has a stream 'a'", error.Message, StringComparison.Ordinal);
        await using var unnamed = await OpenAsync(null);
        Assert.Equal(32, unnamed.Stream.Length);
        Assert.Equal(default, (await unnamed.ReplayedAsync()).Result);
    }

    private HeldPuts HoldPuts(ObjectWriteAheadLog log)
    {
        var held = new HeldPuts();
        Views[log].Before = (operation, name) => operation == "PutIfAbsent" ? held.WaitAsync(name[^1] - '0') : Task.CompletedTask;
        return held;
    }

    // Puts of segments, each of which ends when it is told to.
    private sealed class HeldPuts
    {
        private readonly TaskCompletionSource[] _entered = [.. Enumerable.Range(0, 10).Select(static _ => new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously))];
        private readonly TaskCompletionSource[] _ended = [.. Enumerable.Range(0, 10).Select(static _ => new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously))];

        public Task Entered(int number) => _entered[number].Task.WaitAsync(TimeSpan.FromSeconds(30));

        public void End(int number) => _ended[number].SetResult();

        public Task WaitAsync(int number)
        {
            _entered[number].TrySetResult();
            return _ended[number].Task;
        }
    }
}
