using Microsoft.Extensions.Logging;
using OrleansTempo.Core;
using OrleansTempo.Core.Distributor;
using OrleansTempo.Core.Ingester;
using OrleansTempo.Core.Overrides;
using OrleansTempo.Core.Querier;
using OrleansTempo.Core.Storage;
using OrleansTempo.Server.Configuration;
using OrleansTempo.Server.Ports;

namespace OrleansTempo.Server.Traces;

/// <summary>
/// Where traces are kept and found again: the write-ahead log, the ingesters, the blocks, and the loops that look after them.
/// <code>
///   start:  open ─► list the blocks ─► replay the log ─► pushes may come          (meanwhile: poll, compact)
///   stop:   no more pushes ─► where asked for: all into blocks ─► log closed
/// </code>
/// </summary>
public sealed partial class TraceStore : ITraceQuery, IIngesterAdmin, IAsyncDisposable
{
    private static readonly TimeSpan s_adoptionPeriod = TimeSpan.FromSeconds(10);

    private readonly IWriteAheadLog _log;
    private readonly BlockFlushQueue _flushes;
    private readonly Compactor _compactor;
    private readonly TraceStorageOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly Action _requestStop;
    private readonly CancellationTokenSource _stop = new();
    private Task _loops = Task.CompletedTask;
    private volatile bool _flushOnStop;

    private TraceStore(
        TempoOptions options,
        IOverrides overrides,
        IObjectStore store,
        IWriteAheadLog log,
        IRemotePartitions remote,
        Func<BlockTraces, ITraceSource> liveTraces,
        Action requestStop,
        TempoMetrics metrics,
        TimeProvider time,
        ILogger logger)
    {
        _options = options.Storage.Trace;
        _log = log;
        _time = time;
        _logger = logger;
        _requestStop = requestStop;
        _flushOnStop = options.Ingester.FlushAllOnShutdown;
        Blocks = new BlockList(store, metrics, time, logger);
        _flushes = new BlockFlushQueue(new BlockFlusher(store, time), Blocks, metrics, time, logger);
        var reader = new BlockReader(store);
        var stored = new BlockTraces(Blocks, reader);
        Ingesters = new LocalIngesters(options.Ingester, overrides, log, _flushes, metrics, time, logger);
        Router = new TraceRouter(Ingesters, remote, time);
        Query = new TraceQuery([liveTraces(stored), stored]);
        _compactor = new Compactor(
            store, Blocks, new BlockMerger(store, reader, time), options.Compactor, tenant => RetentionOf(options.Compactor, overrides.For(tenant)),
            tenant => overrides.For(tenant).Compaction.CompactionDisabled, metrics, time, logger);
    }

    /// <summary>The ingester partitions in this process.</summary>
    public LocalIngesters Ingesters { get; }

    /// <summary>The way to all ingester partitions.</summary>
    public TraceRouter Router { get; }

    public BlockList Blocks { get; }

    /// <summary>Finds traces in all partitions and blocks.</summary>
    public TraceQuery Query { get; }

    /// <summary>Opens the log; no trace is read yet.</summary>
    /// <param name="options">The configuration.</param>
    /// <param name="walType">Where the log is kept.</param>
    /// <param name="overrides">What each tenant may have.</param>
    /// <param name="store">Where blocks are, and perhaps the log; stays the caller's.</param>
    /// <param name="remote">The way to ingester partitions that are not open in this process.</param>
    /// <param name="liveTraces">Makes what finds live traces, of all processes; given the stored ones.</param>
    /// <param name="requestStop">Asks the process to stop in order, for <c>/shutdown</c>.</param>
    /// <param name="metrics">The process's own metrics.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">The process's log.</param>
    /// <exception cref="IOException">A directory or the store cannot be used, or another process uses the log.</exception>
    public static async Task<TraceStore> OpenAsync(
        TempoOptions options,
        WalType walType,
        IOverrides overrides,
        IObjectStore store,
        IRemotePartitions remote,
        Func<BlockTraces, ITraceSource> liveTraces,
        Action requestStop,
        TempoMetrics metrics,
        TimeProvider time,
        ILogger logger)
    {
        var wal = options.Storage.Trace.Wal;
        IWriteAheadLog log = walType == WalType.Object
            ? await ObjectWriteAheadLog.OpenAsync(store, wal, metrics, time, logger)
            : FileWriteAheadLog.Open(wal, metrics, time, logger);
        return new TraceStore(options, overrides, store, log, remote, liveTraces, requestStop, metrics, time, logger);
    }

    /// <summary>Lists the blocks and replays the log; pushes may come when it returns.</summary>
    /// <returns>False where it was cancelled before it was through: what is left is replayed at the next start.</returns>
    public async Task<bool> StartAsync(CancellationToken cancellationToken)
    {
        try
        {
            await Blocks.PollAsync(cancellationToken);
            await ReplayAsync(cancellationToken);
            await AdoptAsync(cancellationToken);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return false;
        }

        _loops = Task.WhenAll(
            RepeatAsync(_options.BlocklistPoll, Blocks.PollAsync),
            RepeatAsync(s_adoptionPeriod, AdoptAsync),
            Task.Run(() => _compactor.RunAsync(_stop.Token), CancellationToken.None));
        return true;
    }

    public ValueTask<TraceAnswer> FindAsync(TenantId tenant, TraceId traceId, TraceRange range, CancellationToken cancellationToken) =>
        Query.FindAsync(tenant, traceId, range, cancellationToken);

    public Task<bool> FlushAsync(TenantId? tenant, CancellationToken cancellationToken) => Ingesters.FlushAsync(tenant, cancellationToken);

    public Task ShutdownAsync(CancellationToken cancellationToken)
    {
        _flushOnStop = true;
        _requestStop();
        return Task.CompletedTask;
    }

    /// <summary>Before the end, when no push comes any more: puts all there is into blocks, where that is asked for; otherwise the next start finds it in the log.</summary>
    /// <param name="deadline">How long it may take; what is not in blocks by then is left to the log.</param>
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
            NotAllFlushed(_logger, deadline.TotalSeconds);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _loops;
        await Ingesters.DisposeAsync();
        await _flushes.DisposeAsync();
        await _log.DisposeAsync();
        _stop.Dispose();
    }

    private static TimeSpan RetentionOf(CompactorOptions compactor, TenantOverrides tenant) =>
        tenant.Compaction.BlockRetention > TimeSpan.Zero ? tenant.Compaction.BlockRetention : compactor.BlockRetention;

    private async Task ReplayAsync(CancellationToken cancellationToken)
    {
        var started = _time.GetTimestamp();
        var replay = await Ingesters.ReplayAsync(Router.ReplayAsync, cancellationToken);
        if (replay.Segments > 0)
            Replayed(_logger, replay.Records, replay.Bytes, replay.Segments, _time.GetElapsedTime(started).TotalSeconds, replay.CorruptRecords, replay.TornBytes);
    }

    // Logs in the object store whose processes are gone, on this machine or another.
    private async Task AdoptAsync(CancellationToken cancellationToken)
    {
        if (_log is not ObjectWriteAheadLog log)
            return;
        try
        {
            foreach (var stream in await log.ListOrphansAsync(cancellationToken))
                await log.AdoptAsync(stream, Router.AdoptAsync, cancellationToken);
        }
        catch (IOException e)
        {
            AdoptionFailed(_logger, e.Message, s_adoptionPeriod.TotalSeconds);
        }
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

    [LoggerMessage(Level = LogLevel.Information, Message = "write-ahead log: {Records} records, {Bytes} bytes in {Segments} segments replayed in {Seconds:F1} s; {Corrupt} corrupt records skipped, {Torn} torn bytes cut off")]
    private static partial void Replayed(ILogger logger, long records, long bytes, int segments, double seconds, long corrupt, long torn);

    [LoggerMessage(Level = LogLevel.Error, Message = "not all traces could be put into blocks within {Seconds} s; the next start finds the others in the write-ahead log")]
    private static partial void NotAllFlushed(ILogger logger, double seconds);

    [LoggerMessage(Level = LogLevel.Error, Message = "a write-ahead log that another process left could not be taken over: {Reason}; next try in {Seconds} s")]
    private static partial void AdoptionFailed(ILogger logger, string reason, double seconds);
}
