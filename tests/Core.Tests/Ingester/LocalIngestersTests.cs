using Microsoft.Extensions.Logging.Abstractions;
using OrleansTempo.Core.Blocks.Format;
using OrleansTempo.Core.Blocks.List;
using OrleansTempo.Core.Configuration.Ingester;
using OrleansTempo.Core.Configuration.Overrides;
using OrleansTempo.Core.Configuration.Storage;
using OrleansTempo.Core.Distributor;
using OrleansTempo.Core.Ingester;
using OrleansTempo.Core.Ingester.Flush;
using OrleansTempo.Core.Ingester.Log;
using OrleansTempo.Core.Otlp;
using OrleansTempo.Core.Overrides;
using OrleansTempo.Core.Querier.Traces;
using OrleansTempo.Core.Tests.Blocks;
using OrleansTempo.Core.Tests.Ingester.Log;
using OrleansTempo.Core.Tests.Objects;
using OrleansTempo.Core.Tests.Otlp;

namespace OrleansTempo.Core.Tests.Ingester;

public sealed class LocalIngestersTests : IAsyncDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_longest = TimeSpan.FromSeconds(30);
    private static readonly IngesterOptions s_options = new();

    private readonly string _folder = Directory.CreateTempSubdirectory("ingesters").FullName;
    private readonly ManualTimeProvider _time = new();
    private readonly TempoMetrics _metrics = new();
    private readonly MetricValues _values;
    private readonly RecordingLog _log = new();
    private readonly InMemoryObjectStore _store;
    private readonly List<IAsyncDisposable> _opened = [];
    private BlockList _blocks;
    private BlockFlushQueue? _flushes;
    private LocalIngesters? _ingesters;
    private Partitions _remote = null!;

    // Partitions that have been pushed to are open here.
    private readonly HashSet<(LocalIngesters Ingesters, TenantId Tenant)> _known = [];

    public LocalIngestersTests()
    {
        _values = new MetricValues(_metrics);
        _store = new InMemoryObjectStore(_time);
        _blocks = new BlockList(_store, _metrics, _time, NullLogger.Instance);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var opened in _opened)
            await opened.DisposeAsync();
        _values.Dispose();
        _metrics.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task Pushed_spans_are_found_at_once_and_after_a_flush()
    {
        var ingesters = Open(s_options, _log);
        await ReplayAsync(ingesters);
        await PushAsync(ingesters, Traces(200));

        Assert.Equal(Traces(200), await FoundAsync(ingesters, 200));
        Assert.Equal(1, _log.Appended);
        Assert.True(await Ingesters.FlushAsync(null, CancellationToken.None));

        Assert.Equal(Traces(200), await FoundAsync(ingesters, 200));
        Assert.Equal(8, _blocks.Blocks(TenantId.Single).Count);
        Assert.Equal(8, _values["tempo_ingester_blocks_flushed_total"]);
        Assert.Equal(200, _blocks.Blocks(TenantId.Single).Sum(static b => b.Traces));
    }

    [Fact]
    public async Task Tenants_have_partitions_and_blocks_of_their_own()
    {
        var ingesters = Open(s_options, _log);
        Assert.True(TenantId.TryParse("other", out var other, out _));
        await PushAsync(ingesters, Traces(20));

        Assert.Empty(await FoundAsync(ingesters, 20, other));
        Assert.False(await Ingesters.FlushAsync(other, CancellationToken.None));
        await PushAsync(ingesters, Traces(5), other);
        Assert.True(await Ingesters.FlushAsync(other, CancellationToken.None));

        Assert.Empty(_blocks.Blocks(TenantId.Single));
        Assert.Equal(Traces(5), await FoundAsync(ingesters, 20, other));
        Assert.Equal(Traces(20), await FoundAsync(ingesters, 20));
    }

    [Fact]
    public async Task A_store_that_fails_a_few_times_loses_nothing()
    {
        var ingesters = Open(s_options with { Partitions = 1 }, _log);
        await ReplayAsync(ingesters);
        await PushAsync(ingesters, Traces(50));
        _log.CurrentSegment = 4;
        var failures = 0;
        BeforeWrites = name => (name.EndsWith("meta.json", StringComparison.Ordinal) ? failures < 4 : failures < 2) && ++failures > 0 ? throw new IOException("full") : Task.CompletedTask;

        var flush = Ingesters.FlushAsync(null, CancellationToken.None);
        foreach (var backoff in (double[])[0.5, 1, 2, 4])
        {
            await _time.TimerOf(TimeSpan.FromSeconds(backoff));
            Assert.False(flush.IsCompleted);
            Assert.Equal(Traces(50), await FoundAsync(ingesters, 50));
            Assert.InRange(_log.Released, 0, 1);
            _time.Advance(TimeSpan.FromSeconds(backoff));
        }

        await flush.WaitAsync(s_longest);
        Assert.Equal((4, 1), (_values["tempo_ingester_failed_flushes_total"], _values["tempo_ingester_blocks_flushed_total"]));
        Assert.Equal(4, _log.Released);
        Assert.Single(_blocks.Blocks(TenantId.Single));
        Assert.Equal(Traces(50), await FoundAsync(ingesters, 50));
    }

    [Fact]
    public async Task The_log_is_released_up_to_the_first_span_that_is_in_no_block()
    {
        var ingesters = Open(s_options, _log);
        await PushAsync(ingesters, Traces(10));
        _log.CurrentSegment = 2;
        Tick();

        // Nothing is released before the replay: nobody knows yet what the log holds.
        Assert.Equal(0, _log.Released);
        await ReplayAsync(ingesters);
        Tick();
        Assert.Equal(1, _log.Released);

        await PushAsync(ingesters, [.. Traces(30).Skip(10)]);
        _log.CurrentSegment = 5;
        await Ingesters.FlushAsync(null, CancellationToken.None);
        Assert.Equal(5, _log.Released);

        await PushAsync(ingesters, Traces(1));
        _log.CurrentSegment = 9;
        Tick();
        Assert.Equal(5, _log.Released);
    }

    [Fact]
    public async Task Unflushed_spans_are_replayed_into_any_number_of_partitions()
    {
        await using (var log = OpenLog())
        {
            var ingesters = Open(s_options, log);
            await ReplayAsync(ingesters);
            await PushAsync(ingesters, Traces(200));
            await CloseAsync();
        }

        _blocks = new BlockList(_store, _metrics, _time, NullLogger.Instance);
        await using (var log = OpenLog())
        {
            var ingesters = Open(s_options with { Partitions = 3 }, log);
            var replay = await ReplayAsync(ingesters);
            Assert.Equal((1, 0), (replay.Records, replay.CorruptRecords));
            Assert.Equal(Traces(200), await FoundAsync(ingesters, 200));
            await PushAsync(ingesters, Traces(300)[200..]);
            await Ingesters.FlushAsync(null, CancellationToken.None);
            Assert.Equal(3, _blocks.Blocks(TenantId.Single).Count);
            await CloseAsync();
        }

        // Everything is in blocks, so the log is empty.
        await using (var log = OpenLog())
        {
            var ingesters = Open(s_options with { Partitions = 5 }, log);
            Assert.Equal(0, (await ReplayAsync(ingesters)).Records);
            Assert.Equal(Traces(300), await FoundAsync(ingesters, 300));
            await CloseAsync();
        }
    }

    [Fact]
    public async Task Spans_held_by_both_a_block_and_the_log_are_found_once()
    {
        await using (var log = OpenLog())
        {
            var ingesters = Open(s_options, log);
            await PushAsync(ingesters, Traces(100));

            // Not replayed, so that the log is kept as after a crash.
            await Ingesters.FlushAsync(null, CancellationToken.None);
            await CloseAsync();
        }

        await using var next = OpenLog();
        var again = Open(s_options with { Partitions = 2 }, next);
        Assert.Equal(1, (await ReplayAsync(again)).Records);
        Assert.Equal(Traces(100), await FoundAsync(again, 100));
        await CloseAsync();
    }

    [Fact]
    public async Task When_memory_is_full_pushes_wait_then_are_refused_and_continue_when_there_is_room()
    {
        var ingesters = Open(s_options with { MaxMemoryBytes = 200_000 }, _log);
        var store = new TaskCompletionSource();
        BeforeWrites = _ => store.Task;

        // The first push fills the memory and is answered late; most of it is cut at once and waits for the store.
        var first = PushAsync(ingesters, Traces(100), stateLength: 3000);
        await _time.PassAsync(TimeSpan.FromMilliseconds(100));
        Assert.Equal(default, await first.WaitAsync(s_longest));

        var refused = PushAsync(ingesters, Traces(101)[100..]);
        await _time.TimerOf(s_patience);
        Assert.False(refused.IsCompleted);
        _time.Advance(s_patience);
        Assert.Contains("the maximum is 200000 (ingester.max_memory_bytes)", (await refused.WaitAsync(s_longest)).Unavailable);
        Assert.Equal(1, _log.Appended);
        Assert.Empty((await FindAsync(ingesters, Traces(101)[100].Trace)).Spans);

        var waiting = PushAsync(ingesters, Traces(101)[100..]);
        await _time.TimerOf(s_patience);
        store.SetResult();
        await Flushes.WrittenAsync(static _ => true).WaitAsync(s_longest);
        Assert.Null((await WhileTimePassesAsync(waiting)).Unavailable);
        Assert.Equal(2, _log.Appended);
        Assert.Equal(Traces(101), await FoundAsync(ingesters, 101));
    }

    [Fact]
    public async Task When_memory_is_short_blocks_are_cut_before_they_are_due()
    {
        var ingesters = Open(s_options with { MaxMemoryBytes = 2_000_000 }, _log);
        for (var i = 0; i < 400; i += 10)
            Assert.Equal(default, await WhileTimePassesAsync(PushAsync(ingesters, Traces(i + 10)[i..], stateLength: 3000)));
        await Flushes.WrittenAsync(static _ => true).WaitAsync(s_longest);

        Assert.NotEmpty(_blocks.Blocks(TenantId.Single));
        Assert.Equal(Traces(400), await FoundAsync(ingesters, 400));
    }

    [Fact]
    public async Task A_log_that_cannot_be_written_makes_the_ingesters_unavailable_and_a_retry_stores_nothing_twice()
    {
        var ingesters = Open(s_options, _log);
        _log.Failure = new IOException("no space left");

        Assert.Equal("the spans could not be logged: no space left", (await PushAsync(ingesters, Traces(10))).Unavailable);

        _log.Failure = null;
        Assert.Equal(default, await PushAsync(ingesters, Traces(10)));
        Assert.Equal(Traces(10), await FoundAsync(ingesters, 10));
    }

    [Fact]
    public async Task What_would_wait_for_the_log_in_vain_is_refused_before_it_is_indexed()
    {
        var ingesters = Open(s_options, _log);
        _log.Trouble = new WalTrouble("the object store has not answered for 2 s", TimeSpan.FromSeconds(2), StopsAppends: true);

        Assert.Equal("the write-ahead log of this silo cannot be written: the object store has not answered for 2 s; send the request again", (await PushAsync(ingesters, Traces(10))).Unavailable);
        Assert.Empty(await FoundAsync(ingesters, 10));
        Assert.Equal(0, _log.Appended);

        // A disk fails at once, and only a commit shows that it works again.
        _log.Trouble = _log.Trouble with { StopsAppends = false };
        Assert.Equal(default, await PushAsync(ingesters, Traces(10)));
    }

    [Fact]
    public async Task A_tenants_limit_covers_all_partitions_together_and_a_fully_refused_batch_is_not_logged()
    {
        var ingesters = Open(s_options, _log, new TenantOverrides { Ingestion = new IngestionOverrides { MaxTracesPerUser = 30 } });

        var result = await PushAsync(ingesters, Traces(100));

        Assert.Equal((70, 70), (result.Refusals!.LiveTracesExceeded.Count, result.Refusals.Count));
        Assert.Equal(1, _log.Appended);
        Assert.Equal(30, (await FoundAsync(ingesters, 100)).Count);
        Assert.Equal(20, (await PushAsync(ingesters, Traces(120)[100..])).Refusals!.LiveTracesExceeded.Count);
        Assert.Equal(1, _log.Appended);
    }

    [Fact]
    public async Task The_round_cuts_idle_traces_and_blocks_that_are_due_and_reports()
    {
        var ingesters = Open(s_options with { MaxBlockDuration = TimeSpan.FromMinutes(1) }, _log);
        await PushAsync(ingesters, Traces(40));
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
        var ingesters = Open(s_options with { MaxBlockDuration = TimeSpan.Zero }, _log);
        var store = new TaskCompletionSource();
        BeforeWrites = _ => store.Task;
        await PushAsync(ingesters, Traces(40));
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
        // The lookup asks another process's list, so to speak: nobody tells it of the block.
        var ingesters = Open(s_options, _log);
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
        Assert.Empty(await FoundHereAsync(ingesters, 3));
    }

    [Fact]
    public async Task A_closed_queue_drops_what_it_has_not_written()
    {
        var ingesters = Open(s_options, _log);
        BeforeWrites = static _ => throw new IOException("unplugged");
        await PushAsync(ingesters, Traces(40));
        var flush = Ingesters.FlushAsync(null, CancellationToken.None);
        await _time.TimerOf(TimeSpan.FromMilliseconds(500));

        await Flushes.DisposeAsync().AsTask().WaitAsync(s_longest);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => flush.WaitAsync(s_longest));
        Assert.Empty(_blocks.Blocks(TenantId.Single));
        Assert.Equal(Traces(40), await FoundAsync(ingesters, 40));

        // And it accepts nothing more.
        await PushAsync(ingesters, Traces(41));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Ingesters.FlushAsync(null, CancellationToken.None).WaitAsync(s_longest));
    }

    [Fact]
    public async Task Pushes_queries_rounds_and_flushes_at_the_same_time_lose_nothing()
    {
        var ingesters = Open(s_options with { MaxBlockDuration = TimeSpan.Zero }, _log);
        await ReplayAsync(ingesters);
        await WhileTimePassesAsync(Parallel.ForAsync(0, 80, async (i, _) =>
        {
            Assert.Null((await PushAsync(ingesters, Traces((i + 1) * 10)[(i * 10)..], stateLength: 500)).Unavailable);
            Assert.Single((await FindAsync(ingesters, Traces(800)[i * 10].Trace)).Spans);
            if (i % 20 == 0)
                await Ingesters.FlushAsync(null, CancellationToken.None);
        }));
        await Ingesters.FlushAsync(null, CancellationToken.None).WaitAsync(s_longest);

        Assert.Equal(Traces(800), await FoundAsync(ingesters, 800));
        Assert.Equal(800, _blocks.Blocks(TenantId.Single).Sum(static b => b.Traces));
        Assert.Equal(_log.CurrentSegment, _log.Released);
    }

    [Fact]
    public async Task Spans_of_partitions_that_are_elsewhere_are_indexed_and_logged_there_and_the_others_here()
    {
        var elsewhereLog = new RecordingLog();
        var elsewhere = Open(s_options, elsewhereLog);
        var here = Open(s_options, _log);
        _remote.PlaceOf = partition => partition % 2 == 0 ? here : elsewhere;

        Assert.Equal(default, await PushAsync(here, Traces(200)));

        Assert.Equal([1, 3, 5, 7], _remote.Asked.Order());
        Assert.Equal((1, 4), (_log.Appended, elsewhereLog.Appended));
        var (foundHere, foundThere) = (await FoundAsync(here, 200), await FoundAsync(elsewhere, 200));
        Assert.Equal(Traces(200), foundHere.Concat(foundThere).OrderBy(static s => s.Span));
        Assert.All(foundHere, static s => Assert.Equal(0, TraceSplit.PartitionOf(s.Trace, 8) % 2));
        Assert.Equal(foundHere.Select(static s => s.Span), Logged(_log));
        Assert.Equal(foundThere.Select(static s => s.Span), Logged(elsewhereLog));
    }

    [Fact]
    public async Task A_closed_partition_accepts_nothing_more_and_keeps_what_it_has()
    {
        var logThere = new RecordingLog();
        var there = Open(s_options with { Partitions = 1 }, logThere);
        var here = Open(s_options with { Partitions = 1 }, _log);
        await PushAsync(here, Traces(10));
        here.FindPartition(TenantId.Single, 0)!.Close();
        _remote.PlaceOf = _ => there;

        await PushAsync(here, Traces(20)[10..]);

        Assert.Equal(Traces(10), await FoundAsync(here, 20));
        Assert.Equal(Traces(20)[10..], await FoundAsync(there, 20));
        Assert.Equal(Traces(10).Select(static s => s.Span), Logged(_log));
        Assert.Equal(Traces(20)[10..].Select(static s => s.Span), Logged(logThere));
        using var late = Batch(Traces(21)[20..]);
        Assert.Contains("just moved to another silo; send the request again", (await here.PushAsync(TenantId.Single, 0, late.Batch, late.All, isReplayed: false)).Unavailable);
    }

    [Fact]
    public async Task An_unreachable_partition_makes_the_push_unavailable_and_a_retry_stores_nothing_twice()
    {
        var here = Open(s_options, _log);
        _remote.PlaceOf = static _ => null!;
        _remote.Unreachable = "cannot reach the ingester";
        Assert.Equal("cannot reach the ingester", (await PushAsync(here, Traces(50))).Unavailable);
        _remote.Unreachable = null;
        _remote.PlaceOf = _ => here;

        Assert.Equal(default, await PushAsync(here, Traces(50)));

        Assert.Equal(Traces(50), await FoundAsync(here, 50));
    }

    [Fact]
    public async Task Refusals_of_all_partitions_name_places_in_the_batch()
    {
        var limits = new TenantOverrides { Ingestion = new IngestionOverrides { MaxTracesPerUser = 10 } };
        var elsewhere = Open(s_options, new RecordingLog(), limits);
        var here = Open(s_options, _log, limits);
        _remote.PlaceOf = partition => partition % 2 == 0 ? here : elsewhere;

        // By two processes, each with a limit of its own.
        var refused = (await PushAsync(here, Traces(100))).Refusals!;

        var kept = (await FoundAsync(here, 100)).Concat(await FoundAsync(elsewhere, 100)).Select(static s => (int)s.Span - 1).ToList();
        Assert.Equal(20, kept.Count);
        Assert.Equal(Enumerable.Range(0, 100).Except(kept).Order(), refused.LiveTracesExceeded.Order());
    }

    [Fact]
    public async Task A_replay_indexes_with_the_records_own_segments_and_logs_nothing_here()
    {
        var elsewhereLog = new RecordingLog();
        var elsewhere = Open(s_options, elsewhereLog);
        var here = Open(s_options, _log, new TenantOverrides { Ingestion = new IngestionOverrides { MaxTracesPerUser = 1 } });
        _remote.PlaceOf = partition => partition == 3 ? elsewhere : here;
        _log.CurrentSegment = 9;
        _log.Records.AddRange([Record(4, Traces(100)), Record(7, Traces(200)[100..])]);

        Assert.Equal(2, (await ReplayAsync(here)).Records);

        Assert.Equal(Traces(200), (await FoundAsync(here, 200)).Concat(await FoundAsync(elsewhere, 200)).OrderBy(static s => s.Span));
        Assert.Equal((0, 2), (_log.Appended, elsewhereLog.Appended));
        Tick();
        Assert.Equal(4, _log.Released);
        await here.FlushAsync(null, CancellationToken.None);
        Assert.Equal(9, _log.Released);
    }

    [Fact]
    public async Task A_replay_that_cannot_hand_over_spans_of_other_processes_fails_and_releases_nothing()
    {
        var here = Open(s_options, _log);
        _remote.Unreachable = "cannot reach the ingester";
        _log.CurrentSegment = 9;
        _log.Records.Add(Record(4, Traces(10)));

        await Assert.ThrowsAsync<IOException>(() => ReplayAsync(here));

        Tick();
        Assert.Equal(0, _log.Released);
    }

    [Fact]
    public async Task Adopted_spans_are_logged_here_and_no_limit_refuses_them()
    {
        var here = Open(s_options, _log, new TenantOverrides { Ingestion = new IngestionOverrides { MaxTracesPerUser = 1 } });

        await here.AdoptAsync(Record(4, Traces(100)), here.Partitions, _remote);

        Assert.Equal(Traces(100), await FoundAsync(here, 100));
        Assert.Equal(Traces(100).Select(static s => s.Span), Logged(_log));
        _log.Failure = new IOException("full");
        await Assert.ThrowsAsync<IOException>(() => here.AdoptAsync(Record(5, Traces(1)), here.Partitions, _remote).AsTask());
    }

    private static WalRecord Record(long segment, List<(TraceId Trace, ulong Span)> spans)
    {
        using var batch = Batch(spans);
        return new WalRecord(segment, TenantId.Single, batch.Batch.Memory.ToArray());
    }

    private static IEnumerable<ulong> Logged(RecordingLog log) => log.Requests.SelectMany(static r => SentSpan.AllOf(r).Select(static s => s.Key.SpanId)).Order();

    [Fact]
    public async Task A_tenant_is_forgotten_when_everything_is_in_blocks_and_its_partitions_are_closed()
    {
        var ingesters = Open(s_options, _log);
        await PushAsync(ingesters, Traces(3));
        var partitions = Enumerable.Range(0, ingesters.Partitions).Select(p => ingesters.FindPartition(TenantId.Single, p)!).ToList();
        Assert.True(await ingesters.FlushAsync(TenantId.Single, CancellationToken.None));
        foreach (var partition in partitions)
            partition.Close();
        Tick();
        Assert.NotNull(ingesters.FindPartition(TenantId.Single, 0));

        _time.Advance(s_options.CompleteBlockTimeout);

        Assert.Null(ingesters.FindPartition(TenantId.Single, 0));
        Assert.False(await ingesters.FlushAsync(TenantId.Single, CancellationToken.None));

        // And it starts afresh.
        Assert.NotSame(partitions[0], ingesters.Open(TenantId.Single, 0));
        Assert.Equal(3, _values["tempo_ingester_traces_created_total"]);
        await PushAsync(ingesters, Traces(4));
        Tick();
        Assert.Equal(7, _values["tempo_ingester_traces_created_total"]);
    }

    [Fact]
    public async Task A_tenant_with_an_open_partition_or_a_recent_block_is_not_forgotten()
    {
        var ingesters = Open(s_options, _log);
        await PushAsync(ingesters, Traces(1));
        await ingesters.FlushAsync(TenantId.Single, CancellationToken.None);
        _time.Advance(s_options.CompleteBlockTimeout + s_options.FlushCheckPeriod);
        Assert.NotNull(ingesters.FindPartition(TenantId.Single, 0));

        await PushAsync(ingesters, Traces(1));
        ingesters.FindPartition(TenantId.Single, 0)!.Close();
        Tick();

        Assert.NotNull(ingesters.FindPartition(TenantId.Single, 0));
    }

    private BlockFlushQueue Flushes => _flushes!;

    private LocalIngesters Ingesters => _ingesters!;

    // One span each: trace n has span n.
    private static List<(TraceId Trace, ulong Span)> Traces(int count) => [.. Enumerable.Range(1, count).Select(static n => (new TraceId((ulong)n, (ulong)n * 7919), (ulong)n))];

    private Func<string, Task> BeforeWrites { set => _store.Before = (operation, name) => operation is "Put" or "Create" ? value(name) : Task.CompletedTask; }

    // Spread over all partitions.
    private async Task<IngestOutcome> PushAsync(LocalIngesters ingesters, List<(TraceId Trace, ulong Span)> spans, TenantId? tenant = null, int stateLength = 0)
    {
        using var batch = Batch(spans, stateLength);
        if (_known.Add((ingesters, tenant ?? TenantId.Single)))
        {
            foreach (var partition in Enumerable.Range(0, ingesters.Partitions).Where(partition => _remote.PlaceOf(partition) == ingesters))
                await _remote.OpenAsync(tenant ?? TenantId.Single, partition);
        }

        return await ingesters.PushAsync(tenant ?? TenantId.Single, batch.Batch, ingesters.Partitions, _remote);
    }

    private Task<ReplayResult> ReplayAsync(LocalIngesters ingesters) => ingesters.ReplayAsync(record => ingesters.ReplayAsync(record, ingesters.Partitions, _remote), CancellationToken.None);

    private static TestBatch Batch(IEnumerable<(TraceId Trace, ulong Span)> spans, int stateLength = 0) => TestBatch.Of(spans.Select(s =>
    {
        var span = TestBatch.Span(s.Trace, s.Span);
        span.TraceState = new string('s', stateLength);
        return span;
    }));

    // All its partitions are here, opened on first use.
    private LocalIngesters Open(IngesterOptions options, IWriteAheadLog log, TenantOverrides? overrides = null, BlockList? listOfQueue = null)
    {
        _flushes = new BlockFlushQueue(new BlockFlusher(_store, _time), listOfQueue ?? _blocks, _metrics, _time, NullLogger.Instance);
        var ingesters = _ingesters = new LocalIngesters(options, new StaticOverrides(overrides ?? new TenantOverrides()), log, _flushes, _metrics, _time, NullLogger.Instance);
        _opened.AddRange([_ingesters, _flushes]);
        _remote = new Partitions { PlaceOf = _ => ingesters };
        return ingesters;
    }

    private FileWriteAheadLog OpenLog() => FileWriteAheadLog.Open(new WalOptions { Path = Path.Combine(_folder, "wal") }, _metrics, TimeProvider.System, NullLogger.Instance);

    private async Task CloseAsync()
    {
        foreach (var opened in _opened)
            await opened.DisposeAsync();
        _opened.Clear();
    }

    // Answers may be delayed, which takes time.
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

    // As a query would find it: in the partitions and in the listed blocks.
    private async Task<TraceSpans> FindAsync(LocalIngesters ingesters, TraceId trace, TenantId? tenant = null)
    {
        var spans = new TraceSpans(trace);
        await FindHereAsync(ingesters, spans, tenant ?? TenantId.Single);
        var problems = new List<string>();
        await new BlockTraces(_blocks, new BlockReader(_store)).FindAsync(tenant ?? TenantId.Single, trace, default, spans, problems, CancellationToken.None);
        Assert.Empty(problems);
        return spans;
    }

    private async Task<List<(TraceId Trace, ulong Span)>> FoundAsync(LocalIngesters ingesters, int traces, TenantId? tenant = null)
    {
        var found = new List<(TraceId, ulong)>();
        foreach (var (trace, _) in Traces(traces))
            found.AddRange((await FindAsync(ingesters, trace, tenant)).Spans.Select(s => (trace, s.SpanId)));
        return found;
    }

    private async Task<List<FoundSpan>> FoundHereAsync(LocalIngesters ingesters, int traces)
    {
        var found = new List<FoundSpan>();
        foreach (var (trace, _) in Traces(traces))
        {
            var spans = new TraceSpans(trace);
            await FindHereAsync(ingesters, spans, TenantId.Single);
            found.AddRange(spans.Spans);
        }

        return found;
    }

    private async Task FindHereAsync(LocalIngesters ingesters, TraceSpans into, TenantId tenant)
    {
        foreach (var partition in PartitionSpread.Candidates(into.TraceId, ingesters.Partitions))
        {
            if (ingesters.FindPartition(tenant, partition) is { } known)
                await new BlockTraces(_blocks, new BlockReader(_store)).FindUnlistedAsync(known.Find(into.TraceId, into), into.TraceId, into, CancellationToken.None);
        }
    }
}
