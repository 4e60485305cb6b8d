using OrleansTempo.Core.Blocks.Compaction;
using OrleansTempo.Core.Blocks.Format;
using OrleansTempo.Core.Blocks.List;
using OrleansTempo.Core.Configuration.Compactor;
using OrleansTempo.Core.Objects;
using OrleansTempo.Core.Tests.Objects;
using OrleansTempo.Core.Tests.RemoteWrite;
using OrleansTempo.Core.Tests.RemoteWrite.Queue;
using static OrleansTempo.Core.Tests.Blocks.SomeBlocks;

namespace OrleansTempo.Core.Tests.Blocks.Compaction;

public sealed class CompactorTests : IDisposable
{
    private readonly ManualTimeProvider _time = new();
    private readonly InMemoryObjectStore _store;
    private readonly TempoMetrics _metrics = new();
    private readonly MetricValues _values;
    private readonly LogLines _log = new();
    private readonly CompactorOptions _options = new();
    private readonly MetaMerger _merger;
    private readonly BlockList _list;
    private readonly Compactor _compactor;
    private TimeSpan _retention = TimeSpan.FromDays(14);
    private readonly HashSet<TenantId> _disabled = [];

    public CompactorTests()
    {
        _store = new(_time);
        _values = new(_metrics);
        _merger = new(_store, _time);
        _list = NewList();
        _compactor = New(_list, _merger);
    }

    public void Dispose()
    {
        _values.Dispose();
        _metrics.Dispose();
    }

    [Fact]
    public async Task Blocks_are_merged_and_the_merged_ones_marked()
    {
        await StoreAsync(1, 2, 3, 4);
        await CycleAsync();

        Assert.Equal([101], Numbers(_list.Blocks(TeamA)));
        Assert.Equal(["data", "meta.compacted.json"], NamesOf(1));
        Assert.Equal(["data", "meta.json"], NamesOf(101));
        Assert.Equal(101, Assert.Single(Numbers(await FreshAsync())));
        Assert.Equal(4, _values["tempodb_compaction_blocks_total{0}"]);
        Assert.Equal(40, _values["tempodb_compaction_objects_written_total{0}"]);
        Assert.Equal(4000, _values["tempodb_compaction_bytes_written_total{0}"]);
        Assert.Equal(0, _values["tempodb_compaction_errors_total"]);
        Assert.Equal(0, _values["tempodb_compaction_outstanding_blocks"]);
    }

    [Fact]
    public async Task A_query_sees_the_spans_at_every_moment()
    {
        await StoreAsync(1, 2, 3, 4);
        await _list.PollAsync();
        var seen = new List<int[]>();
        _store.After = (_, _) =>
        {
            seen.Add(Numbers(_list.Blocks(TeamA)));
            return Task.CompletedTask;
        };

        await _compactor.RunCycleAsync(CancellationToken.None);

        Assert.Contains(seen, static blocks => blocks is [1, 2, 3, 4]);
        Assert.Contains(seen, static blocks => blocks is [101]);
        Assert.All(seen, static blocks => Assert.True(blocks is [1, 2, 3, 4] || blocks.Contains(101)));
    }

    [Fact]
    public async Task Marked_blocks_are_deleted_after_a_while_the_mark_last()
    {
        await StoreAsync(1, 2, 3, 4);
        await CycleAsync();
        var deleted = new List<string>();
        _store.After = (operation, name) =>
        {
            if (operation == "Delete" && name.Contains(Id(1).ToString()))
                deleted.Add(name[(name.LastIndexOf('/') + 1)..]);
            return Task.CompletedTask;
        };

        _time.Advance(_options.CompactedBlockRetention - TimeSpan.FromSeconds(1));
        await CycleAsync();
        Assert.Empty(deleted);

        _time.Advance(TimeSpan.FromSeconds(1));
        await CycleAsync();
        Assert.Equal(["meta.json", "data", "broken.json", "meta.compacted.json"], deleted);
        Assert.Equal(["compactor", "data", "meta.json"], _store.Names.Select(static name => name[(name.LastIndexOf('/') + 1)..]).Order());
        Assert.Equal(4, _values["tempodb_retention_deleted_total"]);
        Assert.Equal(0, _values["tempodb_retention_marked_for_deletion_total"]);
    }

    [Fact]
    public async Task A_clock_that_shows_another_year_for_a_while_deletes_nothing()
    {
        await StoreAsync(1, 2, 3, 4);
        await CycleAsync();
        await StoreAsync(5);
        _time.SetClock(TimeSpan.FromDays(365));
        await CycleAsync();
        _time.Advance(TimeSpan.FromHours(23));
        await CycleAsync();
        _time.SetClock(TimeSpan.FromDays(-365));
        await CycleAsync();

        // A window that ended long ago becomes one block: that loses nothing. The first merged blocks are due for deletion.
        Assert.Equal([102], Numbers(_list.Blocks(TeamA)));
        Assert.Empty(NamesOf(1));
        Assert.NotEmpty(NamesOf(5));
        Assert.Equal(0, _values["tempodb_retention_marked_for_deletion_total"]);
    }

    [Fact]
    public async Task A_clock_that_stays_a_year_ahead_is_believed_after_a_day()
    {
        await StoreAsync(1);
        _time.SetClock(TimeSpan.FromDays(365));
        await CycleAsync();
        _time.Advance(TimeSpan.FromHours(24));
        await CycleAsync();
        Assert.Equal(1, _values["tempodb_retention_marked_for_deletion_total"]);
    }

    [Fact]
    public async Task Expired_blocks_are_marked_and_then_deleted_and_nothing_stays()
    {
        await StoreAsync(1);
        _time.Advance(_retention);
        await CycleAsync();
        Assert.Equal(0, _values["tempodb_retention_marked_for_deletion_total"]);

        _time.Advance(TimeSpan.FromSeconds(1));
        await CycleAsync();
        Assert.Equal(1, _values["tempodb_retention_marked_for_deletion_total"]);
        Assert.Empty(_list.Blocks(TeamA));
        Assert.Empty(await FreshAsync());

        _time.Advance(_options.CompactedBlockRetention);
        await CycleAsync();
        Assert.Equal(1, _values["tempodb_retention_deleted_total"]);
        Assert.Empty(_store.Names);
        Assert.Empty(_list.Tenants);
    }

    [Fact]
    public async Task Without_a_retention_blocks_stay_for_ever()
    {
        _retention = TimeSpan.Zero;
        await StoreAsync(1);
        await _list.PollAsync();
        await _list.SetAsideAsync(Block(1, Now), "bad");
        await StoreAsync(2);
        _time.Advance(TimeSpan.FromDays(10_000));
        await CycleAsync();

        Assert.Equal([2], Numbers(_list.Blocks(TeamA)));
        Assert.Equal(["broken.json", "data", "meta.json"], NamesOf(1));
    }

    [Fact]
    public async Task Blocks_go_by_when_their_spans_were_received_and_not_by_their_clients_clocks()
    {
        BlockMeta[] blocks = [Block(1, Now.AddYears(-25)), Block(2, Now), Block(3, Now.AddYears(75)), Block(4, Now)];
        foreach (var block in blocks)
            await _store.StoreAsync(block with { ReceivedUntil = Now, CreatedAt = Now });
        await CycleAsync();

        Assert.Equal([1, 2, 3, 4], Assert.Single(_merger.Merges));
        var merged = Assert.Single(_list.Blocks(TeamA));

        _time.Advance(_retention);
        await CycleAsync();
        Assert.Equal([merged], _list.Blocks(TeamA));

        _time.Advance(TimeSpan.FromSeconds(1));
        await CycleAsync();
        Assert.Empty(_list.Blocks(TeamA));
    }

    [Fact]
    public async Task Without_compaction_no_block_of_a_tenant_is_merged_or_deleted()
    {
        _disabled.Add(TeamA);
        await StoreAsync(1, 2, 3, 4);
        await CycleAsync();
        _time.Advance(_retention + TimeSpan.FromSeconds(1));
        await CycleAsync();

        Assert.Empty(_merger.Merges);
        Assert.Equal([1, 2, 3, 4], Numbers(_list.Blocks(TeamA)));

        _disabled.Clear();
        await CycleAsync();
        Assert.Empty(_list.Blocks(TeamA));
    }

    [Fact]
    public async Task Expired_blocks_are_not_merged()
    {
        await StoreAsync(1, 2, 3, 4);
        _time.Advance(_retention + TimeSpan.FromSeconds(1));
        await CycleAsync();

        Assert.Empty(_merger.Merges);
    }

    [Fact]
    public async Task Half_written_blocks_are_deleted_after_a_day()
    {
        await _store.PutAsync(BlockPaths.Data(TeamA, Id(1)), new byte[10]);
        _time.Advance(TimeSpan.FromDays(1));
        await CycleAsync();
        Assert.Equal(["data"], NamesOf(1));

        _time.Advance(TimeSpan.FromSeconds(1));
        await CycleAsync();
        Assert.Empty(_store.Names);
    }

    /// <summary>An ingester that could not write for a day succeeds at last between the listing and the deletion: in one write, or halfway through it.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_block_written_again_since_it_was_listed_is_not_deleted(bool isComplete)
    {
        await _store.PutAsync(BlockPaths.Data(TeamA, Id(5)), new byte[10]);
        _time.Advance(TimeSpan.FromDays(1) + TimeSpan.FromSeconds(1));
        await StoreAsync(1, 2, 3, 4);
        _merger.Before = async _ =>
        {
            if (isComplete)
                await _store.StoreAsync(Block(5, Now));
            else
                await _store.PutAsync(BlockPaths.Data(TeamA, Id(5)), new byte[10]);
        };

        await CycleAsync();

        Assert.Equal(isComplete ? ["data", "meta.json"] : ["data"], NamesOf(5));
        Assert.Equal(isComplete ? [5, 101] : [101], Numbers(await FreshAsync()));
        Assert.Equal(0, _values["tempodb_retention_deleted_total"]);
    }

    [Fact]
    public async Task Blocks_set_aside_are_kept_as_long_as_others()
    {
        await StoreAsync(1);
        await _list.PollAsync();
        await _list.SetAsideAsync(Block(1, Now), "bad");
        _time.Advance(_retention);
        await CycleAsync();
        Assert.Equal(["broken.json", "data", "meta.json"], NamesOf(1));

        _time.Advance(TimeSpan.FromSeconds(1));
        await CycleAsync();
        Assert.Empty(_store.Names);
    }

    [Fact]
    public async Task A_corrupt_input_is_set_aside_and_the_rest_merged_in_the_next_cycle()
    {
        await StoreAsync(1, 2, 3, 4, 5);
        _merger.Before = inputs => inputs.FirstOrDefault(static input => input.BlockId == Id(3)) is { } corrupt ? throw new BlockCorruptException(corrupt, "page 7: checksum") : Task.CompletedTask;

        await CycleAsync();
        Assert.Equal([1, 2, 4, 5], Numbers(_list.Blocks(TeamA)));
        Assert.Equal("page 7: checksum", Assert.Single(_list.Broken(TeamA)).Reason);
        Assert.Equal(1, _values["tempodb_blocks_set_aside_total"]);

        await CycleAsync();
        Assert.Equal([101], Numbers(_list.Blocks(TeamA)));
        Assert.Equal(["broken.json", "data", "meta.json"], NamesOf(3));
    }

    [Fact]
    public async Task A_failing_store_ends_one_tenants_turn_and_not_the_others()
    {
        foreach (var number in Enumerable.Range(1, 4))
        {
            await _store.StoreAsync(Block(number, Now));
            await _store.StoreAsync(Block(number + 10, Now) with { Tenant = Tenant("team-b") });
        }

        _merger.Before = static inputs => inputs[0].Tenant == TeamA ? throw new IOException("No space left on device") : Task.CompletedTask;
        await CycleAsync();

        Assert.Equal([1, 2, 3, 4], Numbers(_list.Blocks(TeamA)));
        Assert.Equal([101], Numbers(_list.Blocks(Tenant("team-b"))));
        Assert.Equal(1, _values["tempodb_compaction_errors_total"]);
        Assert.Contains("Error: Compaction of tenant team-a failed and is retried in the next cycle: No space left on device", _log.Lines);

        _merger.Before = null;
        await CycleAsync();
        Assert.Equal([102], Numbers(_list.Blocks(TeamA)));
    }

    [Fact]
    public async Task A_store_that_fails_while_blocks_expire_counts_as_an_error_of_retention()
    {
        await StoreAsync(1);
        _time.Advance(_retention + TimeSpan.FromSeconds(1));
        _store.Before = static (_, name) => name.EndsWith("meta.compacted.json", StringComparison.Ordinal) ? throw new IOException("no") : Task.CompletedTask;

        await CycleAsync();

        Assert.Equal((1, 0), (_values["tempodb_retention_errors_total"], _values["tempodb_compaction_errors_total"]));
    }

    [Fact]
    public async Task Traces_that_became_one_are_counted_and_nothing_is_outstanding_afterwards()
    {
        await StoreAsync(1, 2, 3, 4);
        _merger.LosesTraces = 3;

        await CycleAsync();
        await CycleAsync();

        Assert.Equal(3, _values["tempodb_compaction_objects_combined_total{0}"]);
        Assert.Equal(0, _values["tempodb_compaction_outstanding_blocks"]);
    }

    [Fact]
    public async Task A_bug_of_ours_does_not_stop_the_other_tenants()
    {
        foreach (var number in Enumerable.Range(1, 4))
        {
            await _store.StoreAsync(Block(number, Now));
            await _store.StoreAsync(Block(number + 10, Now) with { Tenant = Tenant("team-b") });
        }

        _merger.Before = static inputs => inputs[0].Tenant == TeamA ? throw new IndexOutOfRangeException() : Task.CompletedTask;
        await CycleAsync();

        Assert.Equal([101], Numbers(_list.Blocks(Tenant("team-b"))));
        Assert.Contains("Critical: Compaction of tenant team-a failed unexpectedly", _log.Lines);
    }

    [Theory]
    [InlineData("PutIfAbsent", "meta.compacted.json", 0)]
    [InlineData("Delete", "meta.json", 0)]
    [InlineData("PutIfAbsent", "meta.compacted.json", 2)]
    [InlineData("Delete", "meta.json", 3)]
    public async Task A_crash_while_marking_loses_nothing_and_comes_to_one_block(string operation, string file, int after)
    {
        await StoreAsync(1, 2, 3, 4);
        await _list.PollAsync();
        _store.Before = (called, name) =>
            called == operation && name.EndsWith(file, StringComparison.Ordinal) && after-- == 0 ? throw new IOException("killed here") : Task.CompletedTask;
        await _compactor.RunCycleAsync(CancellationToken.None);
        _store.Before = null;

        // Another process continues: it still reads each input, or the block it was merged into.
        var list = NewList();
        await list.PollAsync();
        Assert.Contains(101, Numbers(list.Blocks(TeamA)));

        _time.Advance(TimeSpan.FromHours(2));
        var restarted = New(list, _merger);
        for (var cycle = 0; cycle < 3; cycle++)
            await restarted.RunCycleAsync(CancellationToken.None);
        Assert.Single(list.Blocks(TeamA));
        Assert.InRange(_merger.Merges.Count, 1, 2);
    }

    [Fact]
    public async Task One_compactor_works_on_a_tenant_and_the_other_moves_on()
    {
        await StoreAsync(1, 2, 3, 4);
        var otherList = NewList();
        var otherMerger = new MetaMerger(_store, _time);
        var other = New(otherList, otherMerger);
        await otherList.PollAsync();
        _merger.Before = _ => other.RunCycleAsync(CancellationToken.None);

        await CycleAsync();
        Assert.Empty(otherMerger.Merges);

        // It still lists the inputs when its turn comes, lists them again, and finds nothing to do.
        Assert.Equal([1, 2, 3, 4], Numbers(otherList.Blocks(TeamA)));
        await other.RunCycleAsync(CancellationToken.None);
        Assert.Empty(otherMerger.Merges);
        Assert.Equal([101], Numbers(otherList.Blocks(TeamA)));
    }

    [Fact]
    public async Task The_claim_of_a_dead_process_expires()
    {
        await StoreAsync(1, 2, 3, 4);
        await using (var claim = await ClaimAsync("dead"))
        {
            // Its renewals fail, as if it were dead.
            _store.Before = static (operation, name) => operation == "PutIfMatch" ? throw new IOException("gone") : Task.CompletedTask;
            await CycleAsync();
            Assert.Empty(_merger.Merges);
        }

        _store.Before = null;
        _time.Advance(CompactorClaim.Lease - TimeSpan.FromSeconds(1));
        await CycleAsync();
        Assert.Empty(_merger.Merges);

        _time.Advance(TimeSpan.FromSeconds(1));
        await CycleAsync();
        Assert.Single(_merger.Merges);
    }

    [Theory]
    [InlineData("")]
    [InlineData("{}")]
    [InlineData("""{"owner":"x","until":"2999-01-01T00:00:00Z"}""")]
    public async Task A_claim_that_makes_no_sense_holds_nobody_off(string claim)
    {
        await StoreAsync(1, 2, 3, 4);
        await _store.PutAsync(BlockPaths.CompactorClaim(TeamA), System.Text.Encoding.UTF8.GetBytes(claim));
        await CycleAsync();
        Assert.Single(_merger.Merges);
    }

    [Fact]
    public async Task Work_stops_when_the_claim_is_lost()
    {
        await StoreAsync(1, 2, 3, 4);
        await _list.PollAsync();
        _merger.Before = async _ =>
        {
            await _store.PutAsync(BlockPaths.CompactorClaim(TeamA), "{}"u8.ToArray());
            await _time.PassAsync(CompactorClaim.RenewEvery);
            await Task.Delay(Timeout.Infinite, _merger.Cancellation).WaitAsync(TimeSpan.FromSeconds(30));
        };

        await _compactor.RunCycleAsync(CancellationToken.None);

        Assert.Equal([1, 2, 3, 4], Numbers(_list.Blocks(TeamA)));
        Assert.Contains("Warning: Compaction of tenant team-a stops: another process has taken it over, or the claim could not be renewed", _log.Lines);
        Assert.Equal(0, _values["tempodb_compaction_errors_total"]);
    }

    [Fact]
    public async Task A_tenant_with_nothing_to_do_is_not_claimed()
    {
        await StoreAsync(1, 2);
        await CycleAsync();
        Assert.DoesNotContain(BlockPaths.CompactorClaim(TeamA), _store.Names);
    }

    [Fact]
    public async Task A_turn_ends_when_others_have_waited_long_enough()
    {
        await StoreAsync([.. Enumerable.Range(1, 40)]);
        _merger.Before = _ =>
        {
            _time.Advance(Compactor.MaxTurn);
            return Task.CompletedTask;
        };

        await CycleAsync();
        Assert.Single(_merger.Merges);
        Assert.Equal(24, _values["tempodb_compaction_outstanding_blocks"]);

        await CycleAsync();
        Assert.Equal(2, _merger.Merges.Count);
    }

    [Fact]
    public async Task It_runs_one_cycle_after_another_until_it_is_cancelled()
    {
        using var cancel = new CancellationTokenSource();
        await StoreAsync(1, 2, 3, 4);
        await _list.PollAsync();
        var running = _compactor.RunAsync(cancel.Token);

        await _time.PassAsync(_options.CompactionCycle);
        await _time.TimerOf(_options.CompactionCycle);
        Assert.Equal([101], Numbers(_list.Blocks(TeamA)));

        await cancel.CancelAsync();
        await running.WaitAsync(TimeSpan.FromSeconds(30));
    }

    [Fact]
    public async Task Disabled_it_does_nothing()
    {
        var disabled = new Compactor(_store, _list, _merger, _options with { Disabled = true }, _ => _retention, _disabled.Contains, _metrics, _time, _log);
        await disabled.RunAsync(CancellationToken.None).WaitAsync(TimeSpan.FromSeconds(30));
    }

    private DateTimeOffset Now => _time.GetUtcNow();

    private BlockList NewList() => new(_store, _metrics, _time, _log);

    private Compactor New(BlockList list, IBlockMerger merger) => new(_store, list, merger, _options, _ => _retention, _disabled.Contains, _metrics, _time, _log);

    private async Task StoreAsync(params int[] numbers)
    {
        foreach (var number in numbers)
            await _store.StoreAsync(Block(number, Now));
    }

    private async Task CycleAsync()
    {
        await _list.PollAsync();
        await _compactor.RunCycleAsync(CancellationToken.None);
    }

    /// <summary>The blocks that a newly started process reads.</summary>
    private async Task<IReadOnlyList<BlockMeta>> FreshAsync()
    {
        var list = NewList();
        await list.PollAsync();
        return list.Blocks(TeamA);
    }

    private Task<CompactorClaim?> ClaimAsync(string owner) => CompactorClaim.TryClaimAsync(_store, _time, TeamA, owner, CancellationToken.None);

    private string[] NamesOf(int block) => [.. _store.Names.Where(name => name.Contains(Id(block).ToString())).Select(static name => name[(name.LastIndexOf('/') + 1)..])];

    /// <summary>Merges only metas; its blocks are numbered from 101.</summary>
    private sealed class MetaMerger(IObjectStore store, TimeProvider time) : IBlockMerger
    {
        public List<int[]> Merges { get; } = [];

        /// <summary>How many fewer traces a merged block has than its inputs together.</summary>
        public int LosesTraces { get; set; }

        /// <summary>Awaited with the inputs before anything is written.</summary>
        public Func<IReadOnlyList<BlockMeta>, Task>? Before { get; set; }

        /// <summary>The cancellation token of the running merge.</summary>
        public CancellationToken Cancellation { get; private set; }

        public async Task<BlockMeta> MergeAsync(TenantId tenant, IReadOnlyList<BlockMeta> inputs, CancellationToken cancellationToken)
        {
            Cancellation = cancellationToken;
            if (Before is { } before)
                await before(inputs);
            Merges.Add(Numbers(inputs));
            var merged = Block(
                100 + Merges.Count,
                inputs.Max(static input => input.EndTime),
                inputs.Max(static input => input.CompactionLevel) + 1,
                inputs.Sum(static input => input.SizeBytes),
                inputs.Sum(static input => input.Traces) - LosesTraces) with
            { Tenant = tenant, ReceivedUntil = inputs.Max(static input => input.ReceivedUntil), CreatedAt = time.GetUtcNow() };
            await store.StoreAsync(merged);
            return merged;
        }
    }
}
