using System.Buffers;
using System.Globalization;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using OrleansTempo.Core.Overrides;
using OrleansTempo.Core.Storage;

namespace OrleansTempo.Core.Ingester;

/// <summary>
/// The write-ahead log in an object store, where any other process finds it when this one is gone. A stream per process, a
/// segment is an object:
/// <code>
/// wal/&lt;stream&gt;/owner                  who writes here; renewed by conditional puts
/// wal/&lt;stream&gt;/00000000000000000001   all appends of an interval; put only where none is yet, one after another
/// wal/&lt;stream&gt;/00000000000000000002
/// wal/&lt;stream&gt;/00000000000000000003   fence: put by the one who adopts the stream
/// </code>
/// Whose owner record is too old is taken for dead, and may not be. So the adopter first replaces the record, which only one
/// can, then puts a fence where the next segment would go, and only then reads: a segment is either before the fence, and is
/// read, or is refused, and its appends fail. The last segment stays even when it is released: it shows where the next one goes. Beside
/// that an owner acknowledges only while its record is fresh, because record and fence do not stay for ever.
/// </summary>
public sealed partial class ObjectWriteAheadLog : IWriteAheadLog
{
    private const string Root = "wal/";
    private const string OwnerObject = "owner";

    // A store that is slow gets larger objects, not more of them.
    private const int MaxCommitsInOne = 8;
    private const int MaxObjectBytes = 256 << 20;

    private static readonly TimeSpan s_defaultLease = TimeSpan.FromSeconds(30);

    // Longer than any put is under way, and any process stands still.
    private static readonly TimeSpan s_fenceKept = TimeSpan.FromHours(1);

    private readonly IObjectStore _store;
    private readonly WalOptions _options;
    private readonly TempoMetrics _metrics;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly TimeSpan _lease;
    private readonly string _owner = $"{Environment.MachineName}/{Environment.ProcessId}/{Guid.NewGuid():N}";
    private readonly WalTicketPool _tickets = new();
    private readonly ITimer _commitTimer;
    private readonly CancellationTokenSource _stopping = new();
    private readonly TaskCompletionSource _drained = new(TaskCreationOptions.RunContinuationsAsynchronously);

    // One at a time: each needs the ETag of the one before.
    private readonly SemaphoreSlim _renewal = new(1);
    private OwnedObject _ownerObject = null!;
    private long _renewedTicks;
    private Task _renewing = Task.CompletedTask;
    private volatile string? _lost;

    // The committer's alone, of which there is one at a time.
    private readonly List<PendingWalRecord> _batch = [];
    private bool _failing;

    private readonly Lock _gate = new();

    // All below is guarded by _gate.
    private readonly Queue<PendingWalRecord> _queue = new();
    private long _queuedBytes;
    private bool _due;
    private bool _committing;
    private bool _closed;
    private long _next = 1;
    private long _firstKept = 1;
    private long _released;
    private Task _deleting = Task.CompletedTask;

    private ObjectWriteAheadLog(IObjectStore store, WalOptions options, TempoMetrics metrics, TimeProvider time, ILogger logger, string stream, TimeSpan lease)
    {
        _store = store;
        _options = options;
        _metrics = metrics;
        _time = time;
        _logger = logger;
        _lease = lease;
        Stream = stream;
        _commitTimer = time.CreateTimer(static log => ((ObjectWriteAheadLog)log!).CommitOnTimer(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>The name of this process's stream.</summary>
    public string Stream { get; }

    public long CurrentSegment => Volatile.Read(ref _next);

    // A third of the lease is for clocks that differ, and for what happens between looking and acknowledging.
    private bool IsFresh => _time.GetUtcNow().Ticks - Volatile.Read(ref _renewedTicks) < _lease.Ticks * 2 / 3;

    /// <summary>Begins a stream.</summary>
    /// <param name="stream">A name that no process has had before; null for a new GUID.</param>
    /// <param name="lease">How long an owner's silence is taken for its death; null for 30 s. The same for all processes.</param>
    /// <exception cref="IOException">There is a stream of that name, or the store cannot be reached.</exception>
    public static async Task<ObjectWriteAheadLog> OpenAsync(
        IObjectStore store,
        WalOptions options,
        TempoMetrics metrics,
        TimeProvider time,
        ILogger logger,
        string? stream = null,
        TimeSpan? lease = null,
        CancellationToken cancellationToken = default)
    {
        var log = new ObjectWriteAheadLog(store, options, metrics, time, logger, stream ?? Guid.NewGuid().ToString("N"), lease ?? s_defaultLease);
        var now = time.GetUtcNow();
        log._ownerObject = await OwnedObject.TryTakeAsync(store, OwnerName(log.Stream), null, log.OwnerAt(now, WalOwnerState.Live), log.IsOwn, cancellationToken).ConfigureAwait(false)
            ?? throw new IOException($"the write-ahead log has a stream '{log.Stream}' already; a process begins one of its own and adopts what others have left");
        log._renewedTicks = now.Ticks;
        log._renewing = log.KeepRenewingAsync();
        metrics.WalSegments.Record(0);
        return log;
    }

    /// <inheritdoc/>
    public ValueTask AppendAsync(TenantId tenant, ReadOnlyMemory<byte> request)
    {
        if (request.Length > WalFormat.MaxRequestBytes)
            return ValueTask.FromException(new IOException($"a request of {request.Length} bytes is too long for the write-ahead log, at most {WalFormat.MaxRequestBytes} are allowed"));

        var record = new PendingWalRecord(tenant, request);
        WalTicket ticket;
        lock (_gate)
        {
            if (_closed)
                return ValueTask.FromException(new IOException("the write-ahead log is closed: the process is stopping"));
            if (_lost is { } lost)
                return ValueTask.FromException(new IOException(lost));
            ticket = _tickets.Rent();
            _queue.Enqueue(record.With(ticket));
            _queuedBytes += record.Bytes;
            if (_queue.Count == 1)
                _commitTimer.Change(_options.CommitInterval, Timeout.InfiniteTimeSpan);
            if (_queuedBytes >= _options.CommitBytes)
                CommitNow();
        }

        return ticket.Completion;
    }

    /// <inheritdoc/>
    public void Release(long segment)
    {
        lock (_gate)
        {
            _released = Math.Max(_released, segment);
            if (_deleting.IsCompleted && !_closed && _lost is null && _firstKept < ReleasedEnd())
                _deleting = Task.Run(DeleteReleasedAsync);
        }
    }

    /// <summary>There is nothing to replay in a new stream: what earlier processes left is for <see cref="AdoptAsync"/>.</summary>
    public Task<ReplayResult> ReplayAsync(Func<WalRecord, ValueTask> replay, CancellationToken cancellationToken) => Task.FromResult(default(ReplayResult));

    /// <summary>The streams whose owner has ended, or has been silent for longer than the lease. Clears away what is left of those adopted long ago.</summary>
    public async Task<IReadOnlyList<string>> ListOrphansAsync(CancellationToken cancellationToken = default)
    {
        var orphans = new List<string>();
        foreach (var stream in await _store.ListFoldersAsync(Root, cancellationToken).ConfigureAwait(false))
        {
            if (stream == Stream)
                continue;
            var owner = await ReadOwnerAsync(stream, cancellationToken).ConfigureAwait(false);
            if (IsOrphan(owner.Record))
                orphans.Add(stream);
            else if (owner.Record is { State: WalOwnerState.Adopted } adopted && _time.GetUtcNow() - adopted.Renewed > s_fenceKept)
                await DeleteStreamAsync(stream, cancellationToken).ConfigureAwait(false);
        }

        return orphans;
    }

    /// <summary>
    /// Takes an orphan over: hands all its records to <paramref name="replay"/>, which appends them to its own log, and then
    /// deletes them. So that one commit carries many, a segment's records are handed over one after another without waiting
    /// for the calls to complete, and stay readable until they have.
    /// </summary>
    /// <returns>What was found; null where it is no orphan any more: another was faster, or the owner is back.</returns>
    /// <exception cref="IOException">The store cannot be reached. The stream is an orphan again after the lease.</exception>
    public async Task<ReplayResult?> AdoptAsync(string stream, Func<WalRecord, ValueTask> replay, CancellationToken cancellationToken)
    {
        var (there, etag) = await ReadOwnerAsync(stream, cancellationToken).ConfigureAwait(false);
        if (stream == Stream || !IsOrphan(there))
            return null;
        var claimedAt = _time.GetUtcNow();
        var claim = await ClaimAsync(stream, etag, WalOwnerState.Live, cancellationToken).ConfigureAwait(false);
        if (claim is null)
            return null;

        LogAdopting(stream, there?.Owner ?? "nobody");
        await FenceAsync(stream, cancellationToken).ConfigureAwait(false);
        var result = default(ReplayResult);
        var reader = new WalSegmentReader();
        var replaying = new List<Task>();
        var done = new List<long>();
        var unreadable = false;
        foreach (var number in await ListSegmentsAsync(stream, cancellationToken).ConfigureAwait(false))
        {
            if (_time.GetUtcNow() - claimedAt > _lease / 3)
            {
                claimedAt = _time.GetUtcNow();
                claim = await ClaimAsync(stream, claim, WalOwnerState.Live, cancellationToken).ConfigureAwait(false);
                if (claim is null)
                    return null;
            }

            // Gone where its owner has released it meanwhile.
            var name = SegmentName(stream, number);
            if (await _store.GetAsync(name, cancellationToken).ConfigureAwait(false) is not { } segment || segment.Content.Span.StartsWith(WalFormat.FenceMagic))
                continue;
            if (!reader.TryOpen(number, segment.Content, out var error))
            {
                unreadable = true;
                CountError(1, "unreadable");
                LogUnreadable(name, error);
                continue;
            }

            while (reader.TryRead(out var record))
            {
                cancellationToken.ThrowIfCancellationRequested();
                result = result with { Records = result.Records + 1, Bytes = result.Bytes + record.Request.Length };
                replaying.Add(replay(record).AsTask());
            }

            await Task.WhenAll(replaying).ConfigureAwait(false);
            replaying.Clear();
            done.Add(number);
            var torn = reader.Length - reader.GoodBytes;
            result = result with
            {
                Segments = result.Segments + 1,
                CorruptRecords = result.CorruptRecords + reader.CorruptRecords,
                TornBytes = result.TornBytes + torn,
            };
            if (reader.CorruptRecords > 0 || torn > 0)
            {
                CountError(reader.CorruptRecords, "corrupt");
                CountError(torn > 0 ? 1 : 0, "torn");
                LogDamaged(name, reader.CorruptRecords, torn);
            }
        }

        // Before the segments are deleted: whoever finds it like this has nothing to do.
        if (await ClaimAsync(stream, claim, unreadable ? WalOwnerState.Unreadable : WalOwnerState.Adopted, cancellationToken).ConfigureAwait(false) is null)
            return null;
        foreach (var number in done)
            await _store.DeleteAsync(SegmentName(stream, number), cancellationToken).ConfigureAwait(false);
        LogAdopted(stream, result.Records, result.Segments);
        return result;
    }

    /// <summary>
    /// Takes no more records, puts those that wait, and leaves the stream: without a trace where all has been released, and
    /// otherwise as an orphan that can be adopted at once.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        bool closed;
        lock (_gate)
        {
            closed = _closed;
            _closed = true;
            if (_queue.Count > 0)
                CommitNow();
            else if (!_committing)
                _drained.TrySetResult();
        }

        await _drained.Task.ConfigureAwait(false);
        if (closed)
            return;

        await _stopping.CancelAsync().ConfigureAwait(false);
        await _renewing.ConfigureAwait(false);
        await _deleting.ConfigureAwait(false);
        await _commitTimer.DisposeAsync().ConfigureAwait(false);
        if (_lost is null)
            await LeaveAsync().ConfigureAwait(false);
        _renewal.Dispose();
        _stopping.Dispose();
    }

    private static string OwnerName(string stream) => $"{Root}{stream}/{OwnerObject}";

    private static string SegmentName(string stream, long number) => string.Create(CultureInfo.InvariantCulture, $"{Root}{stream}/{number:D20}");

    private byte[] OwnerAt(DateTimeOffset now, WalOwnerState state) => new WalOwner(_owner, now, state).ToJson();

    private bool IsOwn(ReadOnlyMemory<byte> json) => WalOwner.Read(json.Span)?.Owner == _owner;

    private bool IsOrphan(WalOwner? owner) => owner is null
        || owner.State == WalOwnerState.Stopped
        || (owner.State == WalOwnerState.Live && _time.GetUtcNow() - owner.Renewed > _lease);

    private void CommitOnTimer()
    {
        lock (_gate)
        {
            if (_queue.Count > 0)
                CommitNow();
        }
    }

    // Under _gate.
    private void CommitNow()
    {
        _due = true;
        if (_committing)
            return;
        _committing = true;
        _ = Task.Run(CommitQueuedAsync);
    }

    private async Task CommitQueuedAsync()
    {
        while (true)
        {
            lock (_gate)
            {
                if (!_due)
                {
                    _committing = false;
                    if (_closed)
                        _drained.TrySetResult();
                    return;
                }

                TakeBatch();
            }

            string? error;
            try
            {
                error = await PutBatchAsync().ConfigureAwait(false);
            }
            catch (Exception e)
            {
                error = $"the write-ahead log could not be written to '{SegmentName(Stream, CurrentSegment)}': {e.Message}; send the request again, and see to it that the object store can be reached";
                if (!_failing)
                    LogPutFailed(e, Stream);
                _failing = true;
            }

            if (error is not null)
                _metrics.WalWriteFailures.Add(1);
            foreach (var record in _batch)
                record.Ticket!.Complete(error);
            _batch.Clear();
        }
    }

    // Under _gate.
    private void TakeBatch()
    {
        long bytes = 0, most = Math.Min((long)_options.CommitBytes * MaxCommitsInOne, MaxObjectBytes);
        while (_queue.TryPeek(out var record) && (bytes == 0 || bytes + record.Bytes <= most))
        {
            _batch.Add(_queue.Dequeue());
            bytes += record.Bytes;
        }

        _queuedBytes -= bytes;
        if (_queue.Count > 0)
            return;
        _due = false;
        _commitTimer.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    // Puts _batch under the next free number; returns why it must not be acknowledged.
    private async Task<string?> PutBatchAsync()
    {
        var bytes = WalFormat.SegmentHeaderBytes;
        foreach (var record in _batch)
            bytes += record.Bytes;
        var buffer = ArrayPool<byte>.Shared.Rent(bytes);
        try
        {
            var salt = BitConverter.ToUInt32(RandomNumberGenerator.GetBytes(sizeof(uint)));
            Compose(buffer, salt);
            while (_lost is null)
            {
                var number = CurrentSegment;
                WalFormat.WriteSegmentHeader(buffer, salt, number);
                var name = SegmentName(Stream, number);
                if (await _store.PutIfAbsentAsync(name, buffer.AsMemory(0, bytes)).ConfigureAwait(false) is not null)
                {
                    Advance();
                    if (!IsFresh && !await RenewAsync(WalOwnerState.Live).ConfigureAwait(false))
                        break;
                    _metrics.WalCommits.Add(1);
                    _metrics.WalBytesWritten.Add(bytes);
                    if (_failing)
                        LogPutsAgain(Stream);
                    _failing = false;
                    return null;
                }

                // Either the fence, or a put of this process that had seemed to fail.
                if (await _store.GetAsync(name).ConfigureAwait(false) is { } there && !there.Content.Span.StartsWith(WalFormat.FenceMagic))
                    Advance();
                else if (await RenewAsync(WalOwnerState.Live).ConfigureAwait(false))
                    return $"the write-ahead log's stream '{Stream}' has been fenced in '{name}', but is still this process's; delete that object, or restart the process";
            }

            return _lost;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private void Compose(Span<byte> target, uint salt)
    {
        target = target[WalFormat.SegmentHeaderBytes..];
        foreach (var record in _batch)
        {
            record.WritePrefix(target, salt);
            target = target[record.PrefixBytes..];
            record.Request.Span.CopyTo(target);
            target = target[record.Request.Length..];
        }
    }

    private void Advance()
    {
        lock (_gate)
        {
            Volatile.Write(ref _next, _next + 1);
            _metrics.WalSegments.Record(_next - _firstKept);
        }
    }

    // Under _gate: before which segment all may be deleted.
    private long ReleasedEnd() => Math.Min(_released, _next - 1);

    private async Task DeleteReleasedAsync()
    {
        while (true)
        {
            long number;
            lock (_gate)
            {
                if (_firstKept >= ReleasedEnd())
                    return;
                number = _firstKept++;
                _metrics.WalSegments.Record(_next - _firstKept);
            }

            var name = SegmentName(Stream, number);
            try
            {
                await _store.DeleteAsync(name, _stopping.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (Exception e)
            {
                LogDeleteFailed(e, name);
            }
        }
    }

    private async Task KeepRenewingAsync()
    {
        while (_lost is null)
        {
            await Task.Delay(_lease / 6, _time, _stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (_stopping.IsCancellationRequested)
                return;
            try
            {
                await RenewAsync(WalOwnerState.Live).ConfigureAwait(false);
            }
            catch (Exception e)
            {
                LogRenewalFailed(e, Stream);
            }
        }
    }

    // False, and the log is lost, where another has the stream.
    private async Task<bool> RenewAsync(WalOwnerState state)
    {
        await _renewal.WaitAsync().ConfigureAwait(false);
        try
        {
            if (_lost is not null)
                return false;
            var now = _time.GetUtcNow();
            if (!await _ownerObject.TryPutAsync(OwnerAt(now, state)).ConfigureAwait(false))
            {
                var by = _ownerObject.Successor is { } there && WalOwner.Read(there.Span) is { } record ? record.Owner : "another process";
                _lost = $"the write-ahead log's stream '{Stream}' was taken over by {by}, which took this one for dead; restart this process";
                LogLost(Stream, by);
                return false;
            }

            Volatile.Write(ref _renewedTicks, now.Ticks);
            return true;
        }
        finally
        {
            _renewal.Release();
        }
    }

    private async Task LeaveAsync()
    {
        try
        {
            if (_next > 1 && _released < _next)
                await RenewAsync(WalOwnerState.Stopped).ConfigureAwait(false);
            else if (await RenewAsync(WalOwnerState.Adopted).ConfigureAwait(false))
                await DeleteStreamAsync(Stream, CancellationToken.None).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            LogRenewalFailed(e, Stream);
        }
    }

    private async Task<(WalOwner? Record, string? ETag)> ReadOwnerAsync(string stream, CancellationToken cancellationToken) =>
        await _store.GetAsync(OwnerName(stream), cancellationToken).ConfigureAwait(false) is { } there
            ? (WalOwner.Read(there.Content.Span), there.ETag)
            : (null, null);

    // Writes the owner record of another's stream, unless it has changed; null where it has.
    private Task<string?> ClaimAsync(string stream, string? etag, WalOwnerState state, CancellationToken cancellationToken)
    {
        var record = OwnerAt(_time.GetUtcNow(), state);
        return etag is null
            ? _store.PutIfAbsentAsync(OwnerName(stream), record, cancellationToken)
            : _store.PutIfMatchAsync(OwnerName(stream), record, etag, cancellationToken);
    }

    // Puts an object where the stream's next segment would go. It holds when it is the last one: had the old owner gone on
    // behind it, its last segment would be there.
    private async Task FenceAsync(string stream, CancellationToken cancellationToken)
    {
        long? fence = null;
        while (true)
        {
            var segments = await ListSegmentsAsync(stream, cancellationToken).ConfigureAwait(false);
            var last = segments.Count == 0 ? 0 : segments[^1];
            if (last == fence)
                return;
            byte[] content = [.. WalFormat.FenceMagic, .. OwnerAt(_time.GetUtcNow(), WalOwnerState.Adopted)];
            fence = await _store.PutIfAbsentAsync(SegmentName(stream, last + 1), content, cancellationToken).ConfigureAwait(false) is null ? null : last + 1;
        }
    }

    private async Task<List<long>> ListSegmentsAsync(string stream, CancellationToken cancellationToken)
    {
        var numbers = new List<long>();
        var prefix = $"{Root}{stream}/";
        await foreach (var info in _store.ListAsync(prefix, cancellationToken).ConfigureAwait(false))
        {
            if (long.TryParse(info.Name.AsSpan(prefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var number))
                numbers.Add(number);
        }

        numbers.Sort();
        return numbers;
    }

    // The owner record last: without it the rest would be taken for an orphan.
    private async Task DeleteStreamAsync(string stream, CancellationToken cancellationToken)
    {
        foreach (var number in await ListSegmentsAsync(stream, cancellationToken).ConfigureAwait(false))
            await _store.DeleteAsync(SegmentName(stream, number), cancellationToken).ConfigureAwait(false);
        await _store.DeleteAsync(OwnerName(stream), cancellationToken).ConfigureAwait(false);
    }

    private void CountError(long count, string reason)
    {
        if (count > 0)
            _metrics.ReplayErrors.Add(count, new KeyValuePair<string, object?>("reason", reason));
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "The write-ahead log cannot be put into its stream {Stream}; requests are refused until it can, see to it that the object store can be reached")]
    private partial void LogPutFailed(Exception exception, string stream);

    [LoggerMessage(Level = LogLevel.Information, Message = "The write-ahead log is put into its stream {Stream} again")]
    private partial void LogPutsAgain(string stream);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The owner record of the write-ahead log's stream {Stream} could not be written; when that lasts, another process takes the stream over")]
    private partial void LogRenewalFailed(Exception exception, string stream);

    [LoggerMessage(Level = LogLevel.Critical, Message = "The write-ahead log's stream {Stream} was taken over by {Owner}, which took this process for dead; it acknowledges nothing more, restart it")]
    private partial void LogLost(string stream, string owner);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Name} of the write-ahead log is not needed any more and could not be deleted")]
    private partial void LogDeleteFailed(Exception exception, string name);

    [LoggerMessage(Level = LogLevel.Information, Message = "Adopting the write-ahead log's stream {Stream} of {Owner}")]
    private partial void LogAdopting(string stream, string owner);

    [LoggerMessage(Level = LogLevel.Information, Message = "Adopted the write-ahead log's stream {Stream}: {Records} records of {Segments} segments")]
    private partial void LogAdopted(string stream, long records, int segments);

    [LoggerMessage(Level = LogLevel.Error, Message = "{Name} of the write-ahead log cannot be read and is passed over: {Error}. It is left there; delete it when nothing more is to be had of it")]
    private partial void LogUnreadable(string name, string error);

    [LoggerMessage(Level = LogLevel.Error, Message = "{Name} of the write-ahead log has {Records} corrupt records and {TornBytes} bytes of a torn one, which were skipped")]
    private partial void LogDamaged(string name, long records, long tornBytes);
}
