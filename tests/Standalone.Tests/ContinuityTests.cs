using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using OrleansTempo.Core;
using OrleansTempo.Core.Generator;
using OrleansTempo.Core.Overrides;
using OrleansTempo.Core.Storage;
using OrleansTempo.Core.Tests;

namespace OrleansTempo.Standalone.Tests;

/// <summary>One process after another on the same object store; one that is left without a stop has died.</summary>
public sealed class ContinuityTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("orleanstempo-");
    private readonly ManualTimeProvider _time = new();
    private readonly TempoMetrics _metrics = new();
    private readonly MetricValues _counters;
    private readonly Entered _log = new();
    private readonly FileObjectStore _files;
    private readonly FaultyObjectStore _store;
    private readonly List<GeneratorMailboxes> _opened = [];

    public ContinuityTests()
    {
        _counters = new MetricValues(_metrics);
        _files = new FileObjectStore(_folder.FullName, TimeProvider.System, NullLogger.Instance);
        _store = new FaultyObjectStore(_files);
    }

    private IReadOnlyList<string> Objects =>
        [.. Directory.GetFiles(_folder.FullName, "*", SearchOption.AllDirectories)
            .Where(path => Path.GetRelativePath(_folder.FullName, path).StartsWith("generator-snapshots", StringComparison.Ordinal)).Order(StringComparer.Ordinal)];

    private string Claim => File.ReadAllText(Path.Combine(_folder.FullName, "generators", "single-tenant", "all"));

    private (double Restored, double Refused) Starts =>
        (_counters["tempo_metrics_generator_snapshots_restored_total"], _counters["tempo_metrics_generator_snapshots_refused_total"]);

    public void Dispose()
    {
        _opened.ForEach(static o => o.Dispose());
        _files.Dispose();
        _counters.Dispose();
        _metrics.Dispose();
        _folder.Delete(recursive: true);
    }

    [Fact]
    public async Task The_mailboxes_of_the_next_process_go_on_where_those_of_the_last_were_stopped()
    {
        var first = await OpenAsync();
        for (var i = 0; i < 3; i++)
            GeneratorMailboxesTests.Offer(first);
        await first.StopAsync();
        Assert.Single(Objects);

        // Open before anything comes.
        var second = await OpenAsync();
        Assert.Equal((1, 0), Starts);
        Assert.Empty(Objects);
        var calls = new Calls();
        Assert.True(await second.VisitAsync(TenantId.Single, calls, CancellationToken.None));
        Assert.Equal(3, calls.Sum);
        GeneratorMailboxesTests.Offer(second);
        await second.StopAsync();

        var third = await OpenAsync(SnapshotMode.Off);
        Assert.Empty(Objects);
        GeneratorMailboxesTests.Offer(third);
        await third.StopAsync();
        Assert.Empty(Objects);
        Assert.Contains("\"state\":\"ended\"", Claim, StringComparison.Ordinal);
        Assert.Equal((1, 0), Starts);
    }

    [Fact]
    public async Task What_was_left_is_used_once_and_a_process_that_dies_leaves_nothing()
    {
        await (await StartAsync()).StopAsync(pushes: 3);
        var second = await StartAsync();
        Assert.Equal(3, second.Calls);
        second.Push(1);
        second.Generator.Collect(new Calls());

        var third = await StartAsync();
        Assert.Equal(0, third.Calls);
        Assert.Equal((1, 1), Starts);
        Assert.Equal(["metrics-generator of tenant single-tenant: counters begin again at 0: the process before did not stop in order, and it left no snapshot"], _log.Entries);
    }

    [Fact]
    public async Task With_every_collection_a_process_that_dies_has_left_all_that_it_collected()
    {
        var first = await StartAsync(SnapshotMode.EveryCollection);
        for (var i = 1; i <= 3; i++)
        {
            first.Push(i);
            await first.CollectAsync();
        }

        first.Push(100);
        var second = await StartAsync(SnapshotMode.EveryCollection);
        Assert.Equal(6, second.Calls);
        Assert.Equal(first.Generator.LastCollectionMs, second.Generator.LastCollectionMs);
        await second.CollectAsync();
        Assert.Single(Objects);

        var third = await StartAsync(SnapshotMode.EveryCollection);
        Assert.Equal(6, third.Calls);
        await third.StopAsync(pushes: 1);
        Assert.Equal(7, (await StartAsync()).Calls);
        Assert.Equal((3, 0), Starts);
        Assert.Empty(_log.Entries);
    }

    [Theory]
    [InlineData("damaged", "the snapshot is damaged: its checksum is not that of its bytes")]
    [InlineData("gone", "it left no snapshot")]
    [InlineData("older", "it is of the collection at 1780000000000, and what was collected at 1780000001000 may have been sent")]
    [InlineData("unreadable claim", "the process before did not stop in order, and it left no snapshot")]
    public async Task What_is_not_as_it_was_left_is_refused_with_the_reason(string what, string reason)
    {
        await (await StartAsync()).StopAsync(pushes: 3);
        var older = await File.ReadAllBytesAsync(Objects[0]);
        _time.Advance(TimeSpan.FromSeconds(1));
        await (await StartAsync()).StopAsync(pushes: 1);
        var bytes = await File.ReadAllBytesAsync(Objects[0]);
        bytes[^20] ^= 1;
        if (what == "gone")
            File.Delete(Objects[0]);
        else if (what == "unreadable claim")
            await _files.PutAsync("generators/single-tenant/all", "{"u8.ToArray());
        else
            await File.WriteAllBytesAsync(Objects[0], what == "older" ? older : bytes);

        var last = await StartAsync();
        Assert.Equal((0, (1, 1)), (last.Calls, Starts));
        Assert.Equal(["metrics-generator of tenant single-tenant: counters begin again at 0: " + reason], _log.Entries);
        Assert.Empty(Objects);
        Assert.Equal(what == "unreadable claim" ? 0 : _time.NowMs, last.Generator.LastCollectionMs);
    }

    [Fact]
    public async Task What_cannot_be_kept_before_it_is_sent_is_sent_when_the_claim_says_so()
    {
        var first = await StartAsync(SnapshotMode.EveryCollection);
        first.Push(1);
        await first.CollectAsync();
        _time.Advance(TimeSpan.FromSeconds(15));
        _store.Before = static _ => throw new IOException("the disk is full");
        first.Push(1);
        await first.CollectAsync();
        Assert.Equal(1, _counters["tempo_metrics_generator_snapshot_failures_total"]);
        Assert.Contains("the disk is full", Assert.Single(_log.Entries), StringComparison.Ordinal);

        var second = await StartAsync();
        Assert.Equal((0, (0, 1)), (second.Calls, Starts));
        Assert.Contains("may have been sent", _log.Entries[^1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task While_nothing_at_all_can_be_written_nothing_is_sent()
    {
        var first = await StartAsync(SnapshotMode.EveryCollection);
        first.Push(1);
        await first.CollectAsync();
        var isFull = true;
        _store.Before = _ => isFull ? throw new IOException("the disk is full") : Task.CompletedTask;
        _store.BeforeConditional = _store.Before;
        first.Push(1);
        var collectionMs = first.Generator.Collect(new Calls());
        var persisting = first.Continuity.PersistAsync(first.Continuity.Record(first.Generator), collectionMs, CancellationToken.None);
        for (var i = 0; i < 10; i++)
            await _time.PassAsync(TimeSpan.FromSeconds(1));
        await _time.TimerOf(TimeSpan.FromSeconds(1));
        Assert.False(persisting.IsCompleted);
        Assert.Contains("nothing is sent until it can", _log.Entries[^1], StringComparison.Ordinal);
        isFull = false;
        await _time.PassAsync(TimeSpan.FromSeconds(1));
        await persisting;
        _store.Before = null;
        await first.CollectAsync();

        Assert.Equal(2, (await StartAsync()).Calls);
    }

    [Fact]
    public async Task A_stop_that_cannot_keep_the_series_says_so()
    {
        var first = await StartAsync();
        _store.Before = static _ => throw new IOException("the disk is full");
        await first.StopAsync(pushes: 1);
        Assert.Equal(
            ["metrics-generator of tenant single-tenant: its 1 series could not be kept for the next start, and its counters begin again at 0: the disk is full"],
            _log.Entries);
        Assert.Equal(0, (await StartAsync()).Calls);

        var second = await StartAsync();
        _store.Before = null;
        second.Push(1);
        second.Generator.Collect(new Calls());
        await second.Continuity.StopAsync(second.Generator, new CancellationToken(canceled: true));
        Assert.Contains("the time to stop in is over", _log.Entries[^1], StringComparison.Ordinal);
        Assert.Equal(0, (await StartAsync()).Calls);
    }

    [Fact]
    public async Task A_claim_that_cannot_be_taken_does_not_keep_the_next_process_from_starting()
    {
        var first = await OpenAsync();
        GeneratorMailboxesTests.Offer(first);
        await first.StopAsync();
        _store.BeforeConditional = static _ => throw new IOException("the disk is full");

        await OpenAsync();

        Assert.Equal((0, 0), Starts);
        Assert.Single(Objects);
        _store.BeforeConditional = null;
    }

    private async Task<GeneratorMailboxes> OpenAsync(SnapshotMode mode = SnapshotMode.OnStop)
    {
        var mailboxes = new GeneratorMailboxes(
            new MetricsGeneratorOptions { Snapshot = mode },
            new StaticOverrides(new TenantOverrides { MetricsGenerator = new MetricsGeneratorOverrides { Processors = ["span-metrics-count"] } }),
            _store,
            _metrics,
            TimeProvider.System,
            _log);
        _opened.Add(mailboxes);
        await mailboxes.RestoreAsync();
        return mailboxes;
    }

    private async Task<Life> StartAsync(SnapshotMode mode = SnapshotMode.OnStop)
    {
        var life = new Life(this, mode);
        await life.Continuity.TakeAsync();
        life.Continuity.Restore(life.Generator);
        return life;
    }

    private sealed class Life(ContinuityTests world, SnapshotMode mode)
    {
        public GeneratorContinuity Continuity { get; } = new(world._store, TenantId.Single, mode, world._metrics, world._time, world._log);

        public TenantGenerator Generator { get; } = new(TenantId.Single, new GeneratorSettings { SpanMetricsCount = true }, world._metrics, world._time);

        public double Calls
        {
            get
            {
                var calls = new Calls();
                Generator.Visit(calls);
                return calls.Sum;
            }
        }

        public void Push(int spans)
        {
            for (var i = 0; i < spans; i++)
            {
                var batch = GeneratorMailboxesTests.Batch(world._time.NowMs);
                Generator.Push(batch);
                batch.Release();
            }
        }

        /// <summary>Returns when it may be sent; the waits between attempts pass by themselves, until there is nothing but the claim to wait for.</summary>
        public async Task CollectAsync()
        {
            var collectionMs = Generator.Collect(new Calls());
            var persisting = Continuity.PersistAsync(Continuity.Record(Generator), collectionMs, CancellationToken.None);
            for (var i = 0; i < 2 && world._store.Before is not null; i++)
                await world._time.PassAsync(TimeSpan.FromSeconds(1));
            await persisting;
            await Continuity.TidyAsync(CancellationToken.None);
        }

        public async Task StopAsync(int pushes)
        {
            Push(pushes);
            Generator.Collect(new Calls());
            var stopping = Continuity.StopAsync(Generator, CancellationToken.None);
            for (var i = 0; i < 2 && world._store.Before is not null; i++)
                await world._time.PassAsync(TimeSpan.FromSeconds(1));
            await stopping;
        }
    }

    private sealed class Calls : ISeriesVisitor
    {
        public double Sum { get; private set; }

        public void Visit(in SeriesPoint point) => Sum += point.Value;
    }

    private sealed class Entered : ILogger
    {
        private readonly List<string> _entries = [];

        /// <summary>Warnings and errors.</summary>
        public IReadOnlyList<string> Entries
        {
            get
            {
                lock (_entries)
                    return [.. _entries];
            }
        }

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (!IsEnabled(logLevel))
                return;
            lock (_entries)
                _entries.Add(formatter(state, exception));
        }
    }
}
