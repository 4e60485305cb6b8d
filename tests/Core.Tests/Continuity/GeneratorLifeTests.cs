using OrleansTempo.Core.Configuration.Generator;
using OrleansTempo.Core.Continuity;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Core.Overrides;
using OrleansTempo.Core.Tests.Generator;
using OrleansTempo.Core.Tests.RemoteWrite.Queue;
using Kind = OrleansTempo.Tests.Otlp.Span.Types.SpanKind;

namespace OrleansTempo.Core.Tests.Continuity;

/// <summary>Processes that run one after another, or side by side, on the same object store; one that is abandoned without a stop has crashed.</summary>
public sealed class GeneratorLifeTests : IAsyncLifetime
{
    private const string BeginsAgain = "Warning: Metrics-generator single-tenant: counters start again at 0: ";

    private static readonly TimeSpan s_second = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_step = LifeWorld.Lease / 6;

    private static string LostAtMost(long spans) =>
        $"Warning: Metrics-generator single-tenant: the previous process ended without notice; at most {spans} spans that it had counted are missing from the metrics";

    private long Unsent()
    {
        using var claim = System.Text.Json.JsonDocument.Parse(_world.Claim);
        return claim.RootElement.GetProperty("unsent").GetInt64();
    }

    private LifeWorld _world = null!;

    public static TheoryData<SnapshotMode, bool> Continuing => new()
    {
        { SnapshotMode.OnStop, true }, { SnapshotMode.OnStop, false }, { SnapshotMode.EveryCollection, true }, { SnapshotMode.EveryCollection, false },
    };

    private static TimeSpan LeaseOf(bool isExclusive) => isExclusive ? Timeout.InfiniteTimeSpan : LifeWorld.Lease;

    public async Task InitializeAsync() => _world = await LifeWorld.CreateAsync();

    public async Task DisposeAsync() => await _world.DisposeAsync();

    [Theory]
    [MemberData(nameof(Continuing))]
    public async Task The_next_process_continues_where_the_last_one_stopped_and_uses_its_snapshot_once(SnapshotMode mode, bool isExclusive)
    {
        var first = await _world.StartAsync(mode, LeaseOf(isExclusive));
        await first.PushAsync(3);
        await first.CollectAsync();
        await first.PushAsync(2);
        await first.StopAsync();
        var last = _world.Remote.Accepted[^1].Timeseries[0].Samples[^1].Timestamp;
        Assert.Contains($"\"epoch\":1,\"state\":\"released\",\"lastTimestampMs\":{last},\"snapshot\":true", _world.Claim);
        Assert.True(_world.HasSnapshot);
        Assert.Empty(_world.Chain);

        var second = await _world.StartAsync(mode, LeaseOf(isExclusive));
        Assert.Equal((5, (1, 0)), (second.Calls, _world.Starts));
        Assert.False(_world.HasSnapshot);
        Assert.True(second.Life.Permit.IsHeld);
        await second.CollectAsync();
        await second.StopAsync();
        Assert.Equal(5, (await _world.StartAsync(mode, LeaseOf(isExclusive))).Calls);
        Assert.Empty(_world.Problems);
        Assert.Equal(["0@0", "3@0", "5@0", "5@1", "5@1"], Sent());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task After_a_crash_there_is_no_snapshot_and_counters_restart_after_what_was_sent(bool isExclusive)
    {
        var first = await _world.StartAsync(SnapshotMode.OnStop, LeaseOf(isExclusive));
        await first.PushAsync(3);
        await first.StopAsync();
        var second = await _world.StartAsync(SnapshotMode.OnStop, LeaseOf(isExclusive));
        await second.PushAsync(1);
        await second.CollectAsync();
        await second.KillAsync();

        var third = await _world.StartAsync(SnapshotMode.OnStop, LeaseOf(isExclusive));
        Assert.Equal((0, (1, 1)), (third.Calls, _world.Starts));
        Assert.Equal([.. isExclusive ? (string[])[] : [LostAtMost(256)], BeginsAgain + "the previous process did not shut down cleanly, and it left no snapshot"], _world.Problems);
        await third.PushAsync(2);
        await third.CollectAsync();

        // With a lease, the previous process may still be alive.
        Assert.Equal(isExclusive, third.Life.Permit.IsHeld);
        if (!isExclusive)
        {
            await PassKeepingAsync(third, LifeWorld.Lease);
            await third.SentAsync();
        }

        Assert.Equal(["0@0", "3@0", "4@1", "0@2", "2@2"], Sent());
        AssertInOrder();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task With_every_collection_a_crashed_process_has_left_everything_it_collected(bool isExclusive)
    {
        var first = await _world.StartAsync(SnapshotMode.EveryCollection, LeaseOf(isExclusive));
        for (var i = 1; i <= 3; i++)
        {
            await first.PushAsync(i);
            await first.CollectAsync();
        }

        await first.PushAsync(100);
        await first.KillAsync();
        var second = await _world.StartAsync(SnapshotMode.EveryCollection, LeaseOf(isExclusive));
        Assert.Equal((6, (1, 0)), (second.Calls, _world.Starts));

        // If it crashes at once, the next one can restore as well.
        await second.KillAsync();
        var third = await _world.StartAsync(SnapshotMode.EveryCollection, LeaseOf(isExclusive));
        Assert.Equal(6, third.Calls);
        await PassKeepingAsync(third, LifeWorld.Lease);
        await third.CollectAsync();
        Assert.Single(_world.Chain);
        await third.PushAsync(1);
        await third.StopAsync();
        Assert.Equal(7, (await _world.StartAsync(SnapshotMode.OnStop, LeaseOf(isExclusive))).Calls);
        Assert.Equal((3, 0), _world.Starts);
        Assert.Equal(isExclusive ? [] : [LostAtMost(256), LostAtMost(256)], _world.Problems);
        Assert.Equal(["0@0", "1@0", "3@0", "6@0", "6@2", "7@2"], Sent());
    }

    [Theory]
    [InlineData("damaged", "the snapshot is corrupt: its checksum does not match")]
    [InlineData("gone", "it left no snapshot")]
    [InlineData("older", "the snapshot is of the collection at 1780000000012, but samples collected at 1780000001024 may have been sent")]
    [InlineData("of another epoch", "it left no snapshot")]
    [InlineData("unreadable claim", "the previous process did not shut down cleanly, and it left no snapshot")]
    [InlineData("unreadable", "no access")]
    public async Task A_changed_snapshot_is_refused_with_the_reason(string what, string reason)
    {
        var first = await _world.StartAsync();
        await first.PushAsync(3);
        await first.StopAsync();
        var older = _world.Store[InMemorySnapshots.Name];
        var second = await _world.StartAsync();
        await second.PushAsync(1);
        await _world.PassAsync(s_second);
        await second.StopAsync();
        var bytes = _world.Store[InMemorySnapshots.Name];
        var third = await _world.CreateProcessAsync();
        switch (what)
        {
            case "gone":
                await _world.Store.DeleteAsync(InMemorySnapshots.Name);
                break;
            case "unreadable claim":
                await _world.Store.PutAsync(LifeWorld.ClaimName, "{"u8.ToArray());
                break;
            case "unreadable":
                third.Store.Before = static (_, name) => name == InMemorySnapshots.Name ? throw new IOException("no access") : Task.CompletedTask;
                break;
            case "older":
                await _world.Store.PutAsync(InMemorySnapshots.Name, InMemorySnapshots.Content(2, older.AsMemory(8)));
                break;
            case "of another epoch":
                await _world.Store.PutAsync(InMemorySnapshots.Name, InMemorySnapshots.Content(1, bytes.AsMemory(8)));
                break;
            default:
                bytes[^20] ^= 1;
                await _world.Store.PutAsync(InMemorySnapshots.Name, bytes);
                break;
        }

        await third.DoAsync(static life => life.StartAsync(CancellationToken.None));
        Assert.Equal((0, (1, 1)), (third.Calls, _world.Starts));
        Assert.Equal([BeginsAgain + reason], _world.Problems);
        Assert.Equal(what == "unreadable", _world.HasSnapshot);
    }

    [Fact]
    public async Task A_snapshot_that_cannot_be_read_at_once_is_retried()
    {
        var first = await _world.StartAsync();
        await first.PushAsync(3);
        await first.StopAsync();
        var second = await _world.CreateProcessAsync();
        var failures = 0;
        second.Store.Before = (_, name) => name == InMemorySnapshots.Name && failures++ < 2 ? throw new IOException("not now") : Task.CompletedTask;
        await second.DoAsync(static life => life.StartAsync(CancellationToken.None));
        Assert.Equal((3, (1, 0)), (second.Calls, _world.Starts));
    }

    [Theory]
    [InlineData(true, SnapshotMode.OnStop)]
    [InlineData(false, SnapshotMode.OnStop)]
    [InlineData(true, SnapshotMode.EveryCollection)]
    [InlineData(false, SnapshotMode.Off)]
    public async Task A_snapshot_that_an_older_version_left_in_the_object_store_is_read_once(bool isReleased, SnapshotMode mode)
    {
        var bench = new GeneratorBench(s => s with { SpanMetricsLatency = false, SpanMetricsSize = false, ServiceGraphsRequest = false, ServiceGraphsLatency = false });
        bench.Push("cart", GeneratorBench.Span("/a", Kind.Internal, 1));
        var collected = bench.Collect();
        await _world.PassAsync(s_second);
        var claim = await WriterClaim.TakeAsync(_world.Store, TenantId.Single, "all", "standalone", TimeSpan.Zero, bench.Time);
        var chain = new SnapshotChain(_world.Store, TenantId.Single, "all", claim.Epoch, bench.Time);
        Assert.Null(await chain.TryPutAsync(chain.Record(bench.Generator)));
        Assert.True(await claim.RenewAsync(bench.Generator.LastCollectionMs));
        if (isReleased)
            Assert.True(await claim.ReleaseAsync(snapshot: true));

        var first = await _world.StartAsync(mode);
        Assert.Equal(mode == SnapshotMode.Off ? (0, (0, 0)) : (collected.Samples.Count, (1, 0)), (first.Calls, _world.Starts));

        // With every_collection, the old record stays until this process has written its own.
        Assert.Equal(mode == SnapshotMode.EveryCollection ? 2 : 0, _world.Chain.Count());
        await first.CollectAsync();
        Assert.DoesNotContain(_world.Chain, static name => name.StartsWith(LifeWorld.ChainFolder + "1-", StringComparison.Ordinal));
        await first.StopAsync();
        Assert.Empty(_world.Chain);
        Assert.Empty(_world.Problems);
    }

    [Fact]
    public async Task With_snapshots_off_an_old_snapshot_is_deleted_and_none_is_left()
    {
        var first = await _world.StartAsync(SnapshotMode.EveryCollection);
        await first.PushAsync(3);
        await first.CollectAsync();
        Assert.NotEmpty(_world.Chain);
        await first.KillAsync();
        var second = await _world.StartAsync(SnapshotMode.Off);
        Assert.Equal((0, (0, 0)), (second.Calls, _world.Starts));
        Assert.Empty(_world.Chain);
        await second.PushAsync(1);
        await second.StopAsync();
        Assert.Contains("\"state\":\"released\"", _world.Claim);
        Assert.Contains("\"snapshot\":false", _world.Claim);
        Assert.False(_world.HasSnapshot);
        var third = await _world.StartAsync(SnapshotMode.Off);
        await third.StopAsync();
        Assert.Contains("\"state\":\"ended\"", _world.Claim);
        Assert.Empty(_world.Problems);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_collection_that_cannot_be_recorded_is_sent_once_the_claim_covers_it(bool isExclusive)
    {
        var first = await _world.StartAsync(SnapshotMode.EveryCollection, LeaseOf(isExclusive));
        await first.PushAsync(1);
        await first.CollectAsync();
        await _world.PassAsync(s_second);
        first.FailWrites(true, LifeWorld.ChainFolder);
        await first.PushAsync(1);
        await first.CollectAsync();
        Assert.Equal(1, _world.Counters["tempo_metrics_generator_snapshot_failures_total"]);
        Assert.Contains("the disk is full", Assert.Single(_world.Problems), StringComparison.Ordinal);
        Assert.Equal(["0@0", "1@0", "2@0"], Sent());
        await first.KillAsync();

        var second = await _world.StartAsync(SnapshotMode.EveryCollection, LeaseOf(isExclusive));
        Assert.Equal((0, (0, 1)), (second.Calls, _world.Starts));
        Assert.Contains("may have been sent", _world.Problems.Last(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(SnapshotMode.EveryCollection, true)]
    [InlineData(SnapshotMode.EveryCollection, false)]
    [InlineData(SnapshotMode.OnStop, false)]
    public async Task While_nothing_can_be_written_nothing_is_sent_but_spans_are_counted(SnapshotMode mode, bool isExclusive)
    {
        var first = await _world.StartAsync(mode, LeaseOf(isExclusive));
        await first.PushAsync(1);
        await first.CollectAsync();
        first.FailWrites(true);
        await first.PushAsync(1);
        await _world.PassAsync(s_second);
        var collecting = first.OnTurnAsync(static life => life.CollectAsync());
        for (var i = 0; i < 8; i++)
        {
            await first.Time.TimerOf(s_second);
            await _world.PassAsync(s_second);
            await first.PushAsync(1);
        }

        await first.Time.TimerOf(s_second);
        Assert.False(collecting.IsCompleted);

        // The next waits for this one.
        Task? next = null;
        await first.OnTurnAsync(life =>
        {
            next = life.CollectAsync();
            return Task.CompletedTask;
        });
        Assert.False(next!.IsCompleted);
        Assert.Equal(["0@0", "1@0"], Sent());
        Assert.Equal(10, first.Calls);
        Assert.Single(_world.Problems, static l => l.Contains("cannot renew its claim in the object store; it sends nothing until it can: the disk is full", StringComparison.Ordinal));
        first.Store.Before = null;
        await _world.PassAsync(s_second);
        await collecting;
        await first.CollectAsync();
        Assert.Equal(["0@0", "1@0", "2@0", "10@0"], Sent());
        AssertInOrder();
    }

    [Theory]
    [InlineData(SnapshotMode.OnStop)]
    [InlineData(SnapshotMode.Off)]
    public async Task For_an_exclusive_owner_a_full_disk_does_not_stop_sending(SnapshotMode mode)
    {
        var first = await _world.StartAsync(mode);
        first.FailWrites(true);
        await _world.PassAsync(TimeSpan.FromHours(1));
        await first.PushAsync(1);
        await first.CollectAsync();
        Assert.Equal(["0@0", "1@0"], Sent());
        Assert.Empty(_world.Problems);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_claim_that_cannot_be_taken_is_retried_and_until_then_spans_are_counted_but_not_sent(bool isExclusive)
    {
        await (await StartedWithAsync(3, isExclusive)).StopAsync();
        var second = await _world.CreateProcessAsync(lease: LeaseOf(isExclusive));
        second.FailWrites(true);
        await second.DoAsync(static life => life.StartAsync(CancellationToken.None));
        await second.PushAsync(2);
        await _world.PassAsync(TimeSpan.FromMilliseconds(2));
        await second.DoAsync(static life => life.CollectAsync());
        for (var i = 0; i < 5; i++)
        {
            await _world.PassAsync(s_second);
            await second.Time.TimerOf(s_second);
        }

        Assert.False(second.Life.Permit.IsHeld);
        Assert.False(second.Life.IsEmpty);
        Assert.Equal(["0@0", "3@0"], Sent());
        Assert.Equal(2, second.Calls);
        Assert.Equal(
            ["Warning: Metrics-generator single-tenant cannot claim this tenant's series in the object store; it counts spans, but sends nothing until it can: the disk is full"],
            _world.Problems);
        Assert.True(_world.HasSnapshot);

        second.Store.Before = null;
        await _world.PassAsync(s_second);
        await HeldAsync(second);
        Assert.Equal(BeginsAgain + "it had already counted spans when it took its claim", _world.Problems.Last());
        Assert.Equal((1, 0), (_world.Starts.Refused, _world.Starts.Restored));
        await second.CollectAsync();
        await second.SentAsync();

        // Nobody else can have sent since, so samples are sent as they were collected.
        Assert.Equal(isExclusive ? ["0@0", "3@0", "0@1", "2@1", "2@1"] : ["0@0", "3@0", "0@1", "2@1"], Sent());
        AssertInOrder();
    }

    [Fact]
    public async Task A_late_claim_restores_the_snapshot_if_no_span_came_before()
    {
        await (await StartedWithAsync(3, isExclusive: true)).StopAsync();
        var second = await _world.CreateProcessAsync();
        second.FailWrites(true);
        await second.DoAsync(static life => life.StartAsync(CancellationToken.None));
        await second.CollectAsync();
        second.Store.Before = null;
        await _world.PassAsync(s_second);
        await HeldAsync(second);
        Assert.Equal((3, (1, 0)), (second.Calls, _world.Starts));
    }

    [Fact]
    public async Task After_a_late_claim_and_a_crash_no_timestamp_is_earlier_than_what_was_sent()
    {
        await (await StartedWithAsync(3, isExclusive: true)).StopAsync();
        var second = await _world.CreateProcessAsync(SnapshotMode.EveryCollection);
        second.FailWrites(true);
        await second.DoAsync(static life => life.StartAsync(CancellationToken.None));
        await second.PushAsync(2);
        await second.CollectAsync();
        second.Store.Before = null;
        await _world.PassAsync(s_second);
        await HeldAsync(second);
        await second.SentAsync();
        Assert.Equal(["0@0", "3@0", "0@1", "2@1"], Sent());
        Assert.Contains($"\"lastTimestampMs\":{_world.NowMs - 1000}", _world.Claim);
        await second.KillAsync();
        var third = await _world.StartAsync(SnapshotMode.EveryCollection);
        Assert.Equal(0, third.Calls);
    }

    [Fact]
    public async Task A_failure_after_a_late_claim_is_retried_and_logged_once_and_the_claim_is_not_taken_twice()
    {
        var first = await _world.CreateProcessAsync();
        var claims = 0;
        first.Store.Before = (operation, _) => operation.StartsWith("Put", StringComparison.Ordinal) && (++claims is 1 or 3 or 4) ? throw new IOException("not now") : Task.CompletedTask;
        await first.DoAsync(static life => life.StartAsync(CancellationToken.None));
        await first.PushAsync(2);
        await first.CollectAsync();
        for (var i = 0; i < 2; i++)
        {
            await _world.PassAsync(s_second);
            await first.Time.TimerOf(s_second);
            Assert.Empty(_world.Remote.Received);
        }

        await _world.PassAsync(s_second);
        await HeldAsync(first);
        await first.SentAsync();
        Assert.Equal(["0@0", "2@0"], Sent());
        Assert.Contains("\"epoch\":1,", _world.Claim);
        Assert.Equal(2, _world.Problems.Count());
        Assert.Contains("cannot claim this tenant's series in the object store; it counts spans, but sends nothing until it can: not now", _world.Problems.First());
        Assert.Contains("the object store failed at a step that must be done before series may be sent", _world.Problems.Last());
    }

    [Fact]
    public async Task A_process_that_stops_without_its_claim_logs_that_its_series_are_lost()
    {
        await (await StartedWithAsync(3, isExclusive: true)).StopAsync();
        var second = await _world.CreateProcessAsync();
        second.FailWrites(true);
        await second.DoAsync(static life => life.StartAsync(CancellationToken.None));
        await second.PushAsync(2);
        await second.StopAsync();
        Assert.Equal("Error: Metrics-generator single-tenant cannot keep its 1 series for the next start; its counters will start again at 0: the disk is full", _world.Problems.Last());

        // The earlier snapshot is still there.
        Assert.Equal(3, (await _world.StartAsync()).Calls);

        var third = await _world.CreateProcessAsync();
        third.FailWrites(true);
        await third.DoAsync(static life => life.StartAsync(CancellationToken.None));
        await third.StopAsync();
    }

    [Fact]
    public async Task A_claim_that_can_only_be_taken_at_the_stop_is_taken_then()
    {
        var first = await _world.CreateProcessAsync();
        first.FailWrites(true);
        await first.DoAsync(static life => life.StartAsync(CancellationToken.None));
        await first.PushAsync(2);
        first.Store.Before = null;
        await first.StopAsync();
        Assert.Equal(["0@0", "2@0"], Sent());
        Assert.Equal(2, (await _world.StartAsync()).Calls);
    }

    [Fact]
    public async Task A_start_that_is_cancelled_leaves_nothing_behind()
    {
        var first = await _world.CreateProcessAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first.DoAsync(static life => life.StartAsync(new CancellationToken(canceled: true))));
        Assert.DoesNotContain(LifeWorld.ClaimName, _world.Store.Names);
        Assert.Equal(0, await first.Life.Writer.FlushAsync(TimeSpan.Zero));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_stop_that_cannot_keep_the_series_logs_that(bool isLate)
    {
        var first = await StartedWithAsync(1, isExclusive: true);
        first.FailWrites(true, InMemorySnapshots.Name);
        await first.StopAsync(new CancellationToken(isLate));
        var reason = isLate ? "the deadline for stopping has passed" : "the disk is full";
        Assert.Equal("Error: Metrics-generator single-tenant cannot keep its 1 series for the next start; its counters will start again at 0: " + reason, _world.Problems.Last());
        Assert.Equal(1, _world.Counters["tempo_metrics_generator_snapshot_failures_total"]);
        Assert.Equal(0, (await _world.StartAsync()).Calls);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task With_every_collection_a_stop_that_cannot_write_its_snapshot_leaves_the_records(bool isExclusive)
    {
        var first = await _world.StartAsync(SnapshotMode.EveryCollection, LeaseOf(isExclusive));
        await first.PushAsync(3);
        first.FailWrites(true, InMemorySnapshots.Name);
        await first.StopAsync();
        Assert.Contains("which will use the recorded collections instead: the disk is full", Assert.Single(_world.Problems), StringComparison.Ordinal);
        Assert.NotEmpty(_world.Chain);
        Assert.Contains("\"snapshot\":true", _world.Claim);
        var second = await _world.StartAsync(SnapshotMode.EveryCollection, LeaseOf(isExclusive));
        Assert.Equal((3, (1, 0)), (second.Calls, _world.Starts));
        Assert.True(second.Life.Permit.IsHeld);
    }

    [Fact]
    public async Task A_snapshot_is_restored_even_if_its_owner_could_not_release_its_claim()
    {
        var first = await StartedWithAsync(3, isExclusive: true);
        first.FailWrites(true, LifeWorld.ClaimName);
        await first.StopAsync();
        Assert.Contains("cannot release its claim in the object store", Assert.Single(_world.Problems), StringComparison.Ordinal);
        Assert.Equal((3, (1, 0)), ((await _world.StartAsync()).Calls, _world.Starts));
    }

    [Fact]
    public async Task A_snapshot_that_another_owner_left_is_overwritten()
    {
        var first = await _world.StartAsync();
        await _world.Store.PutAsync(InMemorySnapshots.Name, InMemorySnapshots.Content(7, new byte[5]));
        await first.PushAsync(3);
        await first.StopAsync();
        Assert.Empty(_world.Problems);
        Assert.Equal(3, (await _world.StartAsync()).Calls);
    }

    [Fact]
    public async Task An_owner_that_lost_its_claim_sends_nothing_more_and_does_not_overwrite_its_successors_snapshot()
    {
        var first = await _world.StartAsync(SnapshotMode.OnStop, LifeWorld.Lease);
        await first.PushAsync(1);
        await first.CollectAsync();
        var second = await _world.StartAsync(SnapshotMode.OnStop, LifeWorld.Lease);
        await second.PushAsync(5);

        // It does not know yet that it lost its claim; it finds out when it wants to send.
        await first.PushAsync(1);
        Assert.False(first.Life.IsLost);
        await first.CollectAsync();
        Assert.True(first.Life.IsLost);
        await first.CollectAsync();
        await PassKeepingAsync(second, LifeWorld.Lease);
        await second.CollectAsync();
        await second.StopAsync();
        var left = _world.Store[InMemorySnapshots.Name];
        await first.StopAsync();
        Assert.Equal(1, _world.Counters["tempo_metrics_generator_claims_lost_total"]);
        Assert.Equal(left, _world.Store[InMemorySnapshots.Name]);
        Assert.Equal(["0@0", "1@0", "0@1", "5@1", "5@1"], Sent());
        Assert.Equal(5, (await _world.StartAsync(SnapshotMode.OnStop, LifeWorld.Lease)).Calls);
        AssertInOrder();
    }

    [Fact]
    public async Task An_owner_that_loses_its_claim_while_it_stops_writes_no_snapshot()
    {
        var first = await StartedWithAsync(1, isExclusive: false);
        LifeProcess? second = null;
        var isFirst = true;
        first.Store.Before = async (operation, name) =>
        {
            if (name != InMemorySnapshots.Name || !operation.StartsWith("Put", StringComparison.Ordinal) || !isFirst)
                return;
            isFirst = false;
            second = await _world.StartAsync(SnapshotMode.OnStop, LifeWorld.Lease);
            await second.PushAsync(5);
            await second.StopAsync();
        };
        await first.StopAsync();
        first.Store.Before = null;
        Assert.Equal(2, BitConverter.ToInt64(_world.Store[InMemorySnapshots.Name]));
        Assert.Equal(5, (await _world.StartAsync(SnapshotMode.OnStop, LifeWorld.Lease)).Calls);
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public async Task A_snapshot_that_an_overtaken_owner_writes_after_all_is_in_nobodys_way(bool failsAtConflicts, bool canTidyUp)
    {
        var first = await StartedWithAsync(1, isExclusive: false);
        LifeProcess? second = null;
        first.Store.Before = async (operation, name) =>
        {
            // It has just found that the claim is still its own.
            if (second is null && name == InMemorySnapshots.Name)
                second = await _world.StartAsync(SnapshotMode.OnStop, LifeWorld.Lease);
            else if (!canTidyUp && operation.StartsWith("Delete", StringComparison.Ordinal))
                throw new IOException("no access");
        };
        await first.StopAsync();
        Assert.Equal(!canTidyUp, _world.HasSnapshot);
        Assert.Equal(1, _world.Counters["tempo_metrics_generator_claims_lost_total"]);
        Assert.Single(_world.Problems, static line => line.EndsWith("another silo has taken over its series; this one sends nothing more and ends", StringComparison.Ordinal));

        second!.Snapshots.FailsAtConflicts = failsAtConflicts;
        await second.PushAsync(5);
        await PassKeepingAsync(second, LifeWorld.Lease);
        await second.StopAsync();
        Assert.Equal(2, BitConverter.ToInt64(_world.Store[InMemorySnapshots.Name]));
        Assert.Equal((5, (1, 1)), ((await _world.StartAsync(SnapshotMode.OnStop, LifeWorld.Lease)).Calls, _world.Starts));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_overtaken_owner_whose_write_failed_does_not_overwrite_its_successors_snapshot(bool hasArrived)
    {
        var first = await StartedWithAsync(1, isExclusive: false);
        var reads = 0;
        Func<string, string, Task> fail = static (operation, name) =>
            name == InMemorySnapshots.Name && operation.StartsWith("Put", StringComparison.Ordinal) ? throw new IOException("not now") : Task.CompletedTask;
        if (hasArrived)
            first.Store.After = fail;
        else
            first.Store.Before = fail;
        first.Snapshots.Read = async () =>
        {
            // Between the attempts: the successor starts and stops, and only then the first one reads again.
            if (reads++ > 0)
                return;
            (first.Store.Before, first.Store.After) = (null, null);
            var second = await _world.StartAsync(SnapshotMode.OnStop, LifeWorld.Lease);
            await second.PushAsync(5);
            await PassKeepingAsync(second, LifeWorld.Lease);
            await second.StopAsync();
        };
        await first.StopAsync();
        Assert.Equal(1, reads);
        Assert.True(first.Life.IsLost);
        Assert.Equal(2, BitConverter.ToInt64(_world.Store[InMemorySnapshots.Name]));

        // What has arrived is all that was sent, so the successor continues it.
        Assert.Equal(hasArrived ? 6 : 5, (await _world.StartAsync(SnapshotMode.OnStop, LifeWorld.Lease)).Calls);
    }

    [Fact]
    public async Task With_a_lease_a_collection_is_sent_once_the_claim_covers_it_and_spans_are_counted_meanwhile()
    {
        var first = await _world.StartAsync(SnapshotMode.OnStop, LifeWorld.Lease);
        var renewal = new TaskCompletionSource();
        first.Store.Before = (operation, name) => name == LifeWorld.ClaimName && operation == "PutIfMatch" ? renewal.Task : Task.CompletedTask;
        await first.PushAsync(1);
        await _world.PassAsync(TimeSpan.FromMilliseconds(2));
        var collecting = first.OnTurnAsync(static life => life.CollectAsync());
        await first.PushAsync(1);
        Assert.Equal(2, first.Calls);
        Assert.False(collecting.IsCompleted);
        Assert.Empty(_world.Remote.Received);
        renewal.SetResult();
        await collecting;
        await first.SentAsync();
        Assert.Equal(["0@0", "1@0"], Sent());
        Assert.Contains($"\"lastTimestampMs\":{_world.NowMs}", _world.Claim);
    }

    [Fact]
    public async Task With_a_lease_a_push_is_answered_once_the_claim_says_how_many_spans_a_crash_would_lose()
    {
        var queue = Guid.NewGuid();
        var first = await _world.StartAsync(SnapshotMode.OnStop, LifeWorld.Lease);
        var renewal = new TaskCompletionSource();
        first.Store.Before = (operation, name) => name == LifeWorld.ClaimName && operation == "PutIfMatch" ? renewal.Task : Task.CompletedTask;
        var pushing = first.PushAsync(queue, 1, 1);
        await first.OnTurnAsync(static _ => Task.CompletedTask);
        Assert.Equal((1, false), (first.Calls, pushing.IsCompleted));
        renewal.SetResult();
        await pushing;
        Assert.Equal(256, Unsent());

        // Few enough: the claim says so already.
        var renewals = first.Store.Calls.GetValueOrDefault("PutIfMatch");
        await first.PushAsync(queue, 2, 255);
        Assert.Equal(renewals, first.Store.Calls.GetValueOrDefault("PutIfMatch"));
        await first.PushAsync(queue, 3, 44);
        Assert.Equal(1024, Unsent());

        // What has been sent is not lost any more. As many again may come.
        await first.CollectAsync();
        Assert.Equal(512, Unsent());
        await first.PushAsync(queue, 4, 400);
        await first.KillAsync();

        var second = await _world.StartAsync(SnapshotMode.OnStop, LifeWorld.Lease);
        Assert.Equal(512, _world.Counters["tempo_metrics_generator_spans_lost_max_total"]);
        Assert.Contains(LostAtMost(512), _world.Problems);
        Assert.Equal(PushState.Unknown, await second.AskAsync(queue, 4));
        await second.StopAsync();
        Assert.Equal(0, Unsent());
    }

    [Fact]
    public async Task A_push_whose_answer_is_lost_is_counted_once_although_the_generator_moves()
    {
        var queue = Guid.NewGuid();
        var first = await _world.StartAsync(SnapshotMode.OnStop, LifeWorld.Lease);
        await first.PushAsync(queue, 1, 3);
        await first.StopAsync();

        var second = await _world.StartAsync(SnapshotMode.OnStop, LifeWorld.Lease);
        Assert.Equal(PushState.Counted, await second.AskAsync(queue, 1));
        await second.PushAsync(queue, 1, 3);
        Assert.Equal(PushState.NotCounted, await second.AskAsync(queue, 2));
        await second.PushAsync(queue, 2, 4);
        Assert.Equal(7, second.Calls);
        Assert.Equal(0, _world.Counters["tempo_metrics_generator_spans_lost_max_total"]);
        Assert.Empty(_world.Problems);
    }

    [Fact]
    public async Task With_a_lease_the_claim_is_renewed_between_collections_only_while_something_waits()
    {
        var first = await StartedWithAsync(1, isExclusive: false);
        await first.CollectAsync();
        var renewals = first.Store.Calls.GetValueOrDefault("PutIfMatch");
        await first.DoAsync(static life => life.RenewAsync());
        Assert.Equal(renewals, first.Store.Calls.GetValueOrDefault("PutIfMatch"));
        _world.Remote.IsDown = true;
        await _world.PassAsync(TimeSpan.FromMilliseconds(2));
        await first.DoAsync(static life => life.CollectAsync());
        await first.DoAsync(static life => life.RenewAsync());
        Assert.Equal(renewals + 2, first.Store.Calls.GetValueOrDefault("PutIfMatch"));
    }

    [Fact]
    public async Task With_a_lease_a_stop_keeps_the_claim_until_nothing_is_sent_any_more()
    {
        var first = await StartedWithAsync(1, isExclusive: false);
        var arrived = new TaskCompletionSource();
        var release = new TaskCompletionSource();
        _world.Remote.Handler = async (_, _) =>
        {
            arrived.TrySetResult();
            await release.Task;
        };
        var stopping = first.OnTurnAsync(static life => life.StopAsync(TimeSpan.FromSeconds(60), CancellationToken.None));
        await arrived.Task.WaitAsync(TimeSpan.FromSeconds(30));
        for (var i = 0; i < 8; i++)
        {
            await first.Time.TimerOf(s_step);
            first.Time.Advance(s_step);
            Assert.Contains("\"state\":\"live\"", _world.Claim);
        }

        await first.Time.TimerOf(s_step);
        Assert.True(first.Life.Permit.IsHeld);
        release.SetResult();
        await stopping;
        Assert.False(first.Life.Permit.IsHeld);
        Assert.Contains("\"state\":\"released\"", _world.Claim);
    }

    [Fact]
    public async Task Samples_not_sent_by_the_deadline_are_sent_in_order_by_the_next_process()
    {
        var first = await StartedWithAsync(1, isExclusive: true);
        _world.Remote.IsDown = true;
        var stopping = first.OnTurnAsync(static life => life.StopAsync(TimeSpan.FromSeconds(10), CancellationToken.None));
        await _world.Remote.ArrivedAsync(1);
        await first.Time.TimerOf(TimeSpan.FromSeconds(10));
        first.Time.Advance(TimeSpan.FromSeconds(10));
        await stopping;
        Assert.Contains(_world.Problems, static l => l.Contains("could not send 2 samples before it stopped; they are kept in the object store", StringComparison.Ordinal));
        Assert.Contains("\"waiting\":true", _world.Claim);

        // The next process sends them first.
        _world.Remote.IsDown = false;
        var second = await _world.StartAsync();
        Assert.Equal(1, second.Calls);
        await second.PushAsync(1);
        await second.CollectAsync();
        Assert.Equal(["0", "1", "2"], _world.Remote.Accepted.SelectMany(static r => r.Timeseries).SelectMany(static t => t.Samples).Select(static x => $"{x.Value}"));
        await second.StopAsync();
        Assert.Contains("\"waiting\":false", _world.Claim);
    }

    [Fact]
    public async Task A_generator_without_series_is_empty_and_ends_so_that_nobody_needs_to_wake_it()
    {
        var first = await _world.CreateProcessAsync(configure: static s => s with { Registry = s.Registry with { StaleDuration = TimeSpan.FromSeconds(10) } });
        await first.DoAsync(static life => life.StartAsync(CancellationToken.None));
        Assert.True(first.Life.IsEmpty);
        await first.PushAsync(1);
        await first.CollectAsync();
        Assert.False(first.Life.IsEmpty);
        await _world.PassAsync(TimeSpan.FromSeconds(11));
        await first.CollectAsync();
        Assert.True(first.Life.IsEmpty);
        await first.StopAsync();
        Assert.Contains("\"state\":\"ended\"", _world.Claim);
        Assert.False(Assert.Single(await WriterClaim.ListAsync(_world.Store)).NeedsOwner);
        Assert.False(_world.HasSnapshot);
    }

    [Fact]
    public async Task Other_settings_apply_from_the_next_span_and_the_next_collection_on()
    {
        var first = await _world.StartAsync();
        await first.OnTurnAsync(static life =>
        {
            life.Apply(new GeneratorSettings());
            return Task.CompletedTask;
        });
        await first.PushAsync(1);
        Assert.Equal(0, first.Calls);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task If_the_clock_goes_back_samples_continue_in_order_after_those_accepted_ahead_of_it(bool isExclusive)
    {
        var first = await _world.StartAsync(SnapshotMode.OnStop, LeaseOf(isExclusive));
        await CollectAheadAsync(first);
        for (var i = 0; i < 2; i++)
        {
            await first.PushAsync(1, "/new");
            await first.CollectAsync();
        }

        Assert.Equal(["0@0", "1@0", "2@0", "1@0", "2@0", "2@0", "2@0"], Sent());
        Assert.Single(_world.Problems, static l => l.Contains("the clock was set back, and its last samples are stamped", StringComparison.Ordinal));
        await first.StopAsync();

        // The next process continues in the same way.
        var second = await _world.StartAsync(SnapshotMode.OnStop, LeaseOf(isExclusive));
        await second.PushAsync(1, "/new");
        await second.CollectAsync();
        Assert.Equal(5, second.Calls);
        AssertInOrder(_world.Remote.Accepted);
    }

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, false)]
    [InlineData(true, true)]
    [InlineData(false, true)]
    public async Task If_the_clock_goes_back_timestamps_follow_it_once_the_remote_end_has_refused_those_ahead_of_it(bool isExclusive, bool isRestarted)
    {
        // The answer of a Prometheus whose clock is right.
        _world.Remote.Handler = (context, request) =>
        {
            context.Response.StatusCode = request.Timeseries.Any(t => t.Samples.Any(s => s.Timestamp > _world.NowMs + 600_000)) ? 400 : 204;
            return Task.CompletedTask;
        };
        var process = await _world.StartAsync(SnapshotMode.OnStop, LeaseOf(isExclusive));
        await CollectAheadAsync(process);
        if (isRestarted)
        {
            await process.StopAsync();
            process = await _world.StartAsync(SnapshotMode.OnStop, LeaseOf(isExclusive));
            Assert.Equal(2, process.Calls);
        }

        await process.PushAsync(1, "/new");
        await process.CollectAsync();
        var accepted = _world.Remote.Accepted[^1];
        Assert.Equal(2, accepted.Timeseries.Count);
        Assert.All(accepted.Timeseries, t => Assert.Equal(_world.NowMs, t.Samples[^1].Timestamp));
        Assert.Single(_world.Problems, static l => l.Contains("stamps follow the clock again", StringComparison.Ordinal));

        // The next process finds that in the claim, and the snapshot is valid for it.
        await process.StopAsync();
        var next = await _world.StartAsync(SnapshotMode.OnStop, LeaseOf(isExclusive));
        Assert.Equal(3, next.Calls);
        await next.CollectAsync();
        Assert.Equal(_world.NowMs, _world.Remote.Accepted[^1].Timeseries[0].Samples[^1].Timestamp);
        AssertInOrder(_world.Remote.Accepted);
    }

    [Fact]
    public async Task A_process_that_does_not_know_whether_timestamps_ahead_of_the_clock_were_accepted_tries_one_collection()
    {
        _world.Remote.Handler = (context, request) =>
        {
            context.Response.StatusCode = request.Timeseries.Any(t => t.Samples.Any(s => s.Timestamp > _world.NowMs + 600_000)) ? 400 : 204;
            return Task.CompletedTask;
        };
        var first = await _world.StartAsync();
        await CollectAheadAsync(first, isSetBack: false);
        await first.StopAsync();
        var second = await _world.StartAsync();
        await second.CollectAsync();
        Assert.Single(_world.Problems, static l => l.Contains("the clock was set back, and its last samples are stamped", StringComparison.Ordinal));

        await second.PushAsync(1);
        await second.CollectAsync();
        Assert.Equal((3, _world.NowMs), _world.Remote.Accepted[^1].Timeseries[0].Samples.Select(static s => (s.Value, s.Timestamp)).Last());
        AssertInOrder(_world.Remote.Accepted);
    }

    // Collects while the clock is a day ahead; afterwards, unless specified otherwise, the clock is right again.
    private static async Task CollectAheadAsync(LifeProcess process, bool isSetBack = true)
    {
        await process.PushAsync(1);
        await process.CollectAsync();
        process.Time.SetClock(TimeSpan.FromDays(1));
        await process.PushAsync(1);
        await process.CollectAsync();
        if (isSetBack)
            process.Time.SetClock(TimeSpan.FromDays(-1));
    }

    private static void AssertInOrder(IEnumerable<OrleansTempo.Tests.Prometheus.WriteRequest> requests)
    {
        foreach (var series in requests.SelectMany(static r => r.Timeseries).GroupBy(static t => string.Join(",", t.Labels.Select(static l => $"{l.Name}={l.Value}"))))
        {
            var stamps = series.SelectMany(static t => t.Samples).Select(static s => s.Timestamp).ToList();
            Assert.Equal(stamps.Distinct().Order(), stamps);
        }
    }

    private async Task<LifeProcess> StartedWithAsync(int spans, bool isExclusive)
    {
        var process = await _world.StartAsync(SnapshotMode.OnStop, LeaseOf(isExclusive));
        await process.PushAsync(spans);
        await _world.PassAsync(TimeSpan.FromMilliseconds(2));
        return process;
    }

    // As the timer of its grain keeps it.
    private async Task PassKeepingAsync(LifeProcess process, TimeSpan by)
    {
        for (var passed = TimeSpan.Zero; passed < by; passed += s_step)
        {
            await _world.PassAsync(s_step);
            await process.DoAsync(static life => life.RenewAsync());
        }
    }

    private static async Task HeldAsync(LifeProcess process)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        await process.Life.Permit.WaitAsync(patience.Token);
    }

    /// <summary>The values that the remote end accepted, each with the process that sent it.</summary>
    private List<string> Sent()
    {
        lock (_world.Remote.Received)
        {
            return [.. _world.Remote.Received.SelectMany(static r => r.Body.Timeseries.SelectMany(static t => t.Samples).Select(s => $"{s.Value}@{r.Headers[LifeProcess.Header]}"))];
        }
    }

    private void AssertInOrder()
    {
        var stamps = _world.Remote.Received.SelectMany(static r => r.Body.Timeseries.SelectMany(static t => t.Samples).Select(static s => s.Timestamp)).ToList();
        Assert.Equal(stamps.Distinct().Order(), stamps);
    }
}
