using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using OrleansTempo.Core;
using OrleansTempo.Core.Distributor;
using OrleansTempo.Core.Ingester;
using OrleansTempo.Core.Otlp;
using OrleansTempo.Core.Overrides;
using OrleansTempo.Core.Querier;
using OrleansTempo.Core.Storage;

namespace OrleansTempo.Standalone;

/// <summary>
/// The ingester partitions of all tenants in this process, the log behind them, and the round that keeps them moving:
/// <code>
///   batch ─► split by trace ID ─► partitions ─► write-ahead log ─► answer
///                                     │ every flush_check_period, or when memory is short
///                                     └─► cut ─► flush queue ─► block ─► log segments let go
/// </code>
/// A batch is indexed first and logged then: so all that the log has is in a partition or in a block, and a segment can go
/// when no partition needs it.
/// </summary>
internal sealed partial class IngesterPartitions : IIngesters, ITraceSource, IAsyncDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(2);

    private readonly ConcurrentDictionary<TenantId, IngesterTenant> _tenants = new();
    private readonly ConcurrentBag<TraceSplit> _splits = [];
    private readonly IngesterOptions _options;
    private readonly IOverrides _overrides;
    private readonly IWriteAheadLog _log;
    private readonly BlockFlushQueue _flushes;
    private readonly BlockList _blocks;
    private readonly BlockReader _reader;
    private readonly IngesterMemory _memory;
    private readonly TempoMetrics _metrics;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly ITimer _timer;
    private readonly Lock _round = new();
    private readonly Dictionary<TenantId, long> _tracesCreated = [];
    private int _relieving;
    private volatile bool _replayed;

    public IngesterPartitions(
        IngesterOptions options,
        IOverrides overrides,
        IWriteAheadLog log,
        BlockFlushQueue flushes,
        BlockList blocks,
        BlockReader reader,
        TempoMetrics metrics,
        TimeProvider time,
        ILogger logger)
    {
        _options = options;
        _overrides = overrides;
        _log = log;
        _flushes = flushes;
        _blocks = blocks;
        _reader = reader;
        _memory = new IngesterMemory(options.MaxMemoryBytes);
        _metrics = metrics;
        _time = time;
        _logger = logger;
        _timer = time.CreateTimer(static state => ((IngesterPartitions)state!).Round(), this, options.FlushCheckPeriod, options.FlushCheckPeriod);
    }

    /// <summary>Takes in what earlier processes had logged and not put in blocks; before the first push.</summary>
    public async Task<ReplayResult> ReplayAsync(CancellationToken cancellationToken)
    {
        var result = await _log.ReplayAsync(ReplayAsync, cancellationToken).ConfigureAwait(false);
        _replayed = true;
        return result;
    }

    /// <summary>Takes over a record of a log whose process is gone: it is in this process's log when the call completes.</summary>
    /// <exception cref="IOException">This process's log cannot be written.</exception>
    public async ValueTask AdoptAsync(WalRecord record)
    {
        if (await ReadAsync(record).ConfigureAwait(false) is not { } batch)
            return;
        Index(record.Tenant, batch, _log.CurrentSegment, default);
        batch.Release();
        await _log.AppendAsync(record.Tenant, record.Request).ConfigureAwait(false);
    }

    public async ValueTask<IngestResult> PushAsync(TenantId tenant, SpanBatch batch)
    {
        if (_memory.IsFull && !await _memory.WaitForRoomAsync(s_patience, _time).ConfigureAwait(false))
        {
            return new IngestResult
            {
                Unavailable = $"the live traces and blocks not yet written hold {_memory.HeldBytes} bytes, all that they may (ingester.max_memory_bytes is {_options.MaxMemoryBytes}); try again later",
            };
        }

        var refusals = Index(tenant, batch, _log.CurrentSegment, LimitsOf(tenant));
        if (refusals is null || refusals.Spans.Count < batch.Spans.Length)
        {
            try
            {
                await _log.AppendAsync(tenant, refusals is null ? batch.Memory : OtlpSubset.Without(batch, refusals.Spans)).ConfigureAwait(false);
            }
            catch (IOException e)
            {
                // What was indexed stays: should the client not come back, it is spans too many, which are spans all the same.
                return new IngestResult { Unavailable = $"the write-ahead log cannot be written: {e.Message}" };
            }
        }

        if (_memory.IsShort)
            Relieve();
        var hold = _memory.Hold();
        if (hold > TimeSpan.Zero)
            await Task.Delay(hold, _time).ConfigureAwait(false);
        return new IngestResult { Refusals = refusals };
    }

    public async ValueTask FindAsync(TenantId tenant, TraceId traceId, TraceRange range, TraceSpans into, ICollection<string> problems, CancellationToken cancellationToken)
    {
        if (!_tenants.TryGetValue(tenant, out var known))
            return;
        var partitions = known.Partitions;
        foreach (var block in partitions[TraceSplit.PartitionOf(traceId, partitions.Length)].Find(traceId, into))
        {
            if (_blocks.Contains(tenant, block.BlockId))
                continue;
            try
            {
                await _reader.FindAsync(block, traceId, into, cancellationToken).ConfigureAwait(false);
            }
            catch (BlockCorruptException)
            {
                // Gone from the list meanwhile, and from the store: whoever reads the listed blocks knows why, and says so.
            }
        }
    }

    /// <summary>Cuts and writes all that a tenant has, or with null all tenants have, and waits until it is in blocks; false where there is no such tenant.</summary>
    public async Task<bool> FlushAsync(TenantId? tenant, CancellationToken cancellationToken)
    {
        if (tenant is { } one && !_tenants.ContainsKey(one))
            return false;
        var partitions = tenant is { } only ? _tenants[only].Partitions : _tenants.Values.SelectMany(static t => t.Partitions);
        foreach (var partition in partitions)
            partition.Cut(CutReason.Everything);

        // With those that were cut before and are still to be written.
        await _flushes.WrittenAsync(tenant).WaitAsync(cancellationToken).ConfigureAwait(false);
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

    // The log keeps the record until its segment is released.
    private async ValueTask ReplayAsync(WalRecord record)
    {
        if (await ReadAsync(record).ConfigureAwait(false) is { } batch)
        {
            Index(record.Tenant, batch, record.Segment, default);
            batch.Release();
        }
    }

    private async ValueTask<SpanBatch?> ReadAsync(WalRecord record)
    {
        // Blocks are written meanwhile, so a log larger than memory is no trouble.
        while (_memory.IsFull)
            await _memory.WaitForRoomAsync(s_patience, _time).ConfigureAwait(false);
        if (_memory.IsShort)
            Relieve();

        var buffer = RequestBuffer.Rent(record.Request.Length);
        record.Request.Span.CopyTo(buffer.GetMemory(record.Request.Length).Span);
        buffer.Length = record.Request.Length;
        if (!SpanBatch.TryRead(buffer, 0, out var batch, out var error))
        {
            ReplayedRecordUnreadable(_logger, record.Tenant, error.ToString());
            return null;
        }

        Distributor.RemoveInvalid(batch);
        return batch;
    }

    private Refusals? Index(TenantId tenant, SpanBatch batch, long segment, IngesterLimits limits)
    {
        var partitions = Tenant(tenant).Partitions;
        var split = _splits.TryTake(out var former) ? former : new TraceSplit();
        split.Split(batch, partitions.Length);
        Refusals? refusals = null;
        for (var i = 0; i < partitions.Length; i++)
        {
            var spans = split.Spans(i);
            if (spans.Length > 0)
                partitions[i].Push(batch, spans, segment, limits, ref refusals);
        }

        _splits.Add(split);
        return refusals;
    }

    private IngesterTenant Tenant(TenantId tenant) =>
        _tenants.TryGetValue(tenant, out var known) ? known : _tenants.GetOrAdd(tenant, static (t, self) => new IngesterTenant(t, self._options, self._memory, self._flushes, self._time), this);

    private IngesterLimits LimitsOf(TenantId tenant)
    {
        var overrides = _overrides.For(tenant);
        return new IngesterLimits
        {
            MaxTraces = overrides.Ingestion.MaxTracesPerUser,
            MaxBytesPerTrace = overrides.Global.MaxBytesPerTrace,
        };
    }

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

    [LoggerMessage(Level = LogLevel.Error, Message = "a record of tenant {Tenant} in the write-ahead log cannot be read and is skipped: {Error}")]
    private static partial void ReplayedRecordUnreadable(ILogger logger, TenantId tenant, string error);
}
