using System.Buffers;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using OrleansTempo.Core.Configuration.Storage;
using OrleansTempo.Core.Objects;

namespace OrleansTempo.Core.Ingester.Log;

/// <summary>
/// The write-ahead log in an object store, where other processes find it when this one is gone. Each process has a stream, see
/// <see cref="WalStream"/>. One object is put at a time; what is appended meanwhile shares the next one.
/// <code>
/// start, with an identity:   claim the stream of the former process ─► fence it ─► replay ─► continue behind the fence
/// otherwise:                 begin a stream
/// an append:                 queue ─► put under the next number ─► acknowledge, where the owner record is fresh
/// </code>
/// An owner acknowledges only while its record is fresh: once it has been silent too long, others may have adopted its stream, see
/// <see cref="OrphanedStreams"/>. The last segment stays even when released, because it shows where the next one goes.
/// </summary>
public sealed partial class ObjectWriteAheadLog : IWriteAheadLog
{
    // A slow store gets larger objects, not more of them.
    private const int MaxCommitsInOne = 8;
    private const int MaxObjectBytes = 256 << 20;

    // Callers that a put has answered come back a moment later. Without this pause, one half of them would always wait for the other half's put.
    private const int PartOfPutToGather = 8;
    private static readonly TimeSpan s_longestGathering = TimeSpan.FromMilliseconds(100);

    // Between puts that fail, doubled each time: a store that cannot take them must not get more of them.
    private static readonly TimeSpan s_firstBackOff = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan s_longestBackOff = TimeSpan.FromSeconds(2);

    internal static readonly TimeSpan DefaultLease = TimeSpan.FromSeconds(30);

    // Appends are refused until one succeeds.
    private static readonly TimeSpan s_retryRenewal = TimeSpan.FromSeconds(1);

    private readonly IObjectStore _store;
    private readonly WalStream _stream;
    private readonly WalIdentity _identity;
    private readonly WalOptions _options;
    private readonly TempoMetrics _metrics;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly TimeSpan _lease;
    private readonly TimeSpan _interval;
    private readonly WalTicketPool _tickets = new();
    private readonly ITimer _commitTimer;
    private readonly CancellationTokenSource _stopping = new();
    private readonly TaskCompletionSource _drained = new(TaskCreationOptions.RunContinuationsAsynchronously);

    // One at a time: each needs the ETag of the one before.
    private readonly SemaphoreSlim _renewal = new(1);
    private readonly OwnedObject _ownerObject;
    private long _renewedTicks;
    private long _renewedAt;
    private readonly Task _renewing;
    private readonly StoreContact _contact;
    private readonly TaskCompletionSource<string> _hasLost = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile string? _lost;
    private volatile bool _isReplaying;
    private bool _renewalFailing;

    // Used only by the committer, of which there is one at a time.
    private readonly List<PendingWalRecord> _batch = [];
    private int _failures;

    // What the stream held when it was resumed.
    private readonly long[] _replayable;
    private readonly HashSet<long> _unreadable = [];

    private readonly Lock _gate = new();

    // Everything below is guarded by _gate.
    private readonly Queue<PendingWalRecord> _queue = new();
    private long _queuedBytes;
    private bool _committing;
    private long _notBefore;
    private bool _closed;
    private readonly SortedSet<long> _kept;
    private long _next;
    private long _released;
    private Task _deleting = Task.CompletedTask;

    private ObjectWriteAheadLog(
        IObjectStore store, WalOptions options, WalIdentity identity, TempoMetrics metrics, TimeProvider time, ILogger logger, TimeSpan lease, string stream, Start start)
    {
        _store = store;
        _options = options;
        _identity = identity;
        _metrics = metrics;
        _time = time;
        _logger = logger;
        _lease = lease;
        _contact = new StoreContact(time);
        _interval = options.CommitInterval ?? TimeSpan.Zero;
        _notBefore = time.GetTimestamp();
        Stream = stream;
        _stream = new WalStream(store, stream, metrics, logger);
        _ownerObject = start.Owner;
        _renewedTicks = start.Renewed.Ticks;
        _renewedAt = start.RenewedAt;
        _replayable = [.. start.Segments];
        _isReplaying = _replayable.Length > 0;
        _kept = [.. start.Segments];
        _next = start.Segments is [.., var last] ? last + 1 : 1;
        _metrics.WalSegments.Record(_kept.Count);
        _commitTimer = time.CreateTimer(static log => ((ObjectWriteAheadLog)log!).CommitOnTimer(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _renewing = KeepRenewingAsync();
    }

    /// <summary>The name of this process's stream.</summary>
    public string Stream { get; }

    public long CurrentSegment => Volatile.Read(ref _next);

    /// <inheritdoc/>
    public WalTrouble? Trouble => _lost is { } lost ? new WalTrouble(lost, Timeout.InfiniteTimeSpan, StopsAppends: true) : _contact.Trouble;

    /// <inheritdoc/>
    public Task<string> Lost => _hasLost.Task;

    // A small request that has no answer by then has failed. Less than the time between two renewals.
    private TimeSpan Patience => _lease * 2 / 15;

    // A third of the lease is reserved for clocks that differ, and for the time between looking and acknowledging. Both clocks must agree: the wall
    // clock may be set back, and the monotonic one stops while the machine is suspended.
    private bool IsFresh => _time.GetUtcNow().Ticks - Volatile.Read(ref _renewedTicks) < _lease.Ticks * 2 / 3
        && _time.GetElapsedTime(Volatile.Read(ref _renewedAt)) < _lease * 2 / 3;

    /// <summary>Resumes the stream of this identity's previous process, or begins a new one.</summary>
    /// <param name="store">Where the streams are.</param>
    /// <param name="options">How the log is written.</param>
    /// <param name="identity">This process.</param>
    /// <param name="metrics">The process's own metrics.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">The process's log.</param>
    /// <param name="newStream">The name for a new stream, never used by any process before; null for a new GUID.</param>
    /// <param name="lease">How long an owner may be silent before it is considered dead; null for 30 s. The same for all processes.</param>
    /// <param name="cancellationToken">Cancels the start; the next one resumes what there is.</param>
    /// <exception cref="IOException">A stream of that name exists, or the store cannot be reached.</exception>
    public static async Task<ObjectWriteAheadLog> OpenAsync(
        IObjectStore store,
        WalOptions options,
        WalIdentity identity,
        TempoMetrics metrics,
        TimeProvider time,
        ILogger logger,
        string? newStream = null,
        TimeSpan? lease = null,
        CancellationToken cancellationToken = default)
    {
        var stream = identity.Stream;
        var start = stream is null ? null : await TryResumeAsync(store, new WalStream(store, stream, metrics, logger), identity, time, cancellationToken).ConfigureAwait(false);
        if (start is null)
        {
            stream = newStream ?? Guid.NewGuid().ToString("N");
            start = await BeginAsync(store, stream, new WalStream(store, stream, metrics, logger), identity, time, cancellationToken).ConfigureAwait(false);
        }
        else
        {
            LogResumed(logger, stream!, start.Segments.Count);
        }

        return new ObjectWriteAheadLog(store, options, identity, metrics, time, logger, lease ?? DefaultLease, stream!, start);
    }

    /// <inheritdoc/>
    public ValueTask AppendAsync(TenantId tenant, ReadOnlyMemory<byte> request)
    {
        if (request.Length > WalFormat.MaxRequestBytes)
            return ValueTask.FromException(new IOException($"a request of {request.Length} bytes is too large for the write-ahead log; at most {WalFormat.MaxRequestBytes} bytes are allowed"));

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
            if (_queue.Count == 1 || _queuedBytes >= _options.CommitBytes)
                CommitIfDue();
        }

        return ticket.Completion;
    }

    /// <inheritdoc/>
    public void Release(long segment)
    {
        lock (_gate)
        {
            _released = Math.Max(_released, segment);
            if (_deleting.IsCompleted && !_closed && _lost is null && HasReleased())
                _deleting = Task.Run(DeleteReleasedAsync);
        }
    }

    /// <summary>Finds out, by renewing the owner record, whether the store can be written to now.</summary>
    public async Task<bool> TryReachStoreAsync()
    {
        try
        {
            return await RenewAsync(WalOwnerState.Live).ConfigureAwait(false);
        }
        catch (Exception)
        {
            return false;
        }
    }

    /// <summary>Whether the store answers within a moment, whatever becomes of what is written.</summary>
    public async Task<bool> TryReadStoreAsync()
    {
        using var patience = new CancellationTokenSource(StoreContact.Patience, _time);
        try
        {
            await _store.GetAsync(_stream.OwnerName, patience.Token).ConfigureAwait(false);
            return true;
        }
        catch (Exception)
        {
            return false;
        }
    }

    /// <inheritdoc/>
    public async Task<ReplayResult> ReplayAsync(Func<WalRecord, ValueTask> replay, CancellationToken cancellationToken)
    {
        var result = default(ReplayResult);
        await foreach (var (number, found) in _stream.ReplayAsync(_replayable, replay, atOnce: 1, cancellationToken).ConfigureAwait(false))
        {
            if (found is { } segment)
                result = result.Plus(segment);
            else
                SkipUnreadable(number);
        }

        // Queries miss nothing any more. If this cannot be said now, the next renewal says it.
        if (_isReplaying)
        {
            _isReplaying = false;
            await TryReachStoreAsync().ConfigureAwait(false);
        }

        return result;
    }

    /// <summary>
    /// Accepts no more records, puts the waiting ones, and leaves the stream: deleted if everything has been released, otherwise as an orphan that
    /// can be adopted at once.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        bool closed;
        lock (_gate)
        {
            closed = _closed;
            _closed = true;
            CommitIfDue();
            if (!_committing)
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

    // Null if the stream does not belong to the previous process any more, or never did.
    private static async Task<Start?> TryResumeAsync(IObjectStore store, WalStream stream, WalIdentity identity, TimeProvider time, CancellationToken cancellationToken)
    {
        var there = await store.GetAsync(stream.OwnerName, cancellationToken).ConfigureAwait(false);
        if (there is not { } record || WalOwner.Read(record.Content.Span) is not { State: WalOwnerState.Live or WalOwnerState.Stopped } former || !identity.IsFormer(former))
            return null;
        var (now, began) = (time.GetUtcNow(), time.GetTimestamp());
        var live = identity.OwnerAt(now, WalOwnerState.Live, isReplaying: true);
        if (await OwnedObject.TryClaimAsync(store, stream.OwnerName, there, live, identity.IsOwn, cancellationToken).ConfigureAwait(false) is not { } owner)
            return null;

        // The former process puts nothing more. Its last put may still be on its way to the store: it arrives before the fence and is read, or it is
        // refused. Either way it was not acknowledged.
        var before = await stream.ListSegmentsAsync(cancellationToken).ConfigureAwait(false);
        var (isFence, by) = before is [.., var last] ? await stream.ReadFenceAsync(last, cancellationToken).ConfigureAwait(false) : (false, null);
        if (isFence && (by is null || !identity.IsFormer(by)))
        {
            // Somebody was adopting it, although its record says otherwise. It is left as an orphan, which this process adopts itself.
            await owner.TryPutAsync(identity.OwnerAt(now, WalOwnerState.Stopped), cancellationToken).ConfigureAwait(false);
            return null;
        }

        var segments = await stream.FenceAsync(live, cancellationToken).ConfigureAwait(false);
        if (isFence)
        {
            // The previous start's fence, useless now that ours is behind it: otherwise every start would leave one.
            await stream.DeleteAsync(before[^1], cancellationToken).ConfigureAwait(false);
            segments.Remove(before[^1]);
        }

        return new Start(owner, now, began, segments);
    }

    private static async Task<Start> BeginAsync(IObjectStore store, string name, WalStream stream, WalIdentity identity, TimeProvider time, CancellationToken cancellationToken)
    {
        identity.NoteStream(name);
        var (now, began) = (time.GetUtcNow(), time.GetTimestamp());
        var owner = await OwnedObject.TryClaimAsync(store, stream.OwnerName, null, identity.OwnerAt(now, WalOwnerState.Live), identity.IsOwn, cancellationToken).ConfigureAwait(false)
            ?? throw new IOException($"the write-ahead log already has a stream '{name}'; a process must start a stream of its own, and adopts those that others have left");
        return new Start(owner, now, began, []);
    }

    private void CommitOnTimer()
    {
        lock (_gate)
            CommitIfDue();
    }

    // Under _gate.
    private void CommitIfDue()
    {
        if (_committing || _queue.Count == 0)
            return;
        var wait = _closed || _queuedBytes >= _options.CommitBytes ? TimeSpan.Zero : _time.GetElapsedTime(_time.GetTimestamp(), _notBefore);
        if (wait > TimeSpan.Zero)
        {
            _commitTimer.Change(wait, Timeout.InfiniteTimeSpan);
            return;
        }

        _committing = true;
        _ = Task.Run(CommitAsync);
    }

    private async Task CommitAsync()
    {
        lock (_gate)
            TakeBatch();
        var began = _time.GetTimestamp();
        string? error;
        try
        {
            error = await PutBatchAsync().ConfigureAwait(false);
        }
        catch (Exception e)
        {
            error = $"cannot write to the write-ahead log '{_stream.SegmentName(CurrentSegment)}': {e.Message}; send the request again, and check that the object store can be reached";
            if (_failures == 0)
                LogPutFailed(Stream, e.Message);
        }

        if (error is not null)
        {
            _failures++;
            _metrics.WalWriteFailures.Add(1);
        }

        var ended = _time.GetTimestamp();
        foreach (var record in _batch)
            record.Ticket!.Complete(error);
        _batch.Clear();
        lock (_gate)
        {
            _notBefore = ended + (long)(PauseAfter(_time.GetElapsedTime(began, ended)).TotalSeconds * _time.TimestampFrequency);
            _committing = false;
            CommitIfDue();
            if (_closed && !_committing)
                _drained.TrySetResult();
        }
    }

    // How long the next put waits for more to carry, unless enough waits already.
    private TimeSpan PauseAfter(TimeSpan took)
    {
        if (_failures > 0)
            return TimeSpan.FromTicks(Math.Min(s_firstBackOff.Ticks << Math.Min(_failures - 1, 10), s_longestBackOff.Ticks));

        // Timers count milliseconds.
        var gathering = TimeSpan.FromMilliseconds(Math.Min(took.Ticks / PartOfPutToGather, s_longestGathering.Ticks) / TimeSpan.TicksPerMillisecond);
        return _interval - took is var rest && rest > gathering ? rest : gathering;
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
    }

    // Puts _batch under the next free number; returns the reason why it must not be acknowledged, or null.
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
                var name = _stream.SegmentName(number);
                if (await AskAsync(patience => _store.PutIfAbsentAsync(name, buffer.AsMemory(0, bytes), patience), bytes).ConfigureAwait(false) is not null)
                {
                    Advance();
                    if (!IsFresh && !await RenewAsync(WalOwnerState.Live).ConfigureAwait(false))
                        break;
                    _metrics.WalCommits.Add(1);
                    _metrics.WalBytesWritten.Add(bytes);
                    if (_failures > 0)
                        LogPutsAgain(Stream);
                    _failures = 0;
                    return null;
                }

                // Either the fence, or a put of this process that seemed to fail.
                if (await _store.GetAsync(name).ConfigureAwait(false) is { } there && !there.Content.Span.StartsWith(WalFormat.FenceMagic))
                    Advance();
                else if (await RenewAsync(WalOwnerState.Live).ConfigureAwait(false))
                    return $"the write-ahead log's stream '{Stream}' is fenced by '{name}', although this process still owns it; delete that object, or restart the process";
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
            _kept.Add(_next);
            Volatile.Write(ref _next, _next + 1);
            _metrics.WalSegments.Record(_kept.Count);
        }
    }

    // Under _gate.
    private bool HasReleased() => _kept.Count > 0 && _kept.Min < Math.Min(_released, _next - 1);

    // The object stays, so that somebody can still recover from it.
    private void SkipUnreadable(long number)
    {
        lock (_gate)
        {
            _unreadable.Add(number);
            _kept.Remove(number);
            _metrics.WalSegments.Record(_kept.Count);
        }
    }

    private async Task DeleteReleasedAsync()
    {
        while (true)
        {
            long number;
            lock (_gate)
            {
                if (!HasReleased())
                    return;
                number = _kept.Min;
                _kept.Remove(number);
                _metrics.WalSegments.Record(_kept.Count);
            }

            try
            {
                await _stream.DeleteAsync(number, _stopping.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (Exception e)
            {
                LogDeleteFailed(_stream.SegmentName(number), e.Message);
            }
        }
    }

    private async Task KeepRenewingAsync()
    {
        while (_lost is null)
        {
            await Task.Delay(_renewalFailing ? s_retryRenewal : _lease / 6, _time, _stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (_stopping.IsCancellationRequested)
                return;
            try
            {
                await RenewAsync(WalOwnerState.Live).ConfigureAwait(false);
                if (_renewalFailing && _lost is null)
                    LogRenewedAgain(Stream);
                _renewalFailing = false;
            }
            catch (Exception e)
            {
                if (!_renewalFailing)
                    LogRenewalFailed(Stream, e.Message);
                _renewalFailing = true;
            }
        }
    }

    /// <summary>Called before this process leaves its cluster in order: nobody adopts the stream because membership says that it is dead.</summary>
    public async Task BeginLeavingAsync()
    {
        _identity.IsLeaving = true;
        try
        {
            await RenewAsync(WalOwnerState.Live).ConfigureAwait(false);
        }
        catch (IOException e)
        {
            LogRenewalFailed(Stream, e.Message);
        }
    }

    // False if another process owns the stream; the log is then lost.
    private async Task<bool> RenewAsync(WalOwnerState state)
    {
        await _renewal.WaitAsync().ConfigureAwait(false);
        try
        {
            if (_lost is not null)
                return false;
            var (now, began) = (_time.GetUtcNow(), _time.GetTimestamp());
            if (!await AskAsync(patience => _ownerObject.TryPutAsync(_identity.OwnerAt(now, state, _isReplaying), patience)).ConfigureAwait(false))
            {
                var by = _ownerObject.Successor is { } there && WalOwner.Read(there.Span) is { } record ? record.Owner : "another process";
                _lost = $"the write-ahead log's stream '{Stream}' was taken over by {by}, which believed this process to be dead";
                LogLost(Stream, by);
                _hasLost.TrySetResult(_lost);
                return false;
            }

            Volatile.Write(ref _renewedTicks, now.Ticks);
            Volatile.Write(ref _renewedAt, began);
            return true;
        }
        finally
        {
            _renewal.Release();
        }
    }

    // A request to the store; one that stays without an answer fails.
    private async Task<T> AskAsync<T>(Func<CancellationToken, Task<T>> request, int bytes = 0)
    {
        var limit = Patience + StoreContact.TransferOf(bytes);
        using var patience = new CancellationTokenSource(limit, _time);
        var asked = _contact.Begin(bytes);
        try
        {
            var answer = await request(patience.Token).ConfigureAwait(false);
            _contact.NoteSuccess(asked);
            return answer;
        }
        catch (Exception e)
        {
            var failure = patience.IsCancellationRequested ? new IOException($"the object store did not answer within {limit.TotalSeconds} s", e) : e;
            _contact.NoteFailure(asked, failure.Message);
            if (failure == e)
                throw;
            throw failure;
        }
    }

    private async Task LeaveAsync()
    {
        try
        {
            if (_next > 1 && _released < _next)
                await RenewAsync(WalOwnerState.Stopped).ConfigureAwait(false);
            else if (await RenewAsync(_unreadable.Count > 0 ? WalOwnerState.Unreadable : WalOwnerState.Adopted).ConfigureAwait(false))
                await DeleteAllAsync().ConfigureAwait(false);
        }
        catch (Exception e)
        {
            LogRenewalFailed(Stream, e.Message);
        }
    }

    private async Task DeleteAllAsync()
    {
        if (_unreadable.Count == 0)
        {
            await _stream.DeleteAsync(CancellationToken.None).ConfigureAwait(false);
            return;
        }

        foreach (var number in await _stream.ListSegmentsAsync(CancellationToken.None).ConfigureAwait(false))
        {
            if (!_unreadable.Contains(number))
                await _stream.DeleteAsync(number, CancellationToken.None).ConfigureAwait(false);
        }
    }

    /// <summary>A stream whose owner record this process holds.</summary>
    private sealed record Start(OwnedObject Owner, DateTimeOffset Renewed, long RenewedAt, List<long> Segments);

    [LoggerMessage(1413, LogLevel.Error, "The write-ahead log cannot be written to its stream {Stream}; requests are refused until it can. Check that the object store can be reached: {Reason}")]
    private partial void LogPutFailed(string stream, string reason);

    [LoggerMessage(1414, LogLevel.Information, "The write-ahead log can be written to its stream {Stream} again; requests are accepted")]
    private partial void LogPutsAgain(string stream);

    [LoggerMessage(1415, LogLevel.Warning, "The owner record of the write-ahead log stream {Stream} could not be renewed; requests are refused until it can, and if this lasts, another process takes the stream over: {Reason}")]
    private partial void LogRenewalFailed(string stream, string reason);

    [LoggerMessage(1416, LogLevel.Critical, "The write-ahead log stream {Stream} was taken over by {Owner}, which believed this process to be dead; this process acknowledges nothing more, and ends")]
    private partial void LogLost(string stream, string owner);

    [LoggerMessage(1417, LogLevel.Warning, "The write-ahead log object {Object} is no longer needed, but could not be deleted: {Reason}")]
    private partial void LogDeleteFailed(string @object, string reason);

    [LoggerMessage(1418, LogLevel.Information, "Resumed the write-ahead log stream {Stream} of the last start: {Segments} objects")]
    private static partial void LogResumed(ILogger logger, string stream, int segments);

    [LoggerMessage(1426, LogLevel.Information, "The owner record of the write-ahead log stream {Stream} is renewed again")]
    private partial void LogRenewedAgain(string stream);
}
