using Microsoft.Extensions.Logging;
using OrleansTempo.Core;
using OrleansTempo.Core.Blocks.Compaction;
using OrleansTempo.Core.Blocks.Format;
using OrleansTempo.Core.Blocks.List;
using OrleansTempo.Core.Configuration;
using OrleansTempo.Core.Configuration.Compactor;
using OrleansTempo.Core.Configuration.Overrides;
using OrleansTempo.Core.Configuration.Storage;
using OrleansTempo.Core.Distributor;
using OrleansTempo.Core.Ingester;
using OrleansTempo.Core.Ingester.Flush;
using OrleansTempo.Core.Ingester.Log;
using OrleansTempo.Core.Objects;
using OrleansTempo.Core.Overrides;
using OrleansTempo.Core.Querier.Traces;
using OrleansTempo.Server.Ports;

namespace OrleansTempo.Server.Traces;

/// <summary>
/// Stores and finds traces: the write-ahead log, the ingesters, the blocks, and the background loops for them.
/// <code>
///   start:  open ─► list the blocks ─► replay own log ─► adopt logs of dead processes, or of the other type ─► ready for pushes
///           then: poll, adopt, compact
///   stop:   no more pushes ─► if configured: everything into blocks ─► close the log
/// </code>
/// </summary>
public sealed partial class TraceStore : ITraceQuery, IIngesterAdmin, IAsyncDisposable
{
    private static readonly TimeSpan s_adoptionPeriod = TimeSpan.FromSeconds(10);

    // While a log is not adopted, its spans cannot be found.
    private static readonly TimeSpan s_hurriedPeriod = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan s_clockPeriod = TimeSpan.FromSeconds(10);

    // At most 50 puts a second, and still some 40 answers for each caller of a store that takes 20 ms.
    private static readonly TimeSpan s_paidCommitInterval = TimeSpan.FromMilliseconds(20);

    private readonly WalIdentity _identity;
    private readonly IWriteAheadLog _log;
    private readonly OrphanedStreams _orphans;
    private readonly BlockFlushQueue _flushes;
    private readonly Compactor _compactor;
    private readonly TraceStorageOptions _options;
    private readonly IOverrides _overrides;
    private readonly TimeProvider _time;
    private readonly ClockWatch _clock;
    private readonly TempoMetrics _metrics;
    private readonly ILogger _logger;
    private readonly Action _requestStop;
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _deadGate = new();

    // Guarded by _deadGate: members that were declared dead, whose streams have not been looked for since.
    private readonly HashSet<string> _dead = [];
    private TaskCompletionSource _hurry = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task _loops = Task.CompletedTask;
    private bool _adoptionFails;
    private bool _filesAdopted;
    private volatile bool _flushOnStop;

    private TraceStore(
        TempoOptions options,
        IOverrides overrides,
        IObjectStore store,
        WalIdentity identity,
        IWriteAheadLog log,
        IRemotePartitions remote,
        Func<BlockTraces, ITraceSource> liveTraces,
        Action requestStop,
        TempoMetrics metrics,
        TimeProvider time,
        ILogger logger)
    {
        _options = options.Storage.Trace;
        _overrides = overrides;
        _identity = identity;
        _log = log;
        _filesAdopted = log is FileWriteAheadLog;
        _orphans = new OrphanedStreams(store, identity, (log as ObjectWriteAheadLog)?.Stream, metrics, time, logger);
        _metrics = metrics;
        _time = time;
        _clock = new ClockWatch(time, logger);
        _logger = logger;
        _requestStop = requestStop;
        _flushOnStop = options.Ingester.FlushAllOnShutdown;
        Blocks = new BlockList(store, metrics, time, logger);
        _flushes = new BlockFlushQueue(new BlockFlusher(store, time), Blocks, metrics, time, logger);
        var reader = new BlockReader(store);
        var stored = new BlockTraces(Blocks, reader);
        Ingesters = new LocalIngesters(options.Ingester, overrides, log, _flushes, metrics, time, logger);
        Router = new TraceRouter(Ingesters, remote, time);
        Query = new TraceQuery([new UnadoptedLogs(Unadopted), liveTraces(stored), stored]);
        _compactor = new Compactor(
            store, Blocks, new BlockMerger(store, reader, time), options.Compactor, tenant => RetentionOf(options.Compactor, overrides.For(tenant)),
            tenant => overrides.For(tenant).Compaction.CompactionDisabled, metrics, time, logger, _clock);
    }

    /// <summary>The ingester partitions in this process.</summary>
    public LocalIngesters Ingesters { get; }

    /// <summary>The name of this process's stream of the write-ahead log in the object store; null if the log is in files.</summary>
    public string? LogStream => (_log as ObjectWriteAheadLog)?.Stream;

    /// <summary>Routes to all ingester partitions.</summary>
    public TraceRouter Router { get; }

    public BlockList Blocks { get; }

    /// <summary>Why the write-ahead log cannot be written at the moment; null while it can.</summary>
    public WalTrouble? LogTrouble => _log.Trouble;

    /// <summary>Completes, with the reason, if the log can never be written again: the process has to end.</summary>
    public Task<string> LogLost => _log.Lost;

    /// <summary>Finds traces in all partitions and blocks.</summary>
    public TraceQuery Query { get; }

    /// <summary>Opens the log, without reading any trace yet.</summary>
    /// <param name="options">The configuration.</param>
    /// <param name="isAlone">Whether this process is alone: by default, the log is then in files; otherwise it is in the object store, where others can find it.</param>
    /// <param name="overrides">The limits of each tenant.</param>
    /// <param name="store">The store with the blocks, and perhaps the log; the caller keeps ownership.</param>
    /// <param name="remote">Reaches ingester partitions that are not open in this process.</param>
    /// <param name="liveTraces">Creates the source of live traces of all processes, given the blocks.</param>
    /// <param name="requestStop">Requests a clean shutdown of the process, for <c>/shutdown</c>.</param>
    /// <param name="metrics">The process's own metrics.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">The process's log.</param>
    /// <param name="member">This process's place in its cluster; null if it is alone.</param>
    /// <exception cref="IOException">A directory or the store cannot be used, or another process uses the log.</exception>
    public static async Task<TraceStore> OpenAsync(
        TempoOptions options,
        bool isAlone,
        IOverrides overrides,
        IObjectStore store,
        IRemotePartitions remote,
        Func<BlockTraces, ITraceSource> liveTraces,
        Action requestStop,
        TempoMetrics metrics,
        TimeProvider time,
        ILogger logger,
        WalMember? member = null)
    {
        var wal = options.Storage.Trace.Wal;
        var inFiles = (wal.Type ?? (isAlone ? WalType.File : WalType.Object)) == WalType.File;

        // For a log in the object store, the directory only holds the identity, which is not essential.
        var identity = inFiles ? WalIdentity.Claim(wal.Path, logger, member) : WalIdentity.ClaimOrNone(wal.Path, logger, member);
        try
        {
            IWriteAheadLog log = inFiles
                ? FileWriteAheadLog.Open(identity, wal, metrics, time, logger)
                : await ObjectWriteAheadLog.OpenAsync(store, wal with { CommitInterval = wal.CommitInterval ?? UsualCommitInterval(options.Storage.Trace) }, identity, metrics, time, logger);
            return new TraceStore(options, overrides, store, identity, log, remote, liveTraces, requestStop, metrics, time, logger);
        }
        catch
        {
            identity.Dispose();
            throw;
        }
    }

    /// <summary>Lists the blocks, replays the log and adopts what other processes left; when it returns, pushes may come.</summary>
    /// <returns>False if it was cancelled before it completed; the next start replays the rest.</returns>
    public async Task<bool> StartAsync(CancellationToken cancellationToken)
    {
        _metrics.LiveStoreReady.Record(0);
        try
        {
            await Blocks.PollAsync(cancellationToken);
            var started = _time.GetTimestamp();
            await ReplayAsync(cancellationToken);
            _metrics.CatchUpDuration.Record(_time.GetElapsedTime(started).TotalSeconds);
            await AdoptAsync(cancellationToken);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return false;
        }

        _loops = Task.WhenAll(
            RepeatAsync(_options.BlocklistPoll, Blocks.PollAsync),
            KeepAdoptingAsync(),
            RepeatAsync(s_clockPeriod, LookAtClockAsync),
            Task.Run(() => _compactor.RunAsync(_stop.Token), CancellationToken.None));
        _metrics.LiveStoreReady.Record(1);
        return true;
    }

    public ValueTask<TraceAnswer> FindAsync(TenantId tenant, TraceId traceId, TraceRange range, CancellationToken cancellationToken) =>
        Query.FindAsync(tenant, traceId, range, cancellationToken);

    public bool Knows(TenantId tenant) => Ingesters.Knows(tenant) || Blocks.Knows(tenant) || _overrides.Knows(tenant);

    public Task<bool> FlushAsync(TenantId? tenant, CancellationToken cancellationToken) => Ingesters.FlushAsync(tenant, cancellationToken);

    /// <summary>Whether the write-ahead log can be written now; a log in the object store is tried.</summary>
    public async Task<bool> CanLogAsync() => _log is ObjectWriteAheadLog log ? await log.TryReachStoreAsync() : _log.Trouble is null;

    /// <summary>Whether the store that holds the write-ahead log answers within a moment; true for a log in files.</summary>
    public async Task<bool> CanReadLogAsync() => _log is not ObjectWriteAheadLog log || await log.TryReadStoreAsync();

    /// <summary>
    /// Tells that a member of the cluster was declared dead: its stream is adopted at once, by whoever is first, and until then queries say what they
    /// miss.
    /// </summary>
    public void NoteDead(string silo)
    {
        lock (_deadGate)
        {
            _dead.Add(silo);
            _hurry.TrySetResult();
        }
    }

    public Task ShutdownAsync(CancellationToken cancellationToken)
    {
        _flushOnStop = true;
        _requestStop();
        return Task.CompletedTask;
    }

    /// <summary>Called before this process leaves its cluster in order, while pushes may still come.</summary>
    public Task BeginLeavingAsync() => _log is ObjectWriteAheadLog log ? log.BeginLeavingAsync() : Task.CompletedTask;

    /// <summary>Called before the end, when no push comes any more: writes everything into blocks if configured; otherwise the next start finds it in the log.</summary>
    /// <param name="deadline">How long it may take; what is not in blocks by then stays in the log.</param>
    public async Task FinishAsync(TimeSpan deadline)
    {
        if (!_flushOnStop)
            return;
        using var timeout = new CancellationTokenSource(deadline, _time);
        try
        {
            await Ingesters.FlushAsync(null, timeout.Token);
        }
        catch (OperationCanceledException)
        {
            LogNotAllFlushed(_logger, deadline.TotalSeconds);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _loops;
        await Ingesters.DisposeAsync();
        await _flushes.DisposeAsync();
        await _log.DisposeAsync();
        _identity.Dispose();
        _stop.Dispose();
    }

    // Puts into a directory cost nothing.
    private static TimeSpan UsualCommitInterval(TraceStorageOptions storage) => storage.Backend == TraceStorageOptions.LocalBackend ? TimeSpan.Zero : s_paidCommitInterval;

    private static TimeSpan RetentionOf(CompactorOptions compactor, TenantOverrides tenant) =>
        tenant.Compaction.BlockRetention > TimeSpan.Zero ? tenant.Compaction.BlockRetention : compactor.BlockRetention;

    // The process is not ready without the replay. A record may have to go to another process that cannot be reached at the moment.
    private async Task ReplayAsync(CancellationToken cancellationToken)
    {
        var started = _time.GetTimestamp();
        var retry = new Retry(_time, s_adoptionPeriod);
        var replay = await retry.UntilDoneAsync(
            () => Ingesters.ReplayAsync(Router.ReplayAsync, cancellationToken), e => LogReplayFailed(_logger, e.Message, s_adoptionPeriod.TotalSeconds), cancellationToken);
        LogReplayed(replay, started);
    }

    // Adopts what a log in files left here if the log is now in the object store, and streams in the store whose processes are gone, on
    // this machine or another.
    private async Task AdoptAsync(CancellationToken cancellationToken)
    {
        try
        {
            if (!_filesAdopted)
            {
                var started = _time.GetTimestamp();
                LogReplayed(await LeftoverLogFiles.AdoptAsync(_identity, _options.Wal, Router.AdoptAsync, _metrics, _time, _logger, cancellationToken), started);
                _filesAdopted = true;
            }

            // Until none is left that this process can adopt; then those that it knew to be dead have been looked for.
            var looked = await LookForOrphansAsync(cancellationToken);
            while (looked.Count > 0)
            {
                foreach (var stream in looked)
                    await _orphans.AdoptAsync(stream, Router.AdoptAsync, cancellationToken);
                looked = await LookForOrphansAsync(cancellationToken);
            }

            _adoptionFails = false;
        }
        catch (IOException e)
        {
            if (!_adoptionFails)
                LogAdoptionFailed(_logger, e.Message, Period.TotalSeconds);
            _adoptionFails = true;
        }
    }

    private async Task<IReadOnlyList<string>> LookForOrphansAsync(CancellationToken cancellationToken)
    {
        string[] dead;
        lock (_deadGate)
            dead = [.. _dead];
        var orphans = await _orphans.ListAsync(cancellationToken);
        lock (_deadGate)
            _dead.ExceptWith(dead);
        return orphans;
    }

    private IReadOnlyList<string> Unadopted()
    {
        lock (_deadGate)
            return _dead.Count == 0 ? _orphans.Unadopted : [.. _orphans.Unadopted.Union(_dead)];
    }

    private TimeSpan Period => Unadopted().Count > 0 ? s_hurriedPeriod : s_adoptionPeriod;

    private async Task KeepAdoptingAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            Task hurry;
            lock (_deadGate)
                hurry = _hurry.Task;
            using (var waiting = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token))
            {
                await Task.WhenAny(Task.Delay(Period, _time, waiting.Token), hurry);
                await waiting.CancelAsync();
            }

            lock (_deadGate)
            {
                if (_hurry.Task.IsCompleted)
                    _hurry = new(TaskCreationOptions.RunContinuationsAsynchronously);
            }

            try
            {
                await AdoptAsync(_stop.Token);
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
            }
        }
    }

    private Task LookAtClockAsync(CancellationToken cancellationToken)
    {
        _clock.Check();
        return Task.CompletedTask;
    }

    private void LogReplayed(ReplayResult replay, long started)
    {
        if (replay.Segments > 0)
            LogReplayed(_logger, replay.Records, replay.Bytes, replay.Segments, _time.GetElapsedTime(started).TotalSeconds, replay.CorruptRecords, replay.TornBytes);
    }

    private async Task RepeatAsync(TimeSpan period, Func<CancellationToken, Task> work)
    {
        using var timer = new PeriodicTimer(period, _time);
        try
        {
            while (await timer.WaitForNextTickAsync(_stop.Token))
                await work(_stop.Token);
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
        }
    }

    [LoggerMessage(2201, LogLevel.Information, "Replayed {Records} records, {Bytes} bytes in {Segments} segments, of the write-ahead log in {Seconds:F1} s; {CorruptRecords} corrupt records were skipped, {TornBytes} torn bytes cut off")]
    private static partial void LogReplayed(ILogger logger, long records, long bytes, int segments, double seconds, long corruptRecords, long tornBytes);

    [LoggerMessage(2202, LogLevel.Error, "Not all traces could be written to blocks within {Seconds} s; the next start replays the rest from the write-ahead log")]
    private static partial void LogNotAllFlushed(ILogger logger, double seconds);

    [LoggerMessage(2203, LogLevel.Error, "The write-ahead log cannot be replayed: {Reason}. This process is not ready until it is; the next attempt is in {Seconds} s")]
    private static partial void LogReplayFailed(ILogger logger, string reason, double seconds);

    [LoggerMessage(2204, LogLevel.Error, "The write-ahead log of another process could not be adopted: {Reason}; the next attempt is in {Seconds} s")]
    private static partial void LogAdoptionFailed(ILogger logger, string reason, double seconds);
}
