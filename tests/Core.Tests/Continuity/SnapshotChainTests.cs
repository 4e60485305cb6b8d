using OrleansTempo.Core.Continuity;
using OrleansTempo.Core.Tests.Generator;
using OrleansTempo.Core.Tests.Objects;
using OrleansTempo.Core.Tests.RemoteWrite.Queue;
using Kind = OrleansTempo.Tests.Otlp.Span.Types.SpanKind;

namespace OrleansTempo.Core.Tests.Continuity;

public sealed class SnapshotChainTests
{
    private const string Folder = "generator-snapshots/single-tenant/all/";

    private readonly GeneratorBench _bench = new(s => s with { SpanMetricsLatency = false, SpanMetricsSize = false, ServiceGraphsRequest = false, ServiceGraphsLatency = false });
    private readonly InMemoryObjectStore _store = new();

    [Fact]
    public async Task A_start_reads_the_last_snapshot_and_all_changes_after_it()
    {
        var chain = Chain();
        for (var i = 0; i < 30; i++)
            Push($"/{i}");
        await RecordAsync(chain);
        Push("/1");
        await RecordAsync(chain);
        Push("/2");
        await RecordAsync(chain);

        var stored = await ReadAsync();
        Assert.Null(stored.Problem);
        Assert.Equal(["whole", "changes", "changes"], stored.Names.Order().Select(static n => n.Split('-')[^1]));
        Assert.Equal(3, stored.Records.Count);
        var restored = _bench.New();
        Assert.True(restored.TryRestore(stored.Records, _bench.Generator.LastCollectionMs, out var reason), reason);
        Assert.Equal(30, restored.ActiveSeries);
        Assert.Equal("it left no snapshot", (await ReadAsync(epoch: 2)).Problem);
    }

    [Fact]
    public async Task When_changes_outgrow_the_series_there_is_a_new_snapshot_and_earlier_records_are_deleted()
    {
        var chain = Chain();
        Push("/a");
        for (var i = 0; i < 300; i++)
        {
            Push("/a");
            await RecordAsync(chain);
            await chain.TidyAsync();
            Assert.InRange(_store.Names.Count, 1, 3);
        }

        // And however small they are, when there are many.
        for (var i = 0; i < 30; i++)
            Push($"/{i}");
        for (var i = 0; i < 300; i++)
        {
            await RecordAsync(chain);
            await chain.TidyAsync();
            Assert.InRange(_store.Names.Count, 1, 101);
        }

        Assert.Equal(31, await RestoredSeriesAsync());
    }

    [Fact]
    public async Task A_missing_record_is_noticed()
    {
        var chain = Chain();
        for (var i = 0; i < 30; i++)
            Push($"/{i}");
        for (var i = 0; i < 3; i++)
            await RecordAsync(chain);
        var names = _store.Names;

        await _store.DeleteAsync(names[1]);
        Assert.Matches("^only 2 of its records [0-9]+ to [0-9]+ were found$", (await ReadAsync()).Problem);
        await _store.DeleteAsync(names[0]);
        Assert.Equal("the record with all its series is missing", (await ReadAsync()).Problem);
    }

    [Fact]
    public async Task Records_that_an_owner_of_the_same_epoch_left_long_ago_count_as_older()
    {
        var former = Chain();
        for (var i = 0; i < 5; i++)
        {
            Push("/a");
            await RecordAsync(former);
        }

        _bench.Time.Advance(TimeSpan.FromMinutes(1));
        var chain = Chain();
        Push("/b");
        await RecordAsync(chain);

        Assert.Equal(2, await RestoredSeriesAsync());
    }

    [Fact]
    public async Task A_put_is_retried_and_after_the_third_failure_the_next_record_is_whole()
    {
        var chain = Chain();
        for (var i = 0; i < 30; i++)
            Push($"/{i}");
        await RecordAsync(chain);
        var failures = 2;
        _store.Before = (operation, _) => operation == "Put" && failures-- > 0 ? throw new IOException("the disk is full") : Task.CompletedTask;
        Push("/a");
        Assert.Null(await RecordAsync(chain));
        Assert.True(chain.IsWhole);
        Assert.Equal("changes", _store.Names[^1].Split('-')[^1]);

        failures = 3;
        Assert.Equal("the disk is full", await RecordAsync(chain));
        Assert.False(chain.IsWhole);
        Assert.Null(await RecordAsync(chain));
        Assert.Equal("whole", _store.Names[^1].Split('-')[^1]);
        Assert.Equal(31, await RestoredSeriesAsync());
    }

    [Fact]
    public async Task Records_that_cannot_be_deleted_are_retried()
    {
        var chain = Chain();
        await _store.PutAsync(Folder + "0-5-whole", default);
        chain.Replace(await ReadAsync());
        Push("/a");
        await chain.TidyAsync();
        Assert.Equal([Folder + "0-5-whole"], _store.Names);

        await RecordAsync(chain);
        _store.Before = (operation, _) => operation == "Delete" ? throw new IOException("not now") : Task.CompletedTask;
        await chain.TidyAsync();
        Assert.Equal(2, _store.Names.Count);
        _store.Before = null;
        await chain.TidyAsync();
        Assert.Equal(1, await RestoredSeriesAsync());
        Assert.Single(_store.Names);
        await chain.DeleteAsync();
        Assert.Empty(_store.Names);
    }

    private void Push(string span) => _bench.Push("cart", GeneratorBench.Span(span, Kind.Internal, 1));

    private SnapshotChain Chain() => new(_store, TenantId.Single, "all", 1, _bench.Time);

    private Task<StoredChain> ReadAsync(long epoch = 1) => SnapshotChain.ReadAsync(_store, TenantId.Single, "all", epoch);

    private async Task<int> RestoredSeriesAsync()
    {
        var stored = await ReadAsync();
        Assert.Null(stored.Problem);
        var restored = _bench.New();
        Assert.True(restored.TryRestore(stored.Records, _bench.Generator.LastCollectionMs, out var reason), reason);
        return restored.ActiveSeries;
    }

    private Task<string?> RecordAsync(SnapshotChain chain)
    {
        _bench.Collect();
        return _bench.Time.PassUntilAsync(chain.TryPutAsync(chain.Record(_bench.Generator)), TimeSpan.FromSeconds(1));
    }
}
