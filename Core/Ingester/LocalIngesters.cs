using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using OrleansTempo.Core.Otlp;
using OrleansTempo.Core.Overrides;

namespace OrleansTempo.Core.Ingester;

/// <summary>
/// The ingester partitions that are in this process, whoever routes spans to them; what they share (the log, the memory, the threads that write
/// blocks), and the round that keeps them moving:
/// <code>
///   admit ─► partitions index ─► write-ahead log ─► settle ─► answer
///                │ every flush_check_period, or when memory is short
///                └─► cut ─► flush queue ─► block ─► log segments let go
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

    /// <summary>The segment that what is indexed from now on is logged in, or a later one.</summary>
    public long CurrentSegment => _log.CurrentSegment;

    /// <summary>A tenant's partition, which is opened where it is not yet.</summary>
    public IngesterPartition Partition(TenantId tenant, int partition) =>
        (_tenants.TryGetValue(tenant, out var known) ? known : _tenants.GetOrAdd(tenant, static (t, self) => new IngesterTenant(t, self._options, self._memory, self._flushes, self._time), this))
        .Partition(partition);

    /// <summary>Whether anything of the tenant has come to this process.</summary>
    public bool Knows(TenantId tenant) => _tenants.ContainsKey(tenant);

    public IngesterLimits LimitsOf(TenantId tenant)
    {
        var overrides = _overrides.For(tenant);
        return new IngesterLimits
        {
            MaxTraces = overrides.Ingestion.MaxTracesPerUser,
            MaxBytesPerTrace = overrides.Global.MaxBytesPerTrace,
        };
    }

    /// <summary>Before a push: waits for memory for a moment, where there is none. Null where there is some; otherwise a refusal in a sentence.</summary>
    public ValueTask<string?> AdmitAsync() => _memory.IsFull ? WaitForRoomAsync() : ValueTask.FromResult<string?>(null);

    /// <summary>After what was pushed is indexed: writes it to the log. Null where it is there; otherwise why it is not, in a sentence.</summary>
    /// <param name="tenant">Whose spans they are.</param>
    /// <param name="request">An <c>ExportTraceServiceRequest</c>; must stay as it is until the call has completed.</param>
    public async ValueTask<string?> LogAsync(TenantId tenant, ReadOnlyMemory<byte> request)
    {
        try
        {
            await _log.AppendAsync(tenant, request).ConfigureAwait(false);
            return null;
        }
        catch (IOException e)
        {
            // What was indexed stays: should the client not come back, it is spans too many, which are spans all the same.
            return $"the write-ahead log cannot be written: {e.Message}";
        }
    }

    /// <summary>At the end of a push: cuts blocks where memory is short, and holds the answer for as long as that asks for.</summary>
    public async ValueTask SettleAsync()
    {
        if (_memory.IsShort)
            Relieve();
        var hold = _memory.Hold();
        if (hold > TimeSpan.Zero)
            await Task.Delay(hold, _time).ConfigureAwait(false);
    }

    /// <summary>Hands what earlier processes had logged and not put in blocks to <paramref name="replay"/>; only from then on segments are let go.</summary>
    public async Task<ReplayResult> ReplayAsync(Func<WalRecord, ValueTask> replay, CancellationToken cancellationToken)
    {
        var result = await _log.ReplayAsync(replay, cancellationToken).ConfigureAwait(false);
        _replayed = true;
        return result;
    }

    /// <summary>
    /// The spans of a record of a log, with one lease, when there is room for them: blocks are written meanwhile, so a log larger than memory is
    /// no trouble. Null where the record is no request, which is logged.
    /// </summary>
    public async ValueTask<SpanBatch?> ReadAsync(WalRecord record)
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
            ReplayedRecordUnreadable(_logger, record.Tenant, error.ToString());
            return null;
        }

        ValidIds.RemoveOthers(batch);
        return batch;
    }

    /// <summary>Cuts and writes all that a tenant has here, or with null all tenants have, and waits until it is in blocks; false where there is no such tenant.</summary>
    public async Task<bool> FlushAsync(TenantId? tenant, CancellationToken cancellationToken)
    {
        if (tenant is { } one && !_tenants.ContainsKey(one))
            return false;
        var partitions = tenant is { } only ? _tenants[only].Partitions : _tenants.Values.SelectMany(static t => t.Partitions);
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
