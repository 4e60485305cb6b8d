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
/// The ingester partitions of this process, what they share (the log, the memory, the threads that write blocks), the one sequence that every push
/// goes through, and the round that keeps them moving:
/// <code>
///   admit ─► split ─┬─► open here: indexed ─► write-ahead log, once a batch ─┬─► settle ─► answer
///                   └─► elsewhere ─► the process that has it: the same ──────┘
///
///   every flush_check_period, or when memory is short:  cut ─► flush queue ─► block ─► log segments let go
/// </code>
/// Spans are indexed first and logged then: so all that the log has is in a partition or in a block, and a segment can go
/// when no partition needs it. Safe to call from any thread.
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

    /// <summary>Into how many partitions a tenant's trace IDs are split at the most.</summary>
    public int Partitions => _options.Partitions;

    /// <summary>How long a block is asked of its ingester after it was written, because not every querier needs to have listed it before.</summary>
    public TimeSpan CompleteBlockTimeout => _options.CompleteBlockTimeout;

    /// <summary>Opens a tenant's partition: from now on it is this process that has it, and whoever is in the process pushes to it directly.</summary>
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

    /// <summary>A tenant's partition, open or not, where it is in this process; null otherwise. Whoever only asks leaves nothing behind.</summary>
    public IngesterPartition? Known(TenantId tenant, int partition) => _tenants.TryGetValue(tenant, out var known) ? known.Known(partition) : null;

    /// <summary>
    /// Takes a batch that came in here. Partitions that are open here index their spans and this process logs them, once; spans of the others are handed to
    /// wherever those are, which logs them. Completes when all of them are in a log.
    /// </summary>
    /// <param name="tenant">Whose batch it is.</param>
    /// <param name="batch">Spans with valid IDs; the caller holds a lease until the result is there.</param>
    /// <param name="partitions">Over how many of the tenant's partitions its traces are spread now.</param>
    /// <param name="remote">The way to partitions that are not open here.</param>
    /// <param name="isReplayed">Whether the batch comes from the log of a process that is gone and was accepted before, so that no limit may refuse it.</param>
    public async ValueTask<IngestResult> PushAsync(TenantId tenant, SpanBatch batch, int partitions, IRemotePartitions remote, bool isReplayed = false)
    {
        if (!isReplayed && await AdmitAsync().ConfigureAwait(false) is { } full)
            return new IngestResult { Unavailable = full };
        var indexed = Index(tenant, batch, partitions, _log.CurrentSegment, isReplayed ? default : LimitsOf(tenant));
        if (indexed.Elsewhere is null)
            return await LogAndSettleAsync(tenant, batch, null, indexed.Refusals).ConfigureAwait(false);

        batch.Prepare();
        var pushes = indexed.Elsewhere.ConvertAll(part => remote.PushAsync(tenant, part.Partition, batch, part.Spans, isReplayed));
        var here = await LogAndSettleAsync(tenant, batch, OthersThan(batch, indexed.Elsewhere), indexed.Refusals).ConfigureAwait(false);
        var results = await Task.WhenAll(pushes).ConfigureAwait(false);
        return results.Aggregate(here, static (all, one) => all.And(one));
    }

    /// <summary>Takes spans that were handed over for one partition: by another process, or from here before the partition was open.</summary>
    /// <param name="tenant">Whose spans they are.</param>
    /// <param name="partition">The partition, which is open here.</param>
    /// <param name="batch">The batch; the caller holds a lease until the result is there.</param>
    /// <param name="spans">Places of spans in the batch, ascending.</param>
    /// <param name="isReplayed">Whether they come from a log and have been accepted before.</param>
    public async ValueTask<IngestResult> PushAsync(TenantId tenant, int partition, SpanBatch batch, ReadOnlyMemory<int> spans, bool isReplayed)
    {
        if (await AdmitAsync().ConfigureAwait(false) is { } full)
            return new IngestResult { Unavailable = full };
        Refusals? refusals = null;
        if (Known(tenant, partition)?.TryPush(batch, spans.Span, _log.CurrentSegment, isReplayed ? default : LimitsOf(tenant), ref refusals) is not true)
            return new IngestResult { Unavailable = $"the ingester partition {partition} of tenant {tenant} has just moved to another silo; send the request again" };
        return await LogAndSettleAsync(tenant, batch, spans.Length == batch.Spans.Length ? null : spans.ToArray(), refusals).ConfigureAwait(false);
    }

    /// <summary>
    /// Takes in a record that this process's own log still has, before any push: it is indexed with the record's own segment, and nothing is logged
    /// again. Spans of partitions that are elsewhere by now are handed over, and logged there.
    /// </summary>
    /// <exception cref="IOException">A partition that is elsewhere could not take its spans; the record stays in the log.</exception>
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
                if (Known(record.Tenant, partition)?.TryPush(batch, spans, record.Segment, default, ref none) is true)
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

    /// <summary>Takes over a record of a log whose process is gone: it is in the log of a living one when the call completes.</summary>
    /// <exception cref="IOException">It could not be taken over, and stays where it is.</exception>
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

    /// <summary>Hands what earlier processes had logged and not put in blocks to <paramref name="replay"/>; only from then on segments are let go.</summary>
    public async Task<ReplayResult> ReplayAsync(Func<WalRecord, ValueTask> replay, CancellationToken cancellationToken)
    {
        var result = await _log.ReplayAsync(replay, cancellationToken).ConfigureAwait(false);
        _replayed = true;
        return result;
    }

    /// <summary>Cuts and writes all that a tenant has here, or with null all tenants have, and waits until it is in blocks; false where there is no such tenant.</summary>
    public async Task<bool> FlushAsync(TenantId? tenant, CancellationToken cancellationToken)
    {
        IngesterTenant? only = null;
        if (tenant is { } one && !_tenants.TryGetValue(one, out only))
            return false;
        var partitions = only?.Partitions ?? _tenants.Values.SelectMany(static t => t.Partitions);
        foreach (var partition in partitions)
            partition.Cut(CutReason.Everything);

        // With those that were cut before and are still to be written.
        await _flushes.WrittenAsync(partition => tenant is null || partition.Tenant == tenant).WaitAsync(cancellationToken).ConfigureAwait(false);
        Round();
        return true;
    }

    /// <summary>Stops the round, when no push comes any more; what is held stays as it is, and is in the log.</summary>
    public async ValueTask DisposeAsync()
    {
        await _timer.DisposeAsync().ConfigureAwait(false);
        if (_replayed && _tenants.Values.SelectMany(static t => t.Partitions).All(static p => p.Status().OldestSegment == long.MaxValue))
            _log.Release(_log.CurrentSegment + 1);
    }

    // The spans of a record, with one lease, when there is room for them: blocks are written meanwhile, so a log larger than memory is no trouble. Null where
    // the record is no request, which is logged.
    private async ValueTask<SpanBatch?> ReadAsync(WalRecord record)
    {
        while (_memory.IsFull)
            await _memory.WaitForRoomAsync(s_patience, _time).ConfigureAwait(false);
        if (_memory.IsShort)
            Relieve();

        // Not counted among the requests under way: it was accepted before, and the limit may have been lowered since.
        var buffer = RequestBuffer.RentUncounted(record.Request.Length);
        record.Request.Span.CopyTo(buffer.Array);
        buffer.Length = record.Request.Length;
        if (!SpanBatch.TryRead(buffer, 0, out var batch, out var error))
        {
            LogReplayedRecordUnreadable(_logger, record.Tenant, error.ToString());
            return null;
        }

        ValidIds.RemoveOthers(batch);
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

    // Waits for memory for a moment, where there is none. Null where there is some; otherwise a refusal in a sentence.
    private ValueTask<string?> AdmitAsync() => _memory.IsFull ? WaitForRoomAsync() : ValueTask.FromResult<string?>(null);

    // The segment was read before anything is indexed: what is logged afterwards is in it or a later one.
    private Indexed Index(TenantId tenant, SpanBatch batch, int partitions, long segment, IngesterLimits limits)
    {
        var split = _splits.TryTake(out var former) ? former : new TraceSplit();
        split.Split(batch, partitions);
        Refusals? refusals = null;
        List<(int Partition, int[] Spans)>? elsewhere = null;
        for (var i = 0; i < partitions; i++)
        {
            var spans = split.Spans(i);
            if (spans.Length > 0 && Known(tenant, i)?.TryPush(batch, spans, segment, limits, ref refusals) is not true)
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

    private static int[] OthersThan(SpanBatch batch, List<(int Partition, int[] Spans)> elsewhere)
    {
        var isElsewhere = new bool[batch.Spans.Length];
        foreach (var (_, spans) in elsewhere)
        {
            foreach (var span in spans)
                isElsewhere[span] = true;
        }

        return [.. Enumerable.Range(0, isElsewhere.Length).Where(i => !isElsewhere[i])];
    }

    // Of the spans that were indexed here (null: all of the batch) those that no limit has refused.
    private async ValueTask<IngestResult> LogAndSettleAsync(TenantId tenant, SpanBatch batch, int[]? spans, Refusals? refusals)
    {
        if (await LogAsync(tenant, batch, spans, refusals).ConfigureAwait(false) is { } failure)
            return new IngestResult { Unavailable = failure };
        if (_memory.IsShort)
            Relieve();
        var hold = _memory.Hold();
        if (hold > TimeSpan.Zero)
            await Task.Delay(hold, _time).ConfigureAwait(false);
        return new IngestResult { Refusals = refusals };
    }

    // Null where they are in the log; otherwise why they are not, in a sentence.
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
            // What was indexed stays: should the client not come back, it is spans too many, which are spans all the same.
            return $"the write-ahead log cannot be written: {e.Message}";
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
            : $"the live traces and blocks not yet written hold {_memory.HeldBytes} bytes, all that they may (ingester.max_memory_bytes is {_options.MaxMemoryBytes}); try again later";

    // One at a time: the first that finds memory short cuts as much as helps, the others go on.
    private void Relieve()
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
            // Read first: what is pushed from now on is in this segment or a later one.
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

                // First ended, then taken out: whoever opens a partition meanwhile makes another.
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

    /// <param name="Refusals">The spans that a limit kept out of partitions here; null for none.</param>
    /// <param name="Elsewhere">The spans of each partition that is not open here; null where all are.</param>
    private readonly record struct Indexed(Refusals? Refusals, List<(int Partition, int[] Spans)>? Elsewhere);
}
