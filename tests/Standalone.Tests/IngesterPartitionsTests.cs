using Microsoft.Extensions.Logging.Abstractions;
using OrleansTempo.Core;
using OrleansTempo.Core.Distributor;
using OrleansTempo.Core.Ingester;
using OrleansTempo.Core.Otlp;
using OrleansTempo.Core.Overrides;
using OrleansTempo.Core.Querier;
using OrleansTempo.Core.Storage;
using OrleansTempo.Core.Tests;

namespace OrleansTempo.Standalone.Tests;

public sealed class IngesterPartitionsTests : IAsyncDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_longest = TimeSpan.FromSeconds(30);
    private static readonly IngesterOptions s_options = new();

    private readonly string _folder = Directory.CreateTempSubdirectory("partitions").FullName;
    private readonly ManualTimeProvider _time = new();
    private readonly TempoMetrics _metrics = new();
    private readonly MetricValues _values;
    private readonly RecordingLog _log = new();
    private readonly FileObjectStore _files;
    private readonly FaultyObjectStore _store;
    private readonly List<IAsyncDisposable> _opened = [];
    private BlockList _blocks;
    private BlockFlushQueue? _flushes;
    private LocalIngesters? _ingesters;

    public IngesterPartitionsTests()
    {
        _values = new MetricValues(_metrics);
        _files = new FileObjectStore(Path.Combine(_folder, "store"), _time, NullLogger.Instance);
        _store = new FaultyObjectStore(_files);
        _blocks = new BlockList(_store, _metrics, _time, NullLogger.Instance);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var opened in _opened)
            await opened.DisposeAsync();
        _files.Dispose();
        _values.Dispose();
        _metrics.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task What_is_pushed_is_found_at_once_and_after_it_was_flushed()
    {
        var partitions = Open(s_options, _log);
        await Ingesters.ReplayAsync(partitions.ReplayAsync, CancellationToken.None);
        await PushAsync(partitions, Traces(200));

        Assert.Equal(Traces(200), await FoundAsync(partitions, 200));
        Assert.Equal(1, _log.Appended);
        Assert.True(await Ingesters.FlushAsync(null, CancellationToken.None));

        Assert.Equal(Traces(200), await FoundAsync(partitions, 200));
        Assert.Equal(8, _blocks.Blocks(TenantId.Single).Count);
        Assert.Equal(8, _values["tempo_ingester_blocks_flushed_total"]);
        Assert.Equal(200, _blocks.Blocks(TenantId.Single).Sum(static b => b.Traces));
    }

    [Fact]
    public async Task Tenants_have_partitions_and_blocks_of_their_own()
    {
        var partitions = Open(s_options, _log);
        Assert.True(TenantId.TryParse("other", out var other, out _));
        await PushAsync(partitions, Traces(20));

        Assert.Empty(await FoundAsync(partitions, 20, other));
        Assert.False(await Ingesters.FlushAsync(other, CancellationToken.None));
        await PushAsync(partitions, Traces(5), other);
        Assert.True(await Ingesters.FlushAsync(other, CancellationToken.None));

        Assert.Empty(_blocks.Blocks(TenantId.Single));
        Assert.Equal(Traces(5), await FoundAsync(partitions, 20, other));
        Assert.Equal(Traces(20), await FoundAsync(partitions, 20));
    }

    [Fact]
    public async Task A_store_that_fails_a_few_times_loses_nothing()
    {
        var partitions = Open(s_options with { Partitions = 1 }, _log);
        await Ingesters.ReplayAsync(partitions.ReplayAsync, CancellationToken.None);
        await PushAsync(partitions, Traces(50));
        _log.CurrentSegment = 4;
        var failures = 0;
        _store.Before = name => (name.EndsWith("meta.json", StringComparison.Ordinal) ? failures < 4 : failures < 2) && ++failures > 0 ? throw new IOException("full") : Task.CompletedTask;

        var flush = Ingesters.FlushAsync(null, CancellationToken.None);
        foreach (var backoff in (double[])[0.5, 1, 2, 4])
        {
            await _time.TimerOf(TimeSpan.FromSeconds(backoff));
            Assert.False(flush.IsCompleted);
            Assert.Equal(Traces(50), await FoundAsync(partitions, 50));
            _time.Advance(TimeSpan.FromSeconds(backoff));
            Assert.InRange(_log.Released, 0, 1);
        }

        await flush.WaitAsync(s_longest);
        Assert.Equal((4, 1), (_values["tempo_ingester_failed_flushes_total"], _values["tempo_ingester_blocks_flushed_total"]));
        Assert.Equal(4, _log.Released);
        Assert.Single(_blocks.Blocks(TenantId.Single));
        Assert.Equal(Traces(50), await FoundAsync(partitions, 50));
    }

    [Fact]
    public async Task The_log_is_let_go_up_to_what_is_in_no_block()
    {
        var partitions = Open(s_options, _log);
        await PushAsync(partitions, Traces(10));
        _log.CurrentSegment = 2;
        Tick();

        // Before the replay nothing goes: what it has not read yet nobody knows of.
        Assert.Equal(0, _log.Released);
        await Ingesters.ReplayAsync(partitions.ReplayAsync, CancellationToken.None);
        Tick();
        Assert.Equal(1, _log.Released);

        await PushAsync(partitions, [.. Traces(30).Skip(10)]);
        _log.CurrentSegment = 5;
        await Ingesters.FlushAsync(null, CancellationToken.None);
        Assert.Equal(5, _log.Released);

        await PushAsync(partitions, Traces(1));
        _log.CurrentSegment = 9;
        Tick();
        Assert.Equal(5, _log.Released);
    }

    [Fact]
    public async Task What_was_not_flushed_is_replayed_into_any_number_of_partitions()
    {
        await using (var log = OpenLog())
        {
            var partitions = Open(s_options, log);
            await Ingesters.ReplayAsync(partitions.ReplayAsync, CancellationToken.None);
            await PushAsync(partitions, Traces(200));
            await CloseAsync();
        }

        _blocks = new BlockList(_store, _metrics, _time, NullLogger.Instance);
        await using (var log = OpenLog())
        {
            var partitions = Open(s_options with { Partitions = 3 }, log);
            var replay = await Ingesters.ReplayAsync(partitions.ReplayAsync, CancellationToken.None);
            Assert.Equal((1, 0), (replay.Records, replay.CorruptRecords));
            Assert.Equal(Traces(200), await FoundAsync(partitions, 200));
            await PushAsync(partitions, Traces(300)[200..]);
            await Ingesters.FlushAsync(null, CancellationToken.None);
            Assert.Equal(3, _blocks.Blocks(TenantId.Single).Count);
            await CloseAsync();
        }

        // All is in blocks, and so the log has nothing more of it.
        await using (var log = OpenLog())
        {
            var partitions = Open(s_options with { Partitions = 5 }, log);
            Assert.Equal(0, (await Ingesters.ReplayAsync(partitions.ReplayAsync, CancellationToken.None)).Records);
            Assert.Equal(Traces(300), await FoundAsync(partitions, 300));
            await CloseAsync();
        }
    }

    [Fact]
    public async Task A_block_and_a_log_that_hold_the_same_spans_are_found_once()
    {
        await using (var log = OpenLog())
        {
            var partitions = Open(s_options, log);
            await PushAsync(partitions, Traces(100));

            // Not replayed, so that the log is kept as after a crash.
            await Ingesters.FlushAsync(null, CancellationToken.None);
            await CloseAsync();
        }

        await using var next = OpenLog();
        var replayed = Open(s_options with { Partitions = 2 }, next);
        Assert.Equal(1, (await Ingesters.ReplayAsync(replayed.ReplayAsync, CancellationToken.None)).Records);
        Assert.Equal(Traces(100), await FoundAsync(replayed, 100));
        await CloseAsync();
    }

    [Fact]
    public async Task When_memory_is_full_pushes_wait_then_are_refused_and_go_on_when_there_is_room()
    {
        var partitions = Open(s_options with { MaxMemoryBytes = 200_000 }, _log);
        var store = new TaskCompletionSource();
        _store.Before = _ => store.Task;

        // The first brings memory to its end and is answered late; most of it is cut at once and waits for the store.
        var first = PushAsync(partitions, Traces(100), nameLength: 3000);
        await _time.PassAsync(TimeSpan.FromMilliseconds(100));
        Assert.Equal(default, await first.WaitAsync(s_longest));

        var refused = PushAsync(partitions, Traces(101)[100..]);
        await _time.TimerOf(s_patience);
        Assert.False(refused.IsCompleted);
        _time.Advance(s_patience);
        Assert.Contains("ingester.max_memory_bytes is 200000", (await refused.WaitAsync(s_longest)).Unavailable);
        Assert.Equal(1, _log.Appended);
        Assert.Empty((await FindAsync(partitions, Traces(101)[100].Trace)).Spans);

        var waiting = PushAsync(partitions, Traces(101)[100..]);
        await _time.TimerOf(s_patience);
        store.SetResult();
        await Flushes.WrittenAsync(static _ => true).WaitAsync(s_longest);
        Assert.Null((await WhileTimePassesAsync(waiting)).Unavailable);
        Assert.Equal(2, _log.Appended);
        Assert.Equal(Traces(101), await FoundAsync(partitions, 101));
    }

    [Fact]
    public async Task When_memory_is_short_blocks_are_cut_before_they_are_due()
    {
        var partitions = Open(s_options with { MaxMemoryBytes = 2_000_000 }, _log);
        for (var i = 0; i < 400; i += 10)
            Assert.Equal(default, await WhileTimePassesAsync(PushAsync(partitions, Traces(i + 10)[i..], nameLength: 3000)));
        await Flushes.WrittenAsync(static _ => true).WaitAsync(s_longest);

        Assert.NotEmpty(_blocks.Blocks(TenantId.Single));
        Assert.Equal(Traces(400), await FoundAsync(partitions, 400));
    }

    [Fact]
    public async Task A_log_that_cannot_be_written_makes_the_ingesters_unavailable_and_sent_again_nothing_is_twice()
    {
        var partitions = Open(s_options, _log);
        _log.Failure = new IOException("no space left");

        Assert.Equal("the write-ahead log cannot be written: no space left", (await PushAsync(partitions, Traces(10))).Unavailable);

        _log.Failure = null;
        Assert.Equal(default, await PushAsync(partitions, Traces(10)));
        Assert.Equal(Traces(10), await FoundAsync(partitions, 10));
    }

    [Fact]
    public async Task A_tenants_limit_holds_for_all_partitions_together_and_what_is_refused_whole_is_not_logged()
    {
        var partitions = Open(s_options, _log, new TenantOverrides { Ingestion = new IngestionOverrides { MaxTracesPerUser = 30 } });

        var result = await PushAsync(partitions, Traces(100));

        Assert.Equal((70, 70), (result.Refusals!.LiveTracesExceeded.Count, result.Refusals.Count));
        Assert.Equal(1, _log.Appended);
        Assert.Equal(30, (await FoundAsync(partitions, 100)).Count);
        Assert.Equal(20, (await PushAsync(partitions, Traces(120)[100..])).Refusals!.LiveTracesExceeded.Count);
        Assert.Equal(1, _log.Appended);
    }

    [Fact]
    public async Task The_round_cuts_idle_traces_and_blocks_that_are_due_and_reports()
    {
        var partitions = Open(s_options with { MaxBlockDuration = TimeSpan.FromMinutes(1) }, _log);
        await PushAsync(partitions, Traces(40));
        Tick();
        Assert.Equal((40, 40), (_values["tempo_ingester_live_traces"], _values["tempo_ingester_traces_created_total"]));

        _time.Advance(TimeSpan.FromSeconds(5));
        Tick();
        Assert.Equal(0, _values["tempo_ingester_live_traces"]);
        Assert.Empty(_blocks.Blocks(TenantId.Single));

        _time.Advance(TimeSpan.FromMinutes(1));
        await Flushes.WrittenAsync(static _ => true).WaitAsync(s_longest);
        Assert.Equal(40, _blocks.Blocks(TenantId.Single).Sum(static b => b.Traces));
        Assert.Equal(40, _values["tempo_ingester_traces_created_total"]);
    }

    [Fact]
    public async Task A_flush_waits_for_blocks_that_were_cut_before_it()
    {
        var partitions = Open(s_options with { MaxBlockDuration = TimeSpan.Zero }, _log);
        var store = new TaskCompletionSource();
        _store.Before = _ => store.Task;
        await PushAsync(partitions, Traces(40));
        _time.Advance(TimeSpan.FromSeconds(10));

        var flush = Ingesters.FlushAsync(null, CancellationToken.None);
        Assert.False(flush.IsCompleted);
        Assert.True(TenantId.TryParse("other", out var other, out _));
        Assert.True(Flushes.WrittenAsync(p => p.Tenant == other).IsCompleted);

        store.SetResult();
        await flush.WaitAsync(s_longest);
        Assert.Equal(40, _blocks.Blocks(TenantId.Single).Sum(static b => b.Traces));
    }

    [Fact]
    public async Task A_flushed_block_is_read_here_until_every_querier_has_listed_it()
    {
        // The list that the look-up asks is another process's, so to speak: nobody tells it of the block.
        var partitions = Open(s_options, _log);
        _blocks = new BlockList(_store, _metrics, _time, NullLogger.Instance);
        var unaware = Open(s_options, _log, listOfQueue: new BlockList(_store, _metrics, _time, NullLogger.Instance));
        await PushAsync(unaware, Traces(3));
        await Ingesters.FlushAsync(null, CancellationToken.None);
        Assert.Empty(_blocks.Blocks(TenantId.Single));

        Assert.Equal(Traces(3), await FoundAsync(unaware, 3));
        _time.Advance(s_options.CompleteBlockTimeout);
        Assert.Empty(await FoundAsync(unaware, 3));

        await _blocks.PollAsync();
        Assert.Equal(Traces(3), await FoundAsync(unaware, 3));
        Assert.Empty(await FoundHereAsync(partitions, 3));
    }

    [Fact]
    public async Task A_queue_that_is_closed_gives_up_what_it_has_not_written()
    {
        var partitions = Open(s_options, _log);
        _store.Before = static _ => throw new IOException("unplugged");
        await PushAsync(partitions, Traces(40));
        var flush = Ingesters.FlushAsync(null, CancellationToken.None);
        await _time.TimerOf(TimeSpan.FromMilliseconds(500));

        await Flushes.DisposeAsync().AsTask().WaitAsync(s_longest);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => flush.WaitAsync(s_longest));
        Assert.Empty(_blocks.Blocks(TenantId.Single));
        Assert.Equal(Traces(40), await FoundAsync(partitions, 40));

        // And takes nothing more.
        await PushAsync(partitions, Traces(41));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Ingesters.FlushAsync(null, CancellationToken.None).WaitAsync(s_longest));
    }

    [Fact]
    public async Task Pushes_queries_rounds_and_flushes_at_the_same_time_lose_nothing()
    {
        var partitions = Open(s_options with { MaxBlockDuration = TimeSpan.Zero }, _log);
        await Ingesters.ReplayAsync(partitions.ReplayAsync, CancellationToken.None);
        await WhileTimePassesAsync(Parallel.ForAsync(0, 80, async (i, _) =>
        {
            Assert.Null((await PushAsync(partitions, Traces((i + 1) * 10)[(i * 10)..], nameLength: 500)).Unavailable);
            Assert.Single((await FindAsync(partitions, Traces(800)[i * 10].Trace)).Spans);
            if (i % 20 == 0)
                await Ingesters.FlushAsync(null, CancellationToken.None);
        }));
        await Ingesters.FlushAsync(null, CancellationToken.None).WaitAsync(s_longest);

        Assert.Equal(Traces(800), await FoundAsync(partitions, 800));
        Assert.Equal(800, _blocks.Blocks(TenantId.Single).Sum(static b => b.Traces));
        Assert.Equal(_log.CurrentSegment, _log.Released);
    }

    private BlockFlushQueue Flushes => _flushes!;

    private LocalIngesters Ingesters => _ingesters!;

    // One span each: trace n has span n.
    private static List<(TraceId Trace, ulong Span)> Traces(int count) => [.. Enumerable.Range(1, count).Select(static n => (new TraceId((ulong)n, (ulong)n * 7919), (ulong)n))];

    private static async Task<IngestResult> PushAsync(IngesterPartitions partitions, List<(TraceId Trace, ulong Span)> spans, TenantId? tenant = null, int nameLength = 0)
    {
        var batch = Requests.Batch(nameLength, spans);
        try
        {
            return await partitions.PushAsync(tenant ?? TenantId.Single, batch);
        }
        finally
        {
            batch.Release();
        }
    }

    private IngesterPartitions Open(IngesterOptions options, IWriteAheadLog log, TenantOverrides? overrides = null, BlockList? listOfQueue = null)
    {
        _flushes = new BlockFlushQueue(new BlockFlusher(_store, _time), listOfQueue ?? _blocks, _metrics, _time, NullLogger.Instance);
        _ingesters = new LocalIngesters(options, new StaticOverrides(overrides ?? new TenantOverrides()), log, _flushes, _metrics, _time, NullLogger.Instance);
        _opened.AddRange([_ingesters, _flushes]);
        return new IngesterPartitions(_ingesters, new BlockTraces(_blocks, new BlockReader(_store)));
    }

    private FileWriteAheadLog OpenLog() => FileWriteAheadLog.Open(new WalOptions { Path = Path.Combine(_folder, "wal") }, _metrics, TimeProvider.System, NullLogger.Instance);

    private async Task CloseAsync()
    {
        foreach (var opened in _opened)
            await opened.DisposeAsync();
        _opened.Clear();
    }

    // Answers may be held, which takes time.
    private async Task<T> WhileTimePassesAsync<T>(Task<T> task)
    {
        await WhileTimePassesAsync((Task)task);
        return await task;
    }

    private async Task WhileTimePassesAsync(Task task)
    {
        while (!task.IsCompleted)
        {
            _time.Advance(TimeSpan.FromMilliseconds(100));
            await Task.WhenAny(task, Task.Delay(1));
        }

        await task;
    }

    private void Tick() => _time.Advance(s_options.FlushCheckPeriod);

    // As a query finds it: in the partitions and in the listed blocks.
    private async Task<TraceSpans> FindAsync(IngesterPartitions partitions, TraceId trace, TenantId? tenant = null)
    {
        var query = new TraceQuery([partitions, new BlockTraces(_blocks, new BlockReader(_store))]);
        var answer = await query.FindAsync(tenant ?? TenantId.Single, trace, default, CancellationToken.None);
        Assert.Empty(answer.Problems);
        return answer.Spans;
    }

    private async Task<List<(TraceId Trace, ulong Span)>> FoundAsync(IngesterPartitions partitions, int traces, TenantId? tenant = null)
    {
        var found = new List<(TraceId, ulong)>();
        foreach (var (trace, _) in Traces(traces))
            found.AddRange((await FindAsync(partitions, trace, tenant)).Spans.Select(s => (trace, s.SpanId)));
        return found;
    }

    private static async Task<List<FoundSpan>> FoundHereAsync(IngesterPartitions partitions, int traces)
    {
        var found = new List<FoundSpan>();
        foreach (var (trace, _) in Traces(traces))
        {
            var spans = new TraceSpans(trace);
            await partitions.FindAsync(TenantId.Single, trace, default, spans, [], CancellationToken.None);
            found.AddRange(spans.Spans);
        }

        return found;
    }
}
