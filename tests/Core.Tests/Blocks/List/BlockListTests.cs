using System.Diagnostics.Metrics;
using OrleansTempo.Core.Blocks.Format;
using OrleansTempo.Core.Blocks.List;
using OrleansTempo.Core.Tests.Objects;
using OrleansTempo.Core.Tests.RemoteWrite;
using OrleansTempo.Core.Tests.RemoteWrite.Queue;
using static OrleansTempo.Core.Tests.Blocks.SomeBlocks;

namespace OrleansTempo.Core.Tests.Blocks.List;

public sealed class BlockListTests : IDisposable
{
    private readonly ManualTimeProvider _time = new();
    private readonly InMemoryObjectStore _store;
    private readonly TempoMetrics _metrics = new();
    private readonly MetricValues _values;
    private readonly LogLines _log = new();
    private readonly BlockList _list;

    public BlockListTests()
    {
        _store = new(_time);
        _values = new(_metrics);
        _list = Another();
    }

    public void Dispose()
    {
        _values.Dispose();
        _metrics.Dispose();
    }

    [Fact]
    public async Task A_poll_finds_the_blocks_of_every_tenant()
    {
        var other = Block(3, Now) with { Tenant = Tenant("Team.B") };
        await _store.StoreAsync(Block(1, Now));
        await _store.StoreAsync(Block(2, Now));
        await _store.StoreAsync(other);
        await _store.PutAsync("blocks/team-a/compactor", default);
        await _store.PutAsync("blocks/NO TENANT/x", default);

        Assert.True(await _list.PollAsync());

        Assert.Equal([1, 2], Numbers(_list.Blocks(TeamA)));
        Assert.Equal([other], _list.Blocks(other.Tenant));
        Assert.Equal(["Team.B", "team-a"], _list.Tenants.Select(static t => t.Value).Order(StringComparer.Ordinal));
        Assert.Empty(_list.Blocks(Tenant("none")));
        Assert.True(_list.Contains(TeamA, Id(1)));
        Assert.False(_list.Contains(TeamA, Id(3)));
    }

    [Fact]
    public async Task Each_meta_is_read_once()
    {
        await _store.StoreAsync(Block(1, Now));
        await _list.PollAsync();
        await _store.StoreAsync(Block(2, Now));
        await _list.PollAsync();
        await _list.PollAsync();

        Assert.Equal([1, 2], Numbers(_list.Blocks(TeamA)));
        Assert.Equal(2, _store.Calls["Get"]);
    }

    [Fact]
    public async Task A_snapshot_stays_as_it_is_and_is_made_once()
    {
        await _store.StoreAsync(Block(1, Now));
        await _list.PollAsync();
        var before = _list.Blocks(TeamA);

        Assert.Same(before, _list.Blocks(TeamA));
        _list.Add(Block(2, Now));

        Assert.Equal([1], Numbers(before));
        Assert.Equal([1, 2], Numbers(_list.Blocks(TeamA)));
        Assert.Equal(2, _values["tempodb_blocklist_length"]);
    }

    [Fact]
    public async Task A_block_without_a_meta_is_not_listed()
    {
        await _store.PutAsync(BlockPaths.Data(TeamA, Id(1)), new byte[10]);
        await _list.PollAsync();
        Assert.Empty(_list.Blocks(TeamA));
        Assert.False(_list.Contains(TeamA, Id(1)));

        await _store.StoreAsync(Block(1, Now));
        await _list.PollAsync();
        Assert.Equal([1], Numbers(_list.Blocks(TeamA)));
    }

    [Fact]
    public async Task A_block_whose_meta_is_deleted_by_hand_is_logged_once_counted_kept_for_a_day_and_comes_back_with_it()
    {
        var endTime = Now;
        await _store.StoreAsync(Block(1, endTime));
        await _list.PollAsync();
        var meta = (await _store.GetAsync(BlockPaths.Meta(TeamA, Id(1))))!.Value.Content;
        _time.Advance(TimeSpan.FromDays(7));
        await _store.DeleteAsync(BlockPaths.Meta(TeamA, Id(1)));
        await _list.PollAsync();
        await _list.PollAsync();

        var line = Assert.Single(_log.Lines);
        Assert.StartsWith($"Error: The meta.json of block {Id(1)} of tenant {TeamA} is gone, although the block was neither merged nor expired: its 10 traces, from {endTime - TimeSpan.FromMinutes(1):O} to {endTime:O}, can no longer be found", line, StringComparison.Ordinal);
        Assert.Equal(1, _values["tempodb_blocks_without_meta_total"]);
        Assert.Empty(_list.Blocks(TeamA));
        Assert.Equal(Id(1), Assert.Single(_list.Broken(TeamA)).BlockId);
        Assert.Equal(Now, Assert.IsType<BlockState.Incomplete>(_list.States(TeamA)[Id(1)]).LastModified);

        await _store.PutAsync(BlockPaths.Meta(TeamA, Id(1)), meta);
        await _list.PollAsync();
        Assert.Equal([1], Numbers(_list.Blocks(TeamA)));
        Assert.Empty(_list.Broken(TeamA));
    }

    [Fact]
    public async Task Data_without_a_meta_at_the_start_is_logged_once_unless_it_is_being_written_and_kept_for_a_day()
    {
        await _store.PutAsync(BlockPaths.Data(TeamA, Id(1)), BlockWriter.Magic.ToArray());
        await _list.PollAsync();
        _time.Advance(TimeSpan.FromMinutes(9));
        await _list.PollAsync();
        Assert.Empty(_log.Lines);

        _time.Advance(TimeSpan.FromMinutes(1));
        await _list.PollAsync();
        await _list.PollAsync();
        Assert.StartsWith($"Warning: Block {Id(1)} of tenant {TeamA} has data, last written at ", Assert.Single(_log.Lines), StringComparison.Ordinal);
        Assert.Equal(1, _values["tempodb_blocks_without_meta_total"]);
        Assert.Empty(_list.Broken(TeamA));
        Assert.Equal(Now, Assert.IsType<BlockState.Incomplete>(_list.States(TeamA)[Id(1)]).LastModified);
    }

    [Fact]
    public async Task Missing_blocks_are_dropped_and_so_is_their_tenant()
    {
        await _store.StoreAsync(Block(1, Now));
        await _list.PollAsync();

        await _store.DeleteAsync(BlockPaths.Meta(TeamA, Id(1)));
        await _store.DeleteAsync(BlockPaths.Data(TeamA, Id(1)));
        await _list.PollAsync();

        Assert.Empty(_list.Blocks(TeamA));
        Assert.Empty(_list.Tenants);
        Assert.Equal(0, _values["tempodb_blocklist_length"]);
    }

    [Fact]
    public async Task A_tenant_that_has_never_had_a_block_gets_no_series()
    {
        var measured = 0;
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, own) =>
        {
            if (instrument == _metrics.BlocklistLength || instrument == _metrics.BlocklistPollErrors)
                own.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<long>((_, _, _, _) => measured++);
        listener.Start();

        await _list.RefreshAsync(Tenant("made-up"), default);
        Assert.Equal(0, measured);

        await _store.StoreAsync(Block(1, Now));
        await _list.RefreshAsync(TeamA, default);
        Assert.Equal(2, measured);
        Assert.Equal((true, false), (_list.Knows(TeamA), _list.Knows(Tenant("made-up"))));
    }

    [Fact]
    public async Task A_block_added_while_a_poll_is_listing_is_kept()
    {
        await _store.StoreAsync(Block(1, Now));
        _store.After = async (operation, _) =>
        {
            if (operation != "List")
                return;
            _store.After = null;
            await _store.StoreAsync(Block(2, Now));
            _list.Add(Block(2, Now));
        };

        await _list.PollAsync();
        Assert.Equal([1, 2], Numbers(_list.Blocks(TeamA)));

        await _list.PollAsync();
        Assert.Equal([1, 2], Numbers(_list.Blocks(TeamA)));
    }

    [Fact]
    public async Task A_first_block_added_while_the_tenants_are_listed_is_kept()
    {
        _store.After = (operation, _) =>
        {
            if (operation == "ListFolders")
                _list.Add(Block(1, Now));
            return Task.CompletedTask;
        };

        await _list.PollAsync();
        Assert.Equal([1], Numbers(_list.Blocks(TeamA)));
    }

    [Fact]
    public async Task Blocks_marked_or_set_aside_during_a_poll_do_not_come_back()
    {
        await _store.StoreAsync(Block(1, Now));
        await _store.StoreAsync(Block(2, Now));
        await _store.StoreAsync(Block(3, Now));
        await _list.PollAsync();
        _store.After = async (operation, _) =>
        {
            if (operation != "List")
                return;
            _store.After = null;
            await _list.MarkCompactedAsync(Block(1, Now), Block(3, Now));
            await _list.SetAsideAsync(Block(2, Now), "bad page");
        };

        await _list.PollAsync();

        Assert.Equal([3], Numbers(_list.Blocks(TeamA)));
        Assert.Equal(Id(2), Assert.Single(_list.Broken(TeamA)).BlockId);
    }

    [Fact]
    public async Task A_marked_block_leaves_every_list_and_counts_as_contained()
    {
        var other = Another();
        await _store.StoreAsync(Block(1, Now));
        await _store.StoreAsync(Block(2, Now));
        await _list.PollAsync();
        await other.PollAsync();

        await _list.MarkCompactedAsync(Block(1, Now), Block(2, Now));
        await other.PollAsync();

        foreach (var list in new[] { _list, other })
        {
            Assert.Equal([2], Numbers(list.Blocks(TeamA)));
            Assert.True(list.Contains(TeamA, Id(1)));
        }

        Assert.Equal(["data", "meta.compacted.json"], NamesOf(1));
    }

    [Fact]
    public async Task A_crash_while_marking_leaves_the_block_marked()
    {
        await _store.StoreAsync(Block(1, Now));
        await _list.PollAsync();
        _store.Before = static (operation, _) => operation == "Delete" ? throw new IOException("killed here") : Task.CompletedTask;
        await Assert.ThrowsAsync<IOException>(() => _list.MarkCompactedAsync(Block(1, Now), null));
        _store.Before = null;
        Assert.Equal(["data", "meta.compacted.json", "meta.json"], NamesOf(1));

        var restarted = Another();
        await restarted.PollAsync();
        Assert.Empty(restarted.Blocks(TeamA));
        Assert.Equal(new BlockState.Compacted(Now, null, null), restarted.States(TeamA)[Id(1)]);
    }

    [Fact]
    public async Task An_input_is_read_until_the_block_it_was_merged_into_is_listed()
    {
        await _store.StoreAsync(Block(1, Now));
        await _list.PollAsync();

        // The other process merges between this list's two listings, after the merged block's place has been passed.
        var compactor = Another();
        _store.After = async (operation, _) =>
        {
            if (operation != "List")
                return;
            _store.After = null;
            await _store.StoreAsync(Block(2, Now, level: 1));
            await compactor.MarkCompactedAsync(Block(1, Now), Block(2, Now));
        };
        var late = Another();
        await late.PollAsync();
        Assert.Equal([1], Numbers(late.Blocks(TeamA)));

        await late.PollAsync();
        Assert.Equal([2], Numbers(late.Blocks(TeamA)));
    }

    [Fact]
    public async Task An_input_whose_merged_block_never_shows_is_read_for_one_poll()
    {
        await _store.StoreAsync(Block(1, Now));
        await Another().MarkCompactedAsync(Block(1, Now), Block(2, Now));

        await _list.PollAsync();
        Assert.Equal([1], Numbers(_list.Blocks(TeamA)));
        await _list.PollAsync();
        Assert.Empty(_list.Blocks(TeamA));
    }

    [Fact]
    public async Task A_corrupt_block_is_set_aside_once_and_for_all_processes()
    {
        var other = Another();
        await _store.StoreAsync(Block(1, Now));
        await _store.StoreAsync(Block(2, Now));
        await _list.PollAsync();
        await other.PollAsync();

        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => _list.SetAsideAsync(Block(1, Now), "page 3: checksum")));
        await other.PollAsync();
        await _list.PollAsync();

        foreach (var list in new[] { _list, other })
        {
            Assert.Equal([2], Numbers(list.Blocks(TeamA)));
            Assert.Equal([new BrokenBlock(Id(1), "page 3: checksum", Now)], list.Broken(TeamA));
            Assert.False(list.Contains(TeamA, Id(1)));
        }

        Assert.Equal(1, _values["tempodb_blocks_set_aside_total"]);
        Assert.Equal([$"Error: Block {Id(1)} of tenant team-a is set aside and no longer read: page 3: checksum"], _log.Lines);
        Assert.Equal(["broken.json", "data", "meta.json"], NamesOf(1));
    }

    [Fact]
    public async Task A_block_is_set_aside_even_if_the_store_refuses_the_note()
    {
        await _store.StoreAsync(Block(1, Now));
        await _list.PollAsync();
        _store.Before = static (operation, _) => operation is "PutIfAbsent" ? throw new IOException("full") : Task.CompletedTask;

        await _list.SetAsideAsync(Block(1, Now), "page 3: checksum");
        await _list.PollAsync();

        Assert.Empty(_list.Blocks(TeamA));
        Assert.Single(_list.Broken(TeamA));
        Assert.Equal(1, _values["tempodb_blocks_set_aside_total"]);
        Assert.Equal($"Warning: Other processes cannot be told that block {Id(1)} of tenant team-a is set aside: full", _log.Lines[^1]);
    }

    [Fact]
    public async Task A_block_merged_since_it_was_listed_is_gone_and_not_corrupt()
    {
        await _store.StoreAsync(Block(1, Now));
        await _list.PollAsync();
        await Another().MarkCompactedAsync(Block(1, Now), Block(2, Now));

        await _list.SetAsideAsync(Block(1, Now), "no such object");

        Assert.Empty(_list.Blocks(TeamA));
        Assert.Empty(_list.Broken(TeamA));
        Assert.Equal(0, _values["tempodb_blocks_set_aside_total"]);
        Assert.Equal(["data", "meta.compacted.json"], NamesOf(1));
    }

    /// <summary>With a failing store, or a client that hangs up, nobody knows whether the block is corrupt or has been merged and deleted.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_block_that_may_be_gone_is_set_aside_here_and_others_are_not_told(bool isCancelled)
    {
        await _store.StoreAsync(Block(1, Now));
        await _list.PollAsync();
        await _store.DeleteAsync(BlockPaths.Meta(TeamA, Id(1)));
        await _store.DeleteAsync(BlockPaths.Data(TeamA, Id(1)));
        _store.Before = (operation, _) => operation is not "Get" ? Task.CompletedTask : throw (isCancelled ? new OperationCanceledException() : new IOException("timeout"));

        var setAside = _list.SetAsideAsync(Block(1, Now), "its data object is missing");
        if (isCancelled)
            await Assert.ThrowsAsync<OperationCanceledException>(() => setAside);
        else
            await setAside;

        Assert.Empty(_list.Blocks(TeamA));
        Assert.Single(_list.Broken(TeamA));
        Assert.Equal([$"Error: Block {Id(1)} of tenant team-a is set aside and no longer read: its data object is missing"], _log.Lines);
        Assert.Equal(1, _values["tempodb_blocks_set_aside_total"]);
        Assert.Empty(NamesOf(1));

        _store.Before = null;
        await _list.PollAsync();
        Assert.Empty(_list.Broken(TeamA));
    }

    [Fact]
    public async Task A_corrupt_meta_sets_its_block_aside()
    {
        await _store.StoreAsync(Block(1, Now));
        await _store.StoreAsync(Block(2, Now));
        await _store.PutAsync(BlockPaths.Meta(TeamA, Id(1)), "{}"u8.ToArray());

        Assert.True(await _list.PollAsync());
        await _list.PollAsync();

        Assert.Equal([2], Numbers(_list.Blocks(TeamA)));
        Assert.Equal([new BrokenBlock(Id(1), "meta.json: formatVersion is missing", Now)], _list.Broken(TeamA));
        Assert.Equal(1, _values["tempodb_blocks_set_aside_total"]);
        Assert.Contains("broken.json", NamesOf(1));
    }

    [Fact]
    public async Task A_block_of_a_newer_format_is_left_to_those_who_read_it()
    {
        await _store.PutAsync(BlockPaths.Meta(TeamA, Id(1)), """{"formatVersion": 9}"""u8.ToArray());

        await _list.PollAsync();
        await _list.PollAsync();

        Assert.Empty(_list.Blocks(TeamA));
        Assert.Contains("formatVersion is 9", Assert.Single(_list.Broken(TeamA)).Reason);
        Assert.Equal(["meta.json"], NamesOf(1));
        Assert.Single(_log.Lines);
    }

    [Theory]
    [InlineData("")]
    [InlineData("{}")]
    [InlineData("""{"reason": 7}""")]
    public async Task A_broken_json_counts_whatever_it_says(string json)
    {
        await _store.StoreAsync(Block(1, Now));
        await _store.PutAsync(BlockPaths.Broken(TeamA, Id(1)), System.Text.Encoding.UTF8.GetBytes(json));

        await _list.PollAsync();

        Assert.Empty(_list.Blocks(TeamA));
        Assert.StartsWith("its broken.json cannot be read: ", Assert.Single(_list.Broken(TeamA)).Reason);
    }

    [Fact]
    public async Task A_block_comes_back_when_its_broken_json_is_deleted()
    {
        await _store.StoreAsync(Block(1, Now));
        await _list.PollAsync();
        await _list.SetAsideAsync(Block(1, Now), "bad");

        await _store.DeleteAsync(BlockPaths.Broken(TeamA, Id(1)));
        await _list.PollAsync();

        Assert.Equal([1], Numbers(_list.Blocks(TeamA)));
        Assert.Empty(_list.Broken(TeamA));
    }

    [Fact]
    public async Task A_failed_poll_keeps_what_was_known_about_that_tenant()
    {
        var other = Tenant("other");
        await _store.StoreAsync(Block(1, Now));
        await _list.PollAsync();
        await _store.StoreAsync(Block(2, Now));
        await _store.StoreAsync(Block(3, Now) with { Tenant = other });

        // Another process drops the first block for the second, whose meta cannot be read: the first must not disappear before the second is there.
        await Another().MarkCompactedAsync(Block(1, Now), Block(2, Now));
        _store.Before = (operation, name) => operation == "Get" && name == BlockPaths.Meta(TeamA, Id(2)) ? throw new IOException("timeout") : Task.CompletedTask;

        Assert.False(await _list.PollAsync());
        Assert.Equal([1], Numbers(_list.Blocks(TeamA)));
        Assert.Equal([3], Numbers(_list.Blocks(other)));
        Assert.Equal(1, _values["tempodb_blocklist_poll_errors_total"]);
        Assert.Equal(["Error: The blocks of tenant team-a cannot be listed; those known so far are used: timeout"], _log.Lines);

        _store.Before = null;
        Assert.True(await _list.PollAsync());
        Assert.Equal([2], Numbers(_list.Blocks(TeamA)));
    }

    [Fact]
    public async Task A_poll_that_cannot_list_the_tenants_keeps_everything()
    {
        await _store.StoreAsync(Block(1, Now));
        await _list.PollAsync();
        _store.Before = static (operation, _) => operation == "ListFolders" ? throw new IOException("unreachable") : Task.CompletedTask;

        Assert.False(await _list.PollAsync());

        Assert.Equal([1], Numbers(_list.Blocks(TeamA)));
        Assert.Equal(1, _values["tempodb_blocklist_poll_errors_total"]);
        Assert.Equal(["Error: The tenants in the object store cannot be listed; the blocks known so far are used: unreachable"], _log.Lines);
    }

    private DateTimeOffset Now => _time.GetUtcNow();

    private BlockList Another() => new(_store, _metrics, _time, _log);

    private string[] NamesOf(int block) => [.. _store.Names.Where(name => name.Contains(Id(block).ToString())).Select(static name => name[(name.LastIndexOf('/') + 1)..])];
}
