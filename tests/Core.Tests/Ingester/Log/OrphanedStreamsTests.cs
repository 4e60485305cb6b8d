using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using OrleansTempo.Core.Ingester.Log;
using OrleansTempo.Core.Tests.RemoteWrite.Queue;
using static OrleansTempo.Core.Tests.Ingester.Log.WalTestData;

namespace OrleansTempo.Core.Tests.Ingester.Log;

public sealed class OrphanedStreamsTests : ObjectLogFixture
{
    [Fact]
    public async Task An_orphan_is_adopted_whole_and_once()
    {
        var dead = await OpenAsync("dead");
        string[] appended = [.. Enumerable.Range(0, 40).Select(i => Text(i % 2 == 0 ? Acme : Globex, Request(i, 1 + (i * 301))))];
        for (var i = 0; i < 40; i++)
            await dead.AppendAsync(i % 2 == 0 ? Acme : Globex, Request(i, 1 + (i * 301)));

        await using var log = await OpenAsync("b");
        Assert.Empty(await OrphansOf(log).ListAsync());
        Assert.Null((await AdoptAsync(log, "dead")).Result);
        await DieAsync(dead, log);
        Assert.Equal(["dead"], await OrphansOf(log).ListAsync());

        var (result, records) = await AdoptAsync(log, "dead");
        Assert.Equal(appended, records);
        Assert.Equal((40, 40, 0), (result!.Value.Records, result.Value.Segments, result.Value.CorruptRecords));
        Assert.Equal(["wal/b/owner", "wal/dead/00000000000000000041", "wal/dead/owner"], Store.Names);
        Assert.Empty(await OrphansOf(log).ListAsync());
        Assert.Null((await AdoptAsync(log, "dead")).Result);

        // Fence and owner record are deleted once no put of the dead process can be in flight.
        await PassAsync(TimeSpan.FromMinutes(61), log);
        Assert.Empty(await OrphansOf(log).ListAsync());
        Assert.Equal(["wal/b/owner"], Store.Names);
    }

    [Fact]
    public async Task Adopted_records_share_commits_and_are_in_our_log_before_the_old_ones_are_deleted()
    {
        var dead = await OpenAsync("dead");
        var requests = Enumerable.Range(0, 20).Select(i => Request(i, 400)).ToArray();
        await Task.WhenAll(requests.Append(Request(20, 5000)).Select(r => dead.AppendAsync(Acme, r).AsTask()));
        await DieAsync(dead);
        var before = Values["tempo_ingester_wal_commits_total"];
        var interval = TimeSpan.FromMilliseconds(100);
        var log = await OpenAsync("b", options: Options with { CommitInterval = interval });
        await Time.PassUntilAsync(OrphansOf(log).AdoptAsync("dead", record => log.AppendAsync(record.Tenant, record.Request), CancellationToken.None), interval);

        await DieAsync(log);
        await using var third = await OpenAsync("c");
        Assert.Equal([.. requests.Select(r => Text(Acme, r)), Text(Acme, Request(20, 5000))], (await AdoptAsync(third, "b")).Records);
        Assert.InRange(Values["tempo_ingester_wal_commits_total"] - before, 1, 4);
    }

    [Fact]
    public async Task Only_one_of_several_adopters_gets_the_stream()
    {
        var dead = await OpenAsync("dead");
        await dead.AppendAsync(Acme, Request(1, 10));
        await DieAsync(dead);
        var adopters = await Task.WhenAll(Enumerable.Range(0, 6).Select(i => OpenAsync($"adopter-{i}")));

        // All of them see the orphan before any claims it.
        var read = 0;
        var all = new TaskCompletionSource();
        foreach (var adopter in adopters)
        {
            Views[adopter].After = async (operation, name) =>
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
    public async Task An_owner_that_comes_back_finds_its_stream_adopted_and_acknowledges_nothing_more()
    {
        var old = await OpenAsync("old");
        await old.AppendAsync(Acme, Request(1, 10));
        await using var log = await OpenAsync("b");
        var goesOn = StandStill(old, "", Lease + TimeSpan.FromSeconds(1));
        Assert.NotNull((await AdoptAsync(log, "old")).Result);

        goesOn.SetResult();
        var late = old.AppendAsync(Acme, Request(2, 20_000)).AsTask();
        var error = await Assert.ThrowsAsync<IOException>(() => late);
        Assert.Contains("'old' was taken over by", error.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<IOException>(() => old.AppendAsync(Acme, Request(3, 10)).AsTask());
        Assert.Contains("'old' was taken over by", await old.Lost, StringComparison.Ordinal);
        Assert.Equal(await old.Lost, old.Trouble?.Reason);

        // Nor does it harm the stream when it ends.
        var before = Store.Names;
        old.Release(old.CurrentSegment);
        await old.DisposeAsync();
        Assert.Equal(before, Store.Names);
    }

    [Fact]
    public async Task A_put_in_flight_while_the_stream_was_adopted_is_read_or_refused()
    {
        for (var moment = 0; moment < 2; moment++)
        {
            var stream = $"old-{moment}";
            var old = await OpenAsync(stream);
            await old.AppendAsync(Acme, Request(1, 10));
            await using var log = await OpenAsync($"b-{moment}");

            // The second put stalls before it takes effect, or afterwards but before its owner hears of it.
            var entered = new TaskCompletionSource();
            var held = new TaskCompletionSource();
            Func<string, string, Task> hold = async (operation, name) =>
            {
                if (operation == "PutIfAbsent" && name == $"wal/{stream}/00000000000000000002" && entered.TrySetResult())
                    await held.Task;
            };
            if (moment == 0)
                Views[old].Before = hold;
            else
                Views[old].After = hold;
            var late = old.AppendAsync(Acme, Request(2, 20_000)).AsTask();
            await entered.Task;
            var orphan = WalOwner.Read(Store[$"wal/{stream}/owner"])! with { Renewed = Time.GetUtcNow() - Lease - Lease };

            // As if the owner's clock were behind: by that clock, its record is as fresh as ever.
            await Store.PutIfMatchAsync($"wal/{stream}/owner", orphan.ToJson(), (await Store.GetAsync($"wal/{stream}/owner"))!.Value.ETag);
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

            await Assert.ThrowsAsync<IOException>(() => old.AppendAsync(Acme, Request(3, 10)).AsTask());
            await old.DisposeAsync();
        }
    }

    [Fact]
    public async Task The_fence_moves_behind_an_owner_that_keeps_putting_and_releasing()
    {
        var old = await OpenAsync("old");
        await old.AppendAsync(Acme, Request(1, 10));
        await using var log = await OpenAsync("b");
        var orphan = WalOwner.Read(Store["wal/old/owner"])! with { Renewed = Time.GetUtcNow() - Lease - Lease };
        await Store.PutAsync("wal/old/owner", orphan.ToJson());

        // Between the adopter's listing and its fence, the owner puts two segments and releases the place where the fence goes.
        var raced = false;
        Views[log].After = async (operation, _) =>
        {
            if (operation != "List" || raced)
                return;
            raced = true;
            await old.AppendAsync(Acme, Request(2, 20_000));
            await old.AppendAsync(Acme, Request(3, 20_000));
            old.Release(3);
            await UntilAsync(() => !Store.Names.Contains("wal/old/00000000000000000002"));
        };
        var (_, records) = await AdoptAsync(log, "old");
        Assert.Equal([Text(Acme, Request(3, 20_000))], records);
        await Assert.ThrowsAsync<IOException>(() => old.AppendAsync(Acme, Request(4, 10)).AsTask());
        await old.DisposeAsync();
    }

    [Fact]
    public async Task An_owner_whose_record_is_stale_does_not_acknowledge_until_it_has_renewed_it()
    {
        var old = await OpenAsync("old");
        await using var log = await OpenAsync("b");
        var goesOn = StandStill(old, "PutIfMatch", Lease + TimeSpan.FromSeconds(1));
        var (result, _) = await AdoptAsync(log, "old");
        Assert.NotNull(result);

        // Even the fence is gone: its put succeeds, but is not acknowledged.
        await Store.DeleteAsync("wal/old/00000000000000000001");
        var append = old.AppendAsync(Acme, Request(1, 20_000)).AsTask();
        await UntilAsync(() => Store.Names.Contains("wal/old/00000000000000000001"));
        Assert.False(append.IsCompleted);
        goesOn.SetResult();
        var error = await Assert.ThrowsAsync<IOException>(() => append);
        Assert.Contains("taken over", error.Message, StringComparison.Ordinal);
        await old.DisposeAsync();
    }

    [Fact]
    public async Task An_owner_whose_clock_was_set_back_does_not_believe_its_record_to_be_fresh()
    {
        var old = await OpenAsync("old");
        var goesOn = StandStill(old, "PutIfMatch", Lease);
        Time.SetClock(TimeSpan.FromDays(-1));

        var append = old.AppendAsync(Acme, Request(1, 20_000)).AsTask();
        await UntilAsync(() => Store.Names.Contains("wal/old/00000000000000000001"));
        Assert.False(append.IsCompleted);
        goesOn.SetResult();
        await append;
        await old.DisposeAsync();
    }

    [Fact]
    public async Task A_process_whose_clock_was_set_forward_does_not_believe_living_owners_to_be_dead()
    {
        var dead = await OpenAsync("dead");
        await dead.AppendAsync(Acme, Request(1, 10));
        await using var log = await OpenAsync("b");
        var orphans = OrphansOf(log);
        Time.SetClock(TimeSpan.FromDays(1));
        Assert.Empty(await orphans.ListAsync());
        Assert.Null(await orphans.AdoptAsync("dead", static _ => default, CancellationToken.None));

        await DieAsync(dead, log);
        Assert.Equal(["dead"], await orphans.ListAsync());
    }

    [Fact]
    public async Task An_owner_that_died_while_its_clock_was_ahead_is_an_orphan_once_it_has_been_silent_for_the_lease()
    {
        Time.SetClock(TimeSpan.FromDays(1));
        var dead = await OpenAsync("dead");
        await dead.AppendAsync(Acme, Request(1, 10));
        await DieAsync(dead);
        Time.SetClock(TimeSpan.FromDays(-1));
        await using var log = await OpenAsync("b");
        var orphans = OrphansOf(log);
        Assert.Empty(await orphans.ListAsync());
        await PassAsync(Lease, log);
        Assert.Empty(await orphans.ListAsync());

        await PassAsync(TimeSpan.FromSeconds(5), log);
        Assert.Equal(["dead"], await orphans.ListAsync());
        Assert.Equal(1, (await orphans.AdoptAsync("dead", static _ => default, CancellationToken.None))!.Value.Records);
    }

    [Fact]
    public async Task An_object_that_was_emptied_is_counted_as_missing()
    {
        var log = await OpenAsync("a");
        await log.AppendAsync(Acme, Request(1, 20_000));
        await log.AppendAsync(Acme, Request(2, 20_000));
        await DieAsync(log);
        await Store.PutAsync("wal/a/00000000000000000001", default);

        await using var next = await OpenAsync("b");
        Assert.Equal([Text(Acme, Request(2, 20_000))], (await AdoptAsync(next, "a")).Records);
        Assert.Equal(1, Values["tempo_ingester_replay_errors_total{missing}"]);
    }

    [Fact]
    public async Task Broken_objects_lose_only_what_is_broken_and_unreadable_ones_stay()
    {
        var log = await OpenAsync("a", options: Options with { CommitInterval = TimeSpan.FromMilliseconds(100) });
        await log.AppendAsync(Acme, Request(9, 10));
        await Task.WhenAll(Enumerable.Range(0, 3).Select(i => log.AppendAsync(Acme, Request(i, 4000)).AsTask()));
        await log.AppendAsync(Acme, Request(3, 20_000));
        await log.AppendAsync(Acme, Request(4, 20_000));
        await DieAsync(log);
        var three = Store["wal/a/00000000000000000002"];
        three[WalFormat.SegmentHeaderBytes + 5000] ^= 4;
        await Store.PutAsync("wal/a/00000000000000000003", "not a segment, but long enough to be taken for one if nobody looked"u8.ToArray());

        await using var next = await OpenAsync("b");
        var (result, records) = await AdoptAsync(next, "a");
        Assert.Equal([Text(Acme, Request(9, 10)), Text(Acme, Request(0, 4000)), Text(Acme, Request(2, 4000)), Text(Acme, Request(4, 20_000))], records);
        Assert.Equal(1, result!.Value.CorruptRecords);
        Assert.Equal(1, Values["tempo_ingester_replay_errors_total{corrupt}"]);
        Assert.Equal(1, Values["tempo_ingester_replay_errors_total{unreadable}"]);

        await PassAsync(TimeSpan.FromHours(2), next);
        Assert.Empty(await OrphansOf(next).ListAsync());
        Assert.Contains("wal/a/00000000000000000003", Store.Names);
    }

    [Fact]
    public async Task An_adoption_whose_callback_fails_deletes_nothing_and_can_be_retried_at_once_and_by_others_after_the_lease()
    {
        var dead = await OpenAsync("dead");
        await dead.AppendAsync(Acme, Request(1, 10));
        await dead.AppendAsync(Acme, Request(2, 10));
        await DieAsync(dead);
        await using var log = await OpenAsync("b");
        await Assert.ThrowsAsync<TimeoutException>(() => OrphansOf(log).AdoptAsync("dead", static _ => throw new TimeoutException(), CancellationToken.None));
        await using var other = await OpenAsync("c");
        Assert.Empty(await OrphansOf(other).ListAsync());
        Assert.Equal(["dead"], await OrphansOf(log).ListAsync());

        await PassAsync(Lease + TimeSpan.FromSeconds(5), log, other);
        Assert.Equal(["dead"], await OrphansOf(other).ListAsync());
        Assert.Equal([Text(Acme, Request(1, 10)), Text(Acme, Request(2, 10))], (await AdoptAsync(log, "dead")).Records);
    }

    [Fact]
    public async Task The_stream_of_a_member_that_leaves_in_order_is_left_to_it_although_membership_calls_it_dead()
    {
        var dead = new HashSet<string>();
        var leaving = await OpenAsync("leaving", WalIdentity.None(NullLogger.Instance, new WalMember("10.0.0.3:11111@7", dead.Contains)));
        await leaving.AppendAsync(Acme, Request(1, 10));
        await using var log = await OpenAsync("b", WalIdentity.None(NullLogger.Instance, new WalMember("10.0.0.2:11111@7", dead.Contains)));

        await leaving.BeginLeavingAsync();
        dead.Add("10.0.0.3:11111@7");
        Assert.Empty(await OrphansOf(log).ListAsync());

        await leaving.DisposeAsync();
        Assert.Equal(["leaving"], await OrphansOf(log).ListAsync());
    }

    [Fact]
    public async Task The_stream_of_a_member_that_was_declared_dead_is_an_orphan_at_once()
    {
        var dead = new HashSet<string>();
        var lost = await OpenAsync("lost", WalIdentity.None(NullLogger.Instance, new WalMember("10.0.0.3:11111@7", dead.Contains)));
        await using var log = await OpenAsync("b", WalIdentity.None(NullLogger.Instance, new WalMember("10.0.0.2:11111@7", dead.Contains)));
        await lost.AppendAsync(Acme, Request(1, 10));
        var orphans = OrphansOf(log);
        Assert.Empty(await orphans.ListAsync());
        Assert.Empty(orphans.Unadopted);

        dead.Add("10.0.0.3:11111@7");
        Assert.Equal(["lost"], await orphans.ListAsync());
        Assert.Equal(["10.0.0.3:11111@7"], orphans.Unadopted);
        Assert.Equal([Text(Acme, Request(1, 10))], (await AdoptAsync(log, "lost")).Records);
        Assert.Empty(await orphans.ListAsync());
        Assert.Empty(orphans.Unadopted);

        // It lives, and finds out.
        await Assert.ThrowsAsync<IOException>(() => lost.AppendAsync(Acme, Request(2, 20_000)).AsTask());
        Assert.True(lost.Lost.IsCompletedSuccessfully);
    }

    [Fact]
    public async Task While_a_stream_is_being_adopted_others_know_that_its_records_are_nowhere_yet()
    {
        var dead = await OpenAsync("dead");
        await dead.AppendAsync(Acme, Request(1, 10));
        await DieAsync(dead);
        await using var log = await OpenAsync("b", WalIdentity.None(NullLogger.Instance, new WalMember("10.0.0.2:11111@7", static _ => false)));
        await using var other = await OpenAsync("c");
        var watching = OrphansOf(other);
        var result = await OrphansOf(log).AdoptAsync(
            "dead",
            async _ =>
            {
                Assert.Empty(await watching.ListAsync());
                Assert.Equal(["a process that is gone, which 10.0.0.2:11111@7 is taking up,"], watching.Unadopted);
            },
            CancellationToken.None);

        Assert.Equal(1, result?.Records);
        Assert.Empty(await watching.ListAsync());
        Assert.Empty(watching.Unadopted);
    }

    [Fact]
    public async Task A_stream_without_a_legible_owner_is_an_orphan()
    {
        var dead = await OpenAsync("dead");
        await dead.AppendAsync(Acme, Request(1, 10));
        await DieAsync(dead);
        foreach (var illegible in (byte[]?[])[null, "{"u8.ToArray()])
        {
            if (illegible is null)
                await Store.DeleteAsync("wal/dead/owner");
            else
                await Store.PutAsync("wal/dead/owner", illegible);
            await using var log = await OpenAsync(null);
            Assert.Equal(["dead"], (await OrphansOf(log).ListAsync()).Where(s => s == "dead"));
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
}
