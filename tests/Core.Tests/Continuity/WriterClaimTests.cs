using System.Text;
using OrleansTempo.Core.Continuity;
using OrleansTempo.Core.Tests.Objects;
using OrleansTempo.Core.Tests.RemoteWrite.Queue;

namespace OrleansTempo.Core.Tests.Continuity;

public sealed class WriterClaimTests
{
    private const string Name = "generators/%41cme/3-of-8";

    private static readonly TimeSpan s_lease = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan s_held = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan s_moment = TimeSpan.FromMilliseconds(1);

    private readonly ManualTimeProvider _time = new();
    private readonly InMemoryObjectStore _store;

    public WriterClaimTests() => _store = new InMemoryObjectStore(_time);

    private string Json => Encoding.UTF8.GetString(_store[Name]);

    [Fact]
    public async Task A_first_claim_is_held_at_once()
    {
        var claim = await TakeAsync("a");
        Assert.Equal((ClaimStart.New, 1, null, 0), (claim.Start, claim.Epoch, claim.SnapshotEpoch, claim.LastTimestampMs));
        Assert.True(claim.IsHeld);
        Assert.False(claim.IsLost);
        Assert.Matches("""^\{"owner":"a/[0-9a-f]{32}","epoch":1,"state":"live","lastTimestampMs":0,"snapshot":false,"contested":false,"waiting":false,"unsent":0\}$""", Json);
        await claim.WaitAsync(CancellationToken.None);
    }

    [Fact]
    public async Task A_claim_is_held_for_two_thirds_of_the_lease_after_every_renewal()
    {
        var claim = await TakeAsync("a");
        _time.Advance(s_held - s_moment);
        Assert.True(claim.IsHeld);
        Assert.True(await claim.RenewAsync(1000));
        Assert.Contains("\"lastTimestampMs\":1000", Json, StringComparison.Ordinal);
        _time.Advance(s_held - s_moment);
        Assert.True(claim.IsHeld);
        _time.Advance(s_moment);
        Assert.False(claim.IsHeld);

        // Nobody else has taken it, so it is still held.
        Assert.True(await claim.RenewAsync(2000));
        Assert.True(claim.IsHeld);
    }

    [Fact]
    public async Task An_owner_whose_machine_was_suspended_does_not_hold_its_claim_until_it_renews()
    {
        var claim = await TakeAsync("a");
        _time.SetClock(TimeSpan.FromHours(1));
        Assert.False(claim.IsHeld);
        Assert.True(await claim.RenewAsync(1000));
        Assert.True(claim.IsHeld);
    }

    [Fact]
    public async Task A_clock_that_is_set_back_neither_extends_a_claim_nor_delays_the_next_owner()
    {
        var former = await TakeAsync("a");
        _time.SetClock(TimeSpan.FromDays(-1));
        Assert.True(former.IsHeld);
        _time.Advance(s_held);
        Assert.False(former.IsHeld);

        var next = await TakeAsync("b");
        _time.SetClock(TimeSpan.FromDays(-1));
        _time.Advance(s_lease);
        Assert.True(await next.RenewAsync(1000));
        Assert.True(next.IsHeld);
    }

    [Fact]
    public async Task A_renewal_counts_from_before_its_put_so_a_stalled_owner_does_not_hold_the_claim()
    {
        var view = _store.View();
        var claim = await TakeAsync("a", view);
        view.After = (_, _) =>
        {
            _time.Advance(s_held);
            return Task.CompletedTask;
        };
        Assert.True(await claim.RenewAsync(1000));
        Assert.False(claim.IsHeld);

        Assert.False((await TakeAsync("b", view)).IsHeld);
    }

    [Fact]
    public async Task The_last_timestamp_never_goes_back()
    {
        var claim = await TakeAsync("a");
        Assert.True(await claim.RenewAsync(2000));
        Assert.True(await claim.RenewAsync(1000));
        Assert.Equal(2000, (await TakeAsync("b")).LastTimestampMs);
    }

    [Fact]
    public async Task A_released_claim_is_held_at_once_and_its_snapshot_may_be_restored()
    {
        var first = await TakeAsync("a");
        Assert.True(await first.RenewAsync(1000));
        Assert.True(await first.ReleaseAsync(snapshot: true));
        Assert.False(first.IsHeld);
        Assert.False(first.IsLost);
        Assert.Contains("\"epoch\":1,\"state\":\"released\",\"lastTimestampMs\":1000,\"snapshot\":true", Json, StringComparison.Ordinal);

        var second = await TakeAsync("b");
        Assert.Equal((ClaimStart.Released, 2, 1, 1000), (second.Start, second.Epoch, second.SnapshotEpoch, second.LastTimestampMs));
        Assert.True(second.IsHeld);

        // A snapshot is valid for one start: an owner that crashes after it has left none.
        Assert.Null((await TakeAsync("c")).SnapshotEpoch);
    }

    [Fact]
    public async Task A_claim_released_without_a_snapshot_or_ended_is_held_at_once_and_counters_restart()
    {
        Assert.True(await (await TakeAsync("a")).ReleaseAsync(snapshot: false));
        var second = await TakeAsync("b");
        Assert.Equal((ClaimStart.Released, 2, null), (second.Start, second.Epoch, second.SnapshotEpoch));
        Assert.True(second.IsHeld);

        Assert.True(await second.EndAsync());
        Assert.False(second.IsHeld);
        var third = await TakeAsync("c");
        Assert.Equal((ClaimStart.Released, 3, null), (third.Start, third.Epoch, third.SnapshotEpoch));
        Assert.True(third.IsHeld);
    }

    [Fact]
    public async Task The_epoch_of_an_owner_that_did_not_shut_down_cleanly_is_known()
    {
        Assert.Null((await TakeAsync("a")).CrashedEpoch);
        var second = await TakeAsync("b");
        Assert.Equal((1, null), (second.CrashedEpoch, second.SnapshotEpoch));
        Assert.True(await second.ReleaseAsync(snapshot: true));
        var third = await TakeAsync("c");
        Assert.Equal((null, 2), (third.CrashedEpoch, third.SnapshotEpoch));
        Assert.True(await third.EndAsync());
        Assert.Null((await TakeAsync("d")).CrashedEpoch);
        await _store.PutAsync(Name, "{"u8.ToArray());
        Assert.Null((await TakeAsync("e")).CrashedEpoch);
    }

    [Fact]
    public async Task A_released_claim_is_not_renewed()
    {
        var claim = await TakeAsync("a");
        Assert.True(await claim.ReleaseAsync(snapshot: true));
        Assert.False(await claim.RenewAsync(1000));
        Assert.False(claim.IsHeld);
        Assert.Contains("released", Json, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_seized_claim_is_held_after_a_whole_lease_and_its_previous_owner_has_lost_it()
    {
        var first = await TakeAsync("a");
        Assert.True(await first.RenewAsync(1000));
        var second = await TakeAsync("b");
        Assert.Equal((ClaimStart.Seized, 2, null, 1000), (second.Start, second.Epoch, second.SnapshotEpoch, second.LastTimestampMs));

        // It does not know yet, and need not know.
        Assert.True(first.IsHeld);
        Assert.False(second.IsHeld);
        Assert.False(await first.RenewAsync(2000));
        Assert.True(first.IsLost);
        Assert.False(first.IsHeld);
        Assert.False(await first.RenewAsync(2000));
        Assert.False(await first.ReleaseAsync(snapshot: true));
        Assert.False(await first.EndAsync());

        _time.Advance(s_lease - s_moment);
        Assert.True(await second.RenewAsync(0));
        Assert.False(second.IsHeld);
        _time.Advance(s_moment);
        Assert.True(second.IsHeld);
        Assert.Contains("\"epoch\":2,\"state\":\"live\",\"lastTimestampMs\":1000", Json, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_lease_of_a_seizure_starts_when_its_put_has_succeeded()
    {
        await TakeAsync("a");
        var view = _store.View();
        view.After = (operation, _) =>
        {
            if (operation == "PutIfMatch")
                _time.Advance(TimeSpan.FromSeconds(10));
            return Task.CompletedTask;
        };
        var second = await TakeAsync("b", view);
        view.After = null;
        _time.Advance(s_lease - s_moment);
        Assert.True(await second.RenewAsync(0));
        Assert.False(second.IsHeld);
        _time.Advance(s_moment);
        Assert.True(second.IsHeld);
    }

    [Fact]
    public async Task An_owner_that_releases_before_its_seizure_is_over_leaves_the_rest_of_the_wait_to_the_next()
    {
        var first = await TakeAsync("a");
        var second = await TakeAsync("b");
        Assert.True(await second.ReleaseAsync(snapshot: true));
        var third = await TakeAsync("c");
        Assert.True(first.IsHeld);
        Assert.Equal((ClaimStart.Seized, 2), (third.Start, third.SnapshotEpoch));
        Assert.False(third.IsHeld);

        _time.Advance(s_lease);
        Assert.True(await third.RenewAsync(0));
        Assert.True(third.IsHeld);
        Assert.False(first.IsHeld);
        Assert.True(await third.ReleaseAsync(snapshot: false));
        Assert.Equal(ClaimStart.Released, (await TakeAsync("d")).Start);
    }

    [Fact]
    public async Task A_waiter_wakes_when_the_seizure_is_over()
    {
        await TakeAsync("a");
        var claim = await TakeAsync("b");
        var wait = claim.WaitAsync(CancellationToken.None);
        await _time.TimerOf(s_lease);
        _time.Advance(s_lease / 2);
        Assert.True(await claim.RenewAsync(0));
        Assert.False(wait.IsCompleted);
        _time.Advance(s_lease / 2);
        await wait.WaitAsync(TimeSpan.FromSeconds(30));
        Assert.True(claim.IsHeld);
    }

    [Fact]
    public async Task A_waiter_wakes_when_a_renewal_succeeds_again()
    {
        var claim = await TakeAsync("a");
        _time.Advance(s_held);
        var wait = claim.WaitAsync(CancellationToken.None);
        Assert.False(wait.IsCompleted);
        Assert.True(await claim.RenewAsync(0));
        await wait.WaitAsync(TimeSpan.FromSeconds(30));
    }

    [Fact]
    public async Task Waiting_for_a_lost_or_released_claim_ends_only_by_cancellation()
    {
        var lost = await TakeAsync("a");
        var seized = await TakeAsync("b");
        Assert.False(await lost.RenewAsync(0));
        _time.Advance(s_lease);
        using var cancellation = new CancellationTokenSource();
        Task[] waits = [lost.WaitAsync(cancellation.Token), seized.WaitAsync(cancellation.Token)];
        Assert.DoesNotContain(waits, static w => w.IsCompleted);
        await cancellation.CancelAsync();
        foreach (var wait in waits)
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => wait);

        Assert.True(await seized.ReleaseAsync(snapshot: false));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => seized.WaitAsync(cancellation.Token));
    }

    [Fact]
    public async Task If_the_store_is_down_the_claim_lapses_after_a_while_and_is_held_again_when_it_is_back()
    {
        var view = _store.View();
        var claim = await TakeAsync("a", view);
        view.Before = static (_, _) => throw new IOException("down");
        await Assert.ThrowsAsync<IOException>(() => claim.RenewAsync(1000));
        Assert.True(claim.IsHeld);
        Assert.False(claim.IsLost);
        _time.Advance(s_held);
        await Assert.ThrowsAsync<IOException>(() => claim.RenewAsync(1000));
        Assert.False(claim.IsHeld);
        Assert.False(claim.IsLost);
        await Assert.ThrowsAsync<IOException>(() => TakeAsync("b", view));

        view.Before = null;
        Assert.True(await claim.RenewAsync(1000));
        Assert.True(claim.IsHeld);
    }

    [Fact]
    public async Task A_renewal_that_seemed_to_fail_but_succeeded_is_not_mistaken_for_a_loss()
    {
        var view = _store.View();
        var claim = await TakeAsync("a", view);
        _time.Advance(s_held);
        view.After = static (_, _) => throw new IOException("no answer");
        await Assert.ThrowsAsync<IOException>(() => claim.RenewAsync(1000));
        Assert.Contains("\"lastTimestampMs\":1000", Json, StringComparison.Ordinal);
        Assert.False(claim.IsHeld);

        view.After = null;
        Assert.True(await claim.RenewAsync(2000));
        Assert.True(claim.IsHeld);
        Assert.Contains("\"epoch\":1,\"state\":\"live\",\"lastTimestampMs\":2000", Json, StringComparison.Ordinal);
    }

    [Fact]
    public async Task After_a_failed_renewal_the_claim_is_lost_if_another_took_it_meanwhile()
    {
        var view = _store.View();
        var claim = await TakeAsync("a", view);
        view.After = static (_, _) => throw new IOException("no answer");
        await Assert.ThrowsAsync<IOException>(() => claim.RenewAsync(1000));
        view.After = null;

        // It succeeded in the store, so others may have seen it: its timestamp counts.
        Assert.Equal(1000, (await TakeAsync("b")).LastTimestampMs);
        Assert.False(await claim.RenewAsync(2000));
        Assert.True(claim.IsLost);
    }

    [Fact]
    public async Task A_take_that_seemed_to_fail_but_succeeded_counts_and_keeps_the_snapshot()
    {
        Assert.True(await (await TakeAsync("a")).ReleaseAsync(snapshot: true));
        var view = _store.View();
        view.After = static (operation, _) => operation == "PutIfMatch" ? throw new IOException("no answer") : Task.CompletedTask;
        var claim = await TakeAsync("b", view);
        view.After = null;
        Assert.Equal((ClaimStart.Released, 2, 1), (claim.Start, claim.Epoch, claim.SnapshotEpoch));
        Assert.True(await claim.RenewAsync(1000));
    }

    [Fact]
    public async Task A_failed_take_throws()
    {
        var first = await TakeAsync("a");
        var view = _store.View();
        view.Before = static (operation, _) => operation == "PutIfMatch" ? throw new IOException("full") : Task.CompletedTask;
        await Assert.ThrowsAsync<IOException>(() => TakeAsync("b", view));
        Assert.True(await first.RenewAsync(1000));
    }

    [Fact]
    public async Task A_failed_release_can_be_retried_and_nothing_is_sent_in_between()
    {
        var view = _store.View();
        var claim = await TakeAsync("a", view);
        view.After = static (_, _) => throw new IOException("no answer");
        await Assert.ThrowsAsync<IOException>(() => claim.ReleaseAsync(snapshot: true));
        Assert.False(claim.IsHeld);
        Assert.False(await claim.RenewAsync(1000));
        view.After = null;
        Assert.True(await claim.ReleaseAsync(snapshot: true));
        Assert.Equal(1, (await TakeAsync("b")).SnapshotEpoch);
    }

    [Fact]
    public async Task Renewals_and_the_release_run_one_after_another()
    {
        var view = _store.View();
        var claim = await TakeAsync("a", view);
        var held = new TaskCompletionSource();
        var puts = 0;
        view.Before = async (_, _) =>
        {
            Assert.Equal(1, Interlocked.Increment(ref puts));
            await held.Task;
            Interlocked.Decrement(ref puts);
        };
        Task<bool>[] calls = [claim.RenewAsync(1000), claim.RenewAsync(2000), claim.ReleaseAsync(snapshot: true)];
        Assert.Equal(1, Volatile.Read(ref puts));
        held.SetResult();

        // The first was under way; the second starts after the release was requested.
        var answers = await Task.WhenAll(calls);
        Assert.Equal([true, false, true], answers);
        var next = await TakeAsync("b");
        Assert.Equal((1, 1000), (next.SnapshotEpoch, next.LastTimestampMs));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Concurrent_takers_all_get_an_epoch_and_the_last_one_is_the_owner(bool there)
    {
        const int Takers = 6;
        if (there)
            Assert.True(await (await TakeAsync("before")).ReleaseAsync(snapshot: true));

        // All have read it before any of them puts.
        var read = 0;
        var all = new TaskCompletionSource();
        var claims = await Task.WhenAll(Enumerable.Range(0, Takers).Select(i =>
        {
            var view = _store.View();
            view.After = async (operation, _) =>
            {
                if (operation != "Get")
                    return;
                if (Interlocked.Increment(ref read) == Takers)
                    all.SetResult();
                await all.Task;
            };
            return TakeAsync($"taker-{i}", view);
        }));

        var before = there ? 1 : 0;
        Assert.Equal(Enumerable.Range(before + 1, Takers).Select(static e => (long)e), claims.Select(static c => c.Epoch).Order());
        var first = claims.Single(c => c.Epoch == before + 1);
        Assert.Equal((there ? ClaimStart.Released : ClaimStart.New, there ? 1 : null), (first.Start, first.SnapshotEpoch));
        Assert.All(claims.Where(c => c != first), static c => Assert.Equal((ClaimStart.Seized, null), (c.Start, c.SnapshotEpoch)));
        foreach (var claim in claims)
            Assert.Equal(claim.Epoch == before + Takers, await claim.RenewAsync(1000));
    }

    [Fact]
    public async Task Two_claims_of_the_same_name_are_told_apart()
    {
        var first = await TakeAsync("a");
        var second = await TakeAsync("a");
        Assert.False(await first.RenewAsync(1000));
        Assert.True(await second.RenewAsync(1000));
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("null")]
    [InlineData("[1]")]
    [InlineData("\"live\"")]
    [InlineData("""{"owner":"x"}""")]
    [InlineData("""{"owner":null,"epoch":3,"state":"released","lastTimestampMs":5,"snapshot":true,"contested":false}""")]
    [InlineData("""{"owner":"x","epoch":3,"state":"sleeping","lastTimestampMs":5,"snapshot":true,"contested":false}""")]
    [InlineData("""{"owner":"x","epoch":3,"state":1,"lastTimestampMs":5,"snapshot":true,"contested":false}""")]
    [InlineData("""{"owner":"x","epoch":3.5,"state":"released","lastTimestampMs":5,"snapshot":true,"contested":false}""")]
    [InlineData("""{"owner":"x","epoch":0,"state":"released","lastTimestampMs":5,"snapshot":true,"contested":false}""")]
    [InlineData("""{"owner":"x","epoch":9223372036854775807,"state":"released","lastTimestampMs":5,"snapshot":true,"contested":false}""")]
    [InlineData("""{"owner":"x","epoch":3,"state":"released","lastTimestampMs":-5,"snapshot":true,"contested":false}""")]
    public async Task A_claim_that_cannot_be_read_is_seized_from_an_unknown_owner(string json)
    {
        await _store.PutAsync(Name, Encoding.UTF8.GetBytes(json));
        var listed = Assert.Single(await WriterClaim.ListAsync(_store));
        Assert.Equal((Tenant("Acme"), "3-of-8", true), (listed.Tenant, listed.Shard, listed.NeedsOwner));
        var claim = await TakeAsync("a");

        // Whatever the previous epoch was, this one is higher.
        Assert.Equal((ClaimStart.Seized, _time.NowMs, null, 0), (claim.Start, claim.Epoch, claim.SnapshotEpoch, claim.LastTimestampMs));
        Assert.False(claim.IsHeld);

        // And the owner that it overwrites has lost its claim.
        await _store.PutAsync(Name, Encoding.UTF8.GetBytes(json));
        Assert.False(await claim.RenewAsync(1000));
        Assert.True(claim.IsLost);
    }

    [Fact]
    public async Task An_owner_whose_object_was_deleted_has_lost_its_claim()
    {
        var claim = await TakeAsync("a");
        await _store.DeleteAsync(Name);
        Assert.False(await claim.RenewAsync(1000));
        Assert.True(claim.IsLost);
    }

    [Fact]
    public async Task An_exclusive_claim_is_held_at_once_whoever_had_it_and_until_it_is_lost_or_released()
    {
        await TakeAsync("a");
        var claim = await TakeAsync("b", lease: Timeout.InfiniteTimeSpan);
        Assert.Equal((ClaimStart.Seized, 2, 1), (claim.Start, claim.Epoch, claim.CrashedEpoch));
        Assert.True(claim.IsExclusive);
        Assert.True(claim.IsHeld);
        await claim.WaitAsync(CancellationToken.None);
        _time.Advance(TimeSpan.FromDays(10_000));
        Assert.True(claim.IsHeld);
        Assert.True(await claim.RenewAsync(1000));

        // Released at once, it leaves no wait to the next owner.
        Assert.True(await claim.ReleaseAsync(snapshot: true));
        Assert.False(claim.IsHeld);
        var third = await TakeAsync("c", lease: Timeout.InfiniteTimeSpan);
        Assert.Equal(ClaimStart.Released, third.Start);

        // And if there is another owner after all, it notices.
        var fourth = await TakeAsync("d");
        Assert.False(await third.RenewAsync(2000));
        Assert.False(third.IsHeld);
        Assert.False(fourth.IsHeld);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Waiting_samples_need_an_owner_with_or_without_a_snapshot(bool snapshot)
    {
        Assert.True(await (await TakeAsync("a")).ReleaseAsync(snapshot, waiting: true));
        Assert.Contains("\"waiting\":true", Json, StringComparison.Ordinal);
        Assert.Equal((true, false), ListedNow(await WriterClaim.ListAsync(_store)));
        var second = await TakeAsync("b");
        Assert.Equal((true, true), ListedNow(await WriterClaim.ListAsync(_store)));
        Assert.True(await second.EndAsync());
        Assert.Equal((false, false), ListedNow(await WriterClaim.ListAsync(_store)));

        static (bool, bool) ListedNow(IReadOnlyList<ListedClaim> listed) => (listed[0].NeedsOwner, listed[0].IsLive);
    }

    [Fact]
    public async Task A_record_of_a_version_without_waiting_samples_is_readable()
    {
        await _store.PutAsync(Name, """{"owner":"x","epoch":3,"state":"released","lastTimestampMs":5,"snapshot":true,"contested":false}"""u8.ToArray());
        var claim = await TakeAsync("a");
        Assert.Equal((ClaimStart.Released, 4, 3, 5), (claim.Start, claim.Epoch, claim.SnapshotEpoch, claim.LastTimestampMs));
    }

    [Fact]
    public async Task The_listing_shows_which_series_need_an_owner()
    {
        await TakeAsync("a", shard: "live");
        await (await TakeAsync("a", shard: "snapshot")).ReleaseAsync(snapshot: true);
        await (await TakeAsync("a", shard: "released")).ReleaseAsync(snapshot: false);
        await (await TakeAsync("a", shard: "ended")).EndAsync();
        for (var i = 0; i < 40; i++)
            await WriterClaim.TakeAsync(_store, Tenant($"t{i}"), "all", "a", s_lease, _time);
        await _store.PutAsync("generators/acme/all/snapshot", "none of these"u8.ToArray());
        await _store.PutAsync("generators/Acme/all", "no tenant's folder"u8.ToArray());
        await _store.PutAsync("generators/stray", "no shard"u8.ToArray());

        // One object is gone when it is read.
        await _store.PutAsync("generators/gone/all", "{"u8.ToArray());
        var (reading, most) = (0, 0);
        var gate = new Lock();
        _store.Before = async (operation, name) =>
        {
            if (operation != "Get")
                return;
            lock (gate)
                most = Math.Max(most, ++reading);
            if (name.StartsWith("generators/gone/", StringComparison.Ordinal))
                await _store.DeleteAsync(name);
            await Task.Yield();
            lock (gate)
                reading--;
        };
        var listed = await WriterClaim.ListAsync(_store);
        Assert.Equal(
            [("ended", false), ("live", true), ("released", false), ("snapshot", true)],
            listed.Where(static l => l.Tenant.Value == "Acme").Select(static l => (l.Shard, l.NeedsOwner)).Order());
        Assert.Equal(40, listed.Count(static l => l is { Shard: "all", NeedsOwner: true }));
        Assert.Equal(44, listed.Count);
        Assert.InRange(most, 1, 16);
    }

    [Fact]
    public async Task A_shard_that_is_not_a_valid_object_name_is_refused()
    {
        var error = await Assert.ThrowsAsync<ArgumentException>(() => TakeAsync("a", shard: "3/8"));
        Assert.Contains("'3/8' is not a valid shard name", error.Message, StringComparison.Ordinal);
        Assert.Empty(_store.Names);
    }

    private static TenantId Tenant(string text)
    {
        Assert.True(TenantId.TryParse(text, out var tenant, out _));
        return tenant;
    }

    private Task<WriterClaim> TakeAsync(string owner, InMemoryObjectStore? view = null, string shard = "3-of-8", TimeSpan? lease = null) =>
        WriterClaim.TakeAsync(view ?? _store, Tenant("Acme"), shard, owner, lease ?? s_lease, _time);
}
