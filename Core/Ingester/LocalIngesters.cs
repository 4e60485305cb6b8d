using System.Buffers;
using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using OrleansTempo.Core.Configuration.Ingester;
using OrleansTempo.Core.Ingester.Flush;
using OrleansTempo.Core.Ingester.Live;
using OrleansTempo.Core.Ingester.Log;
using OrleansTempo.Core.Otlp.Buffers;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Core.Overrides;

namespace OrleansTempo.Core.Ingester;

/// <summary>
/// The ingester partitions of this process, what they share (the log, the memory, the threads that write blocks), the sequence that every push goes
/// through, and the periodic round that keeps them moving:
/// <code>
///   admit ─► split ─┬─► open here: indexed ─► write-ahead log, once a batch ─┬─► settle ─► answer
///                   └─► elsewhere ─► the process that has it: the same ──────┘
///
///   every flush_check_period, or when memory is short:  cut ─► flush queue ─► block ─► log segments released
/// </code>
/// Spans are indexed first and then logged. So everything in the log is also in a partition or in a block, and a segment can be deleted once no
/// partition needs it. Safe to call from any thread.
/// </summary>
public sealed partial class LocalIngesters : IAsyncDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(2);

    private readonly ConcurrentDictionary<TenantId, IngesterTenant> _tenants = new();
    private readonly IngesterOptions _options;
    private readonly IOverrides _overrides;
    private readonly IWriteAheadLog _log;
    private readonly BlockFlushQueue _flushes;
    private readonly IngesterMemory _memory;
    private readonly TempoMetrics _metrics;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly ITimer _timer;
    private readonly ConcurrentBag<TraceSplit> _splits = [];
    private readonly Lock _round = new();
    private readonly Dictionary<TenantId, long> _tracesCreated = [];
    private int _relieving;
    private volatile bool _replayed;

    public LocalIngesters(IngesterOptions options, IOverrides overrides, IWriteAheadLog log, BlockFlushQueue flushes, TempoMetrics metrics, TimeProvider time, ILogger logger)
    {
        _options = options;
        _overrides = overrides;
        _log = log;
        _flushes = flushes;
        _memory = new IngesterMemory(options.MaxMemoryBytes);
        _metrics = metrics;
        _time = time;
        _logger = logger;
        _timer = time.CreateTimer(static state => ((LocalIngesters)state!).Round(), this, options.FlushCheckPeriod, options.FlushCheckPeriod);
    }

    /// <summary>The maximum number of partitions that a tenant's trace IDs are split into.</summary>
    public int Partitions => _options.Partitions;

    /// <summary>How long the ingester answers for a block after writing it: until then, not every querier may have listed it.</summary>
    public TimeSpan CompleteBlockTimeout => _options.CompleteBlockTimeout;

    /// <summary>Opens a tenant's partition: this process owns it from now on, and everything in the process pushes to it directly.</summary>
    public IngesterPartition Open(TenantId tenant, int partition)
    {
        while (true)
        {
            var opened = _tenants.GetOrAdd(tenant, static (t, self) => new IngesterTenant(t, self._options, self._memory, self._flushes, self._time), this).TryOpen(partition);
            if (opened is not null)
                return opened;
        }
    }

    /// <summary>Whether a tenant has a partition in this process.</summary>
    public bool Knows(TenantId tenant) => _tenants.ContainsKey(tenant);

    /// <summary>A tenant's partition, open or not, if it is in this process; null otherwise. Asking creates nothing.</summary>
    public IngesterPartition? FindPartition(TenantId tenant, int partition) => _tenants.TryGetValue(tenant, out var known) ? known.FindPartition(partition) : null;

    /// <summary>
    /// Takes a batch that this process received. Partitions open here index their spans, and this process logs those once; spans of other partitions
    /// are handed to the processes that own them, which log them. Completes once all spans are in a log.
    /// </summary>
    /// <param name="tenant">The tenant that sent the batch.</param>
    /// <param name="batch">Spans with valid IDs; the caller holds a lease until the call completes.</param>
    /// <param name="partitions">The number of partitions that the tenant's traces are spread over now.</param>
    /// <param name="remote">Reaches the partitions that are not open here.</param>
    /// <param name="isReplayed">Whether the batch comes from the log of a process that is gone and was accepted before, so that no limit may refuse it.</param>
    public async ValueTask<IngestOutcome> PushAsync(TenantId tenant, SpanBatch batch, int partitions, IRemotePartitions remote, bool isReplayed = false)
    {
        if (!isReplayed && await AdmitAsync().ConfigureAwait(false) is { } full)
            return new IngestOutcome { Unavailable = full };
        var indexed = Index(tenant, batch, partitions, _log.CurrentSegment, isReplayed ? default : LimitsOf(tenant));
        if (indexed.Elsewhere is null)
            return await LogAndSettleAsync(tenant, batch, null, indexed.Refusals).ConfigureAwait(false);

        batch.Prepare();
        var pushes = indexed.Elsewhere.ConvertAll(part => remote.PushAsync(tenant, part.Partition, batch, part.Spans, isReplayed));
        var here = await LogAndSettleAsync(tenant, batch, SpansExcept(batch, indexed.Elsewhere), indexed.Refusals).ConfigureAwait(false);
        var results = await Task.WhenAll(pushes).ConfigureAwait(false);
        return results.Aggregate(here, static (all, one) => all.And(one));
    }

    /// <summary>Takes spans that were handed over for one partition: by another process, or from this one before the partition was open.</summary>
    /// <param name="tenant">The tenant of the spans.</param>
    /// <param name="partition">The partition, which is open here.</param>
    /// <param name="batch">The batch; the caller holds a lease until the call completes.</param>
    /// <param name="spans">Places of spans in the batch, ascending.</param>
    /// <param name="isReplayed">Whether they come from a log and have been accepted before.</param>
    public async ValueTask<IngestOutcome> PushAsync(TenantId tenant, int partition, SpanBatch batch, ReadOnlyMemory<int> spans, bool isReplayed)
    {
        if (await AdmitAsync().ConfigureAwait(false) is { } full)
            return new IngestOutcome { Unavailable = full };
        Refusals? refusals = null;
        if (FindPartition(tenant, partition)?.TryPush(batch, spans.Span, _log.CurrentSegment, isReplayed ? default : LimitsOf(tenant), ref refusals) is not true)
            return new IngestOutcome { Unavailable = $"the ingester partition {partition} of tenant {tenant} has just moved to another silo; send the request again" };
        return await LogAndSettleAsync(tenant, batch, spans.Length == batch.Spans.Length ? null : spans.ToArray(), refusals).ConfigureAwait(false);
    }

    /// <summary>
    /// Replays a record that is still in this process's own log, before any push: it is indexed under the record's own segment, and not logged again.
    /// Spans whose partitions are elsewhere by now are handed over and logged there.
    /// </summary>
    /// <exception cref="IOException">A partition in another process could not take its spans; the record stays in the log.</exception>
    public async ValueTask ReplayAsync(WalRecord record, int partitions, IRemotePartitions remote)
    {
        if (await ReadAsync(record).ConfigureAwait(false) is not { } batch)
            return;
        try
        {
            foreach (var (partition, spans) in Index(record.Tenant, batch, partitions, record.Segment, default).Elsewhere ?? [])
            {
                await remote.OpenAsync(record.Tenant, partition).ConfigureAwait(false);
                Refusals? none = null;
                if (FindPartition(record.Tenant, partition)?.TryPush(batch, spans, record.Segment, default, ref none) is true)
                    continue;
                batch.Prepare();
                if ((await remote.PushAsync(record.Tenant, partition, batch, spans, isReplayed: true).ConfigureAwait(false)).Unavailable is { } reason)
                    throw new IOException(reason);
            }
        }
        finally
        {
            batch.Release();
        }
    }

    /// <summary>Adopts a record from the log of a dead process: once the call completes, it is in the log of a living one.</summary>
    /// <exception cref="IOException">It could not be adopted, and stays where it is.</exception>
    public async ValueTask AdoptAsync(WalRecord record, int partitions, IRemotePartitions remote)
    {
        if (await ReadAsync(record).ConfigureAwait(false) is not { } batch)
            return;
        try
        {
            if ((await PushAsync(record.Tenant, batch, partitions, remote, isReplayed: true).ConfigureAwait(false)).Unavailable is { } reason)
                throw new IOException(reason);
        }
        finally
        {
            batch.Release();
        }
    }

    /// <summary>Hands what earlier processes logged but did not put into blocks to <paramref name="replay"/>; segments are released only after that.</summary>
    public async Task<ReplayResult> ReplayAsync(Func<WalRecord, ValueTask> replay, CancellationToken cancellationToken)
    {
        var result = await _log.ReplayAsync(replay, cancellationToken).ConfigureAwait(false);
        _replayed = true;
        return result;
    }

    /// <summary>Cuts and writes everything that a tenant has here (null for all tenants), and waits until it is in blocks; false if there is no such tenant.</summary>
    public async Task<bool> FlushAsync(TenantId? tenant, CancellationToken cancellationToken)
    {
        IngesterTenant? only = null;
        if (tenant is { } one && !_tenants.TryGetValue(one, out only))
            return false;
        var partitions = only?.Partitions ?? _tenants.Values.SelectMany(static t => t.Partitions);
        foreach (var partition in partitions)
            partition.Cut(CutReason.Everything);

        // Includes blocks that were cut before and are still to be written.
        await _flushes.WrittenAsync(partition => tenant is null || partition.Tenant == tenant).WaitAsync(cancellationToken).ConfigureAwait(false);
        Round();
        return true;
    }

    /// <summary>Stops the round once no push comes any more; what is held stays as it is, and is in the log.</summary>
    public async ValueTask DisposeAsync()
    {
        await _timer.DisposeAsync().ConfigureAwait(false);
        if (_replayed && _tenants.Values.SelectMany(static t => t.Partitions).All(static p => p.Status().OldestSegment == long.MaxValue))
            _log.Release(_log.CurrentSegment + 1);
    }

    // The spans of a record, with one lease, once there is room for them: blocks are written in the meantime, so a log larger than memory is no
    // problem. Null if the record is not a request, which is logged.
    private async ValueTask<SpanBatch?> ReadAsync(WalRecord record)
    {
        while (_memory.IsFull)
            await _memory.WaitForRoomAsync(s_patience, _time).ConfigureAwait(false);
        if (_memory.IsShort)
            FreeMemory();

        // Not counted among the requests in flight: it was accepted before, and the limit may have been lowered since.
        var buffer = RequestBuffer.RentUncounted(record.Request.Length);
        record.Request.Span.CopyTo(buffer.Array);
        buffer.Length = record.Request.Length;
        if (!SpanBatch.TryRead(buffer, 0, out var batch, out var error))
        {
            LogReplayedRecordUnreadable(_logger, record.Tenant, error.ToString());
            return null;
        }

        ValidIds.RemoveInvalid(batch);
        return batch;
    }

    private IngesterLimits LimitsOf(TenantId tenant)
    {
        var overrides = _overrides.For(tenant);
        return new IngesterLimits
        {
            MaxTraces = overrides.Ingestion.MaxTracesPerUser,
            MaxBytesPerTrace = overrides.Global.MaxBytesPerTrace,
        };
    }

    // Refuses at once what would wait for the log in vain. Waits a moment for memory if there is none. Null once there is some; otherwise a refusal, in
    // a sentence.
    private ValueTask<string?> AdmitAsync() =>
        _log.Trouble is { StopsAppends: true } trouble ? ValueTask.FromResult<string?>($"the write-ahead log of this silo cannot be written: {trouble.Reason}; send the request again")
        : _memory.IsFull ? WaitForRoomAsync()
        : ValueTask.FromResult<string?>(null);

    // The segment is read before anything is indexed, so what is logged afterwards is in it or a later one.
    private Indexed Index(TenantId tenant, SpanBatch batch, int partitions, long segment, IngesterLimits limits)
    {
        var split = _splits.TryTake(out var former) ? former : new TraceSplit();
        split.Split(batch, partitions);
        Refusals? refusals = null;
        List<(int Partition, int[] Spans)>? elsewhere = null;
        for (var i = 0; i < partitions; i++)
        {
            var spans = split.Spans(i);
            if (spans.Length > 0 && FindPartition(tenant, i)?.TryPush(batch, spans, segment, limits, ref refusals) is not true)
                (elsewhere ??= []).Add((i, Ascending(spans)));
        }

        _splits.Add(split);
        return new Indexed(refusals, elsewhere);
    }

    private static int[] Ascending(ReadOnlySpan<int> spans)
    {
        var ascending = spans.ToArray();
        Array.Sort(ascending);
        return ascending;
    }

    private static int[] SpansExcept(SpanBatch batch, List<(int Partition, int[] Spans)> elsewhere)
    {
        var isElsewhere = new bool[batch.Spans.Length];
        foreach (var (_, spans) in elsewhere)
        {
            foreach (var span in spans)
                isElsewhere[span] = true;
        }

        return [.. Enumerable.Range(0, isElsewhere.Length).Where(i => !isElsewhere[i])];
    }

    // Takes the spans that were indexed here (null for the whole batch), and logs those that no limit refused.
    private async ValueTask<IngestOutcome> LogAndSettleAsync(TenantId tenant, SpanBatch batch, int[]? spans, Refusals? refusals)
    {
        if (await LogAsync(tenant, batch, spans, refusals).ConfigureAwait(false) is { } failure)
            return new IngestOutcome { Unavailable = failure };
        if (_memory.IsShort)
            FreeMemory();
        var hold = _memory.Hold();
        if (hold > TimeSpan.Zero)
            await Task.Delay(hold, _time).ConfigureAwait(false);
        return new IngestOutcome { Refusals = refusals };
    }

    // Null if they are in the log; otherwise the reason, in a sentence.
    private async ValueTask<string?> LogAsync(TenantId tenant, SpanBatch batch, int[]? spans, Refusals? refusals)
    {
        byte[]? subset = null;
        try
        {
            var request = batch.Memory;
            if (spans is not null || refusals is not null)
            {
                var logged = Without(spans ?? [.. Enumerable.Range(0, batch.Spans.Length)], refusals);
                if (logged.Length == 0)
                    return null;
                var length = OtlpSubset.Length(batch, logged);
                subset = ArrayPool<byte>.Shared.Rent(length);
                request = subset.AsMemory(0, OtlpSubset.Write(batch, logged, subset));
            }

            await _log.AppendAsync(tenant, request).ConfigureAwait(false);
            _metrics.IngesterBytesReceived.Add(tenant, request.Length);
            return null;
        }
        catch (IOException e)
        {
            // What was indexed stays: if the client does not retry, extra spans are stored, which is harmless.
            return $"the spans could not be logged: {e.Message}";
        }
        finally
        {
            if (subset is not null)
                ArrayPool<byte>.Shared.Return(subset);
        }
    }

    private static int[] Without(int[] spans, Refusals? refusals)
    {
        if (refusals is null)
            return spans;
        var refused = refusals.Spans.ToHashSet();
        return [.. spans.Where(span => !refused.Contains(span))];
    }

    private async ValueTask<string?> WaitForRoomAsync() =>
        await _memory.WaitForRoomAsync(s_patience, _time).ConfigureAwait(false)
            ? null
            : $"live traces and blocks not yet written hold {_memory.HeldBytes} bytes, and the maximum is {_options.MaxMemoryBytes} (ingester.max_memory_bytes); try again later";

    // One at a time: the first caller that finds memory short cuts enough, and the others continue.
    private void FreeMemory()
    {
        if (Interlocked.Exchange(ref _relieving, 1) != 0)
            return;
        try
        {
            while (_memory.IsShort)
            {
                var largest = _tenants.Values.SelectMany(static t => t.Partitions).MaxBy(static p => p.UncutBytes);
                if (largest?.CutForMemory() is not true)
                    return;
            }
        }
        finally
        {
            Volatile.Write(ref _relieving, 0);
        }
    }

    private void Round()
    {
        lock (_round)
        {
            // Read first, so that what is pushed from now on is in this segment or a later one.
            var needed = _log.CurrentSegment;
            foreach (var (id, tenant) in _tenants)
            {
                long created = 0, bytes = 0;
                foreach (var partition in tenant.Partitions)
                {
                    partition.Cut(CutReason.Due);
                    var status = partition.Status();
                    created += status.TracesCreated;
                    bytes += status.MemoryBytes;
                    needed = Math.Min(needed, status.OldestSegment);
                }

                Report(id, tenant.LiveTraces.Value, created, bytes);

                // Ended first, then removed: whoever opens a partition in the meantime creates a new tenant.
                if (tenant.TryForget())
                {
                    _tenants.TryRemove(new(id, tenant));
                    _tracesCreated.Remove(id);
                }
            }

            if (_replayed)
                _log.Release(needed);
        }
    }

    private void Report(TenantId tenant, int live, long created, long bytes)
    {
        var tag = new KeyValuePair<string, object?>("tenant", tenant.Value);
        _metrics.LiveTraces.Record(live, tag);
        _metrics.LiveTraceBytes.Record(bytes, tag);
        _metrics.TracesCreated.Add(created - _tracesCreated.GetValueOrDefault(tenant), tag);
        _tracesCreated[tenant] = created;
    }

    [LoggerMessage(1412, LogLevel.Error, "A record of tenant {Tenant} in the write-ahead log cannot be read and is skipped: {Reason}")]
    private static partial void LogReplayedRecordUnreadable(ILogger logger, TenantId tenant, string reason);

    /// <param name="Refusals">The spans that a limit refused in partitions here; null for none.</param>
    /// <param name="Elsewhere">The spans of each partition that is not open here; null if all are open.</param>
    private readonly record struct Indexed(Refusals? Refusals, List<(int Partition, int[] Spans)>? Elsewhere);
}
