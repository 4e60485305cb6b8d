using System.Buffers;
using Microsoft.Extensions.Logging;
using OrleansTempo.Core.Configuration.Generator;
using OrleansTempo.Core.Generator;
using OrleansTempo.Core.Generator.Samples;
using OrleansTempo.Core.Objects;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Core.Overrides;
using OrleansTempo.Core.RemoteWrite;
using OrleansTempo.Core.RemoteWrite.Queue;

namespace OrleansTempo.Core.Continuity;

/// <summary>
/// The life of a tenant's metrics-generator, or of a shard of it, from its claim to its release:
/// <code>
///   start:    claim ─► restore: what the owner before left in order, or recorded before it crashed ─► what waits to be sent ─► sending
///   Push ───► TenantGenerator
///   collect:  TenantGenerator ─► record (every_collection) ─► renew the claim (leased) ─► RemoteWriter, which sends while the claim is held
///   stop:     collect ─► send until the deadline ─► what is left kept ─► snapshot ─► release
/// </code>
/// Another that takes the claim ends this life: it sends nothing more and leaves nothing behind, see <see cref="IsLost"/>. Where the object
/// store fails at the start, spans are counted, and the claim is tried again until it is taken; nothing is sent before.
/// <para>
/// Called from one turn at a time, such as a grain's or a mailbox's, and what it awaits goes on in such a turn; but while a call awaits the
/// store, others may come, so spans are counted on. Nothing is awaited in the middle of a count or of a collection.
/// </para>
/// </summary>
public sealed partial class GeneratorLife
{
    private const string OutOfTime = "the time to stop in is over";

    // What is stamped later than this is refused by Prometheus, and by default by Mimir.
    private static readonly TimeSpan s_mostAhead = TimeSpan.FromMinutes(10);

    // For what was found waiting by a start that is cancelled; what is not sent by then is kept.
    private static readonly TimeSpan s_cancelledFlush = TimeSpan.FromSeconds(2);

    private readonly TenantId _tenant;
    private readonly GeneratorShard _shard;
    private readonly string _owner;
    private readonly GeneratorEnvironment _environment;
    private readonly ISnapshotStorage _snapshots;
    private readonly ILogger _logger;
    private readonly string _name;
    private readonly KeyValuePair<string, object?> _tag;
    private readonly TenantGenerator _generator;
    private readonly SendPermit _permit = new();
    private readonly RemoteWriter _writer;
    private readonly Retry _retry;

    // No further attempt to claim is begun.
    private readonly CancellationTokenSource _stopping = new();

    // The time to send in is over.
    private readonly CancellationTokenSource _giveUp = new();

    private Task _beginning = Task.CompletedTask;
    private Task _collecting = Task.CompletedTask;

    // Null until it is taken, and what the owner before has left is restored or refused.
    private WriterClaim? _claim;

    // With every_collection alone, from the claim on.
    private SnapshotChain? _chain;

    // Of the last collection that may be sent, or was sent by an owner before; Unix milliseconds.
    private long _sentUpToMs;
    private bool _isRenewalFailing;
    private bool? _notedClaimed;
    private bool _isAhead;

    /// <param name="tenant">Whose series.</param>
    /// <param name="shard">Which part of them.</param>
    /// <param name="owner">For a human who reads the claim.</param>
    /// <param name="settings">The tenant's settings, see <see cref="Apply"/>.</param>
    /// <param name="environment">What all generators of the process share.</param>
    /// <param name="snapshots">This generator's.</param>
    /// <param name="logger">Told about what goes wrong.</param>
    /// <exception cref="ArgumentException">A filter policy is not valid, or there is no such shard.</exception>
    public GeneratorLife(
        TenantId tenant,
        GeneratorShard shard,
        string owner,
        GeneratorSettings settings,
        GeneratorEnvironment environment,
        ISnapshotStorage snapshots,
        ILogger logger)
    {
        _tenant = tenant;
        _shard = shard;
        _owner = owner;
        _environment = environment;
        _snapshots = snapshots;
        _logger = logger;
        _name = shard.IsSharded ? $"{tenant}/{shard}" : tenant.Value;
        _tag = new("tenant", tenant.Value);
        _retry = new Retry(environment.Time);
        _generator = new TenantGenerator(tenant, settings, environment.Metrics, environment.Time, shard);
        Readings = new SeriesReadings(_generator, environment.Time);
        _writer = new RemoteWriter(
            tenant, environment.Endpoints, new RemoteWriterSettings(settings, environment.Storage), environment.RemoteWriteMetrics, environment.Time, logger, _permit);
    }

    /// <summary>Another has taken over, for good: nothing is sent from here any more.</summary>
    public bool IsLost => _claim is { IsLost: true };

    /// <summary>Whether nothing needs it: it has no series, no edge waits for its other side, and nothing waits to be sent.</summary>
    public bool IsEmpty => _generator.IsEmpty && _permit.IsOpen && !_writer.IsPending;

    internal RemoteWriter Writer => _writer;

    internal IWritePermit Permit => _permit;

    private bool IsExclusive => _environment.Lease == Timeout.InfiniteTimeSpan;

    private TimeProvider Time => _environment.Time;

    /// <summary>
    /// Claims the series and goes on with them. Where the store fails it returns all the same, and the claim is tried again in the background.
    /// </summary>
    /// <param name="cancellationToken">
    /// Whether to start at all. The claim is not cancelled half way, for what the owner before has left would be of use to nobody: it is taken, and given back in order.
    /// </param>
    /// <exception cref="OperationCanceledException">Cancelled: this life is over, and has stopped.</exception>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        try
        {
            cancellationToken.ThrowIfCancellationRequested();
            await BeginAsync(CancellationToken.None);
        }
        catch (IOException e)
        {
            NoteNotBegun(e.Message);
            _beginning = BeginLaterAsync();
        }
        catch
        {
            await _writer.DisposeAsync();
            throw;
        }

        if (!cancellationToken.IsCancellationRequested)
            return;
        await StopAsync(s_cancelledFlush, CancellationToken.None);
        cancellationToken.ThrowIfCancellationRequested();
    }

    /// <summary>Counts some of a batch's spans, and keeps nothing of the batch. Should that fail, it is logged, and the tenant's metrics go on.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="spans">Positions in <see cref="SpanBatch.Spans"/>, ascending.</param>
    public void Push(SpanBatch batch, ReadOnlySpan<int> spans)
    {
        try
        {
            _generator.Push(batch, spans);
        }
        catch (Exception e)
        {
            LogBatchFailed(_logger, _name, e);
        }
    }

    /// <summary>Reads the current series and their values.</summary>
    public SeriesReadings Readings { get; }

    /// <summary>Goes on with other settings.</summary>
    /// <exception cref="ArgumentException">A filter policy is not valid; nothing has changed then.</exception>
    public void Apply(GeneratorSettings settings)
    {
        _generator.Apply(settings);
        _writer.Apply(new RemoteWriterSettings(settings, _environment.Storage));
    }

    /// <summary>
    /// Collects, and returns when what was collected is on its way. While one is under way no other begins: it waits for the store, and so would that.
    /// </summary>
    public Task CollectAsync()
    {
        if (_collecting.IsCompleted && !_stopping.IsCancellationRequested)
            _collecting = CollectOnceAsync();
        return _collecting;
    }

    /// <summary>
    /// Keeps the claim held between collections; to be called every sixth of the lease. It is renewed only where something waits to be
    /// sent, or for the right to send: a renewal is a write, and tenants are many.
    /// </summary>
    public async Task RenewAsync()
    {
        if (_claim is not { IsExclusive: false } claim || !_writer.IsPending)
            return;
        try
        {
            await claim.RenewAsync(_sentUpToMs);
            _isRenewalFailing = false;
        }
        catch (Exception e)
        {
            NoteNotRenewed(e.Message);
        }
    }

    /// <summary>Collects a last time, sends until the deadline, and leaves what the next owner needs to go on. To be called once, with no more calls after it.</summary>
    /// <param name="flushDeadline">How long may be sent.</param>
    /// <param name="cancellationToken">The time to stop in is over: what has not been left by then is lost, and this is logged.</param>
    public async Task StopAsync(TimeSpan flushDeadline, CancellationToken cancellationToken)
    {
        await _stopping.CancelAsync();
        using var deadline = Time.CreateTimer(static state => ((CancellationTokenSource)state!).Cancel(), _giveUp, flushDeadline, Timeout.InfiniteTimeSpan);
        using var cancelled = cancellationToken.Register(static state => ((CancellationTokenSource)state!).Cancel(), _giveUp);
        var problem = "its claim could not be taken in time";
        await _beginning;
        await _collecting;
        if (!_permit.IsOpen && !_generator.IsEmpty)
            problem = await TryBeginAsync() ?? problem;
        await (_collecting = CollectOnceAsync());
        if (_permit.IsOpen)
            await FlushAsync(flushDeadline);

        // Nothing is sent from here any more: only then may another send.
        var left = _writer.PendingSamples;
        await _writer.DisposeAsync();
        var waiting = _writer.PendingSamples;
        if (waiting > 0)
            LogSamplesKept(_logger, _name, waiting);
        if (left > waiting)
            LogSamplesLost(_logger, _name, left - waiting);
        if (_claim is { IsLost: false })
            await LeaveAsync(_claim, cancellationToken);
        else if (_claim is null && !_generator.IsEmpty)
            NoteNotKept(problem);
    }

    private async Task<string?> TryBeginAsync()
    {
        try
        {
            await BeginAsync(_giveUp.Token);
            return null;
        }
        catch (OperationCanceledException) when (_giveUp.IsCancellationRequested)
        {
            return null;
        }
        catch (Exception e)
        {
            // Whatever it is, what is there is to be left in order.
            return e.Message;
        }
    }

    private async Task BeginLaterAsync()
    {
        while (true)
        {
            await _retry.PauseAsync(_stopping.Token)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
            if (_stopping.IsCancellationRequested)
                return;
            try
            {
                await BeginAsync(_giveUp.Token);
                return;
            }
            catch (OperationCanceledException) when (_giveUp.IsCancellationRequested)
            {
                return;
            }
            catch (IOException e)
            {
                NoteNotBegun(e.Message);
            }
            catch (Exception e)
            {
                LogStartFailed(_logger, _name, e);
            }
        }
    }

    // Once while it cannot be claimed, and once while it is claimed and nothing can be sent yet.
    private void NoteNotBegun(string reason)
    {
        var isClaimed = _claim is not null;
        if (_notedClaimed == isClaimed)
            return;
        _notedClaimed = isClaimed;
        if (isClaimed)
            LogNotOpened(_logger, _name, reason);
        else
            LogNotClaimed(_logger, _name, reason);
    }

    /// <summary>Goes on where an attempt before this one has failed.</summary>
    /// <exception cref="IOException">The store fails.</exception>
    private async Task BeginAsync(CancellationToken cancellationToken)
    {
        _claim ??= await ClaimAsync(cancellationToken);
        await OpenAsync(_claim, cancellationToken);
    }

    private async Task<WriterClaim> ClaimAsync(CancellationToken cancellationToken)
    {
        var claim = await WriterClaim.TakeAsync(_environment.Store, _tenant, _shard.ToString(), _owner, _environment.Lease, Time, cancellationToken);

        // From here on what was left is of use to nobody else, and a next attempt would find nothing: it is read as far as it can be.
        var chain = _environment.Snapshot == SnapshotMode.EveryCollection
            ? new SnapshotChain(_environment.Store, _tenant, _shard.ToString(), claim.Epoch, Time)
            : null;
        var isRestored = await RestoreAsync(claim, chain, cancellationToken);
        _generator.StartAfter(claim.LastTimestampMs);
        _sentUpToMs = Math.Max(_sentUpToMs, claim.LastTimestampMs);

        // What was left is of the epoch before; should this one die at once, there is something to go on with as well.
        if (chain is not null && isRestored)
            await TryPutAsync(chain, chain.Record(_generator));
        _chain = chain;
        return claim;
    }

    private async Task OpenAsync(WriterClaim claim, CancellationToken cancellationToken)
    {
        if (_permit.IsOpen)
            return;

        // Collected before it was claimed: who crashes now must not have sent more than the claim says.
        if (_sentUpToMs > claim.LastTimestampMs)
            await claim.RenewAsync(_sentUpToMs, cancellationToken);

        // Alone, whoever had it before is dead: it held the store for itself.
        var isResumed = await _writer.ResumeAsync(
            new RemoteWriteStore(_environment.Store, _tenant, _shard.ToString(), claim.Epoch, fence: !IsExclusive && claim.Start == ClaimStart.Seized), cancellationToken);
        _generator.StartAfter(_writer.HighestTimestampMs);
        _sentUpToMs = Math.Max(_sentUpToMs, _writer.HighestTimestampMs);

        // Whoever has followed sends what waits first: what is here would come too early, for as long as this claim seems to be held.
        if (!isResumed && !await claim.RenewAsync(_sentUpToMs, cancellationToken))
            return;
        _permit.Open(claim);
    }

    private async Task<bool> RestoreAsync(WriterClaim claim, SnapshotChain? chain, CancellationToken cancellationToken)
    {
        var isRestored = false;

        // Of an owner that is not known there is no epoch, and nothing of its is found.
        if ((claim.SnapshotEpoch ?? claim.CrashedEpoch ?? (claim.Start == ClaimStart.Seized ? 0 : null)) is { } epoch)
        {
            var (kept, problem) = await ReadKeptAsync(epoch, cancellationToken);
            var left = await ReadChainAsync(epoch, cancellationToken);
            isRestored = _environment.Snapshot != SnapshotMode.Off && TryRestore(claim, kept, left, problem);
            if (chain is not null)
                chain.Replace(left);
            else
                await _environment.Store.DeleteAllAsync(left.Names, cancellationToken);
        }

        try
        {
            await _snapshots.ClearAsync(cancellationToken);
        }
        catch (IOException)
        {
            // It is of an epoch that nobody asks for any more, and the next one is written over it.
        }

        return isRestored;
    }

    private bool TryRestore(WriterClaim claim, KeptSnapshot? kept, StoredChain left, string? problem)
    {
        var sentUpToMs = Math.Max(claim.LastTimestampMs, _generator.LastCollectionMs);
        if (!_generator.IsEmpty)
            problem = "spans had been counted already when its claim was taken";
        else if ((kept is not null && _generator.TryRestore([kept.Content], sentUpToMs, out problem))
            || (left.Problem is null && _generator.TryRestore(left.Records, sentUpToMs, out problem)))
            problem = null;
        else
            problem ??= left.Problem;
        if (problem is null)
        {
            _environment.Metrics.SnapshotsRestored.Add(1, _tag);
            LogRestored(_logger, _name, _generator.ActiveSeries);
            return true;
        }

        _environment.Metrics.SnapshotsRefused.Add(1, _tag);
        LogNotRestored(_logger, _name, claim.SnapshotEpoch is null ? $"the process before did not stop in order, and {problem}" : problem);
        return false;
    }

    private async Task<(KeptSnapshot? Kept, string? Problem)> ReadKeptAsync(long epoch, CancellationToken cancellationToken)
    {
        if (_environment.Snapshot == SnapshotMode.Off)
            return default;
        var (there, problem) = await _retry.SomeTimesAsync(() => _snapshots.ReadAsync(cancellationToken), cancellationToken);
        return (there?.Epoch == epoch ? there : null, problem);
    }

    private async Task<StoredChain> ReadChainAsync(long epoch, CancellationToken cancellationToken)
    {
        var (left, problem) = await _retry.SomeTimesAsync(
            () => SnapshotChain.ReadAsync(_environment.Store, _tenant, _shard.ToString(), epoch, cancellationToken), cancellationToken);
        return left ?? new StoredChain([], [], problem);
    }

    private async Task CollectOnceAsync()
    {
        // While it is not known who sends, only an exclusive owner can be sure that what it collects is later than all that was sent.
        var (claim, chain) = (_claim, _chain);
        if (IsLost || (claim is null && (!IsExclusive || _generator.IsEmpty)))
            return;
        try
        {
            if (claim is not null && _permit.IsOpen)
                await FollowClockAsync(claim);
            using var batch = _writer.BeginCollection(Time.GetUtcNow().ToUnixTimeMilliseconds());
            var collectionMs = _generator.Collect(batch.Visitor);
            var isRecorded = chain is not null && await TryPutAsync(chain, chain.Record(_generator));

            // Not before: the claim must not say that more was sent than is in the records.
            _sentUpToMs = Math.Max(_sentUpToMs, collectionMs);
            var needsRenewal = claim is { IsExclusive: false } || (chain is not null && !isRecorded);
            if (!needsRenewal || await RenewUntilKnownAsync(claim!))
                _writer.Complete(batch, collectionMs);
            if (chain is not null)
                await chain.TidyAsync(_giveUp.Token);
        }
        catch (OperationCanceledException) when (_giveUp.IsCancellationRequested)
        {
            // What it said is lost, but its counters are in the snapshot.
        }
        catch (Exception e)
        {
            LogCollectionFailed(_logger, _name, e);
        }
    }

    /// <summary>
    /// Where the clock was set back, or was ahead before a restart, what has been sent bears stamps that are still to come. Stamps go on just after those, as
    /// anything earlier would be out of order: a remote end that has taken the former takes these too. One whose own clock is right has refused them,
    /// and would refuse everything until that time has come, perhaps for a day. It has nothing that could be out of order, so stamps follow the clock again.
    /// </summary>
    private async Task FollowClockAsync(WriterClaim claim)
    {
        var (now, stampedMs) = (Time.GetUtcNow(), _generator.LastCollectionMs);
        var ahead = DateTimeOffset.FromUnixTimeMilliseconds(stampedMs) - now;
        var wasAhead = _isAhead;
        _isAhead = ahead > s_mostAhead;
        if (!_isAhead)
            return;
        if (_writer.TakenUpToMs is { } takenMs && takenMs < stampedMs)
        {
            _generator.StartAgainAfter(takenMs);
            _sentUpToMs = takenMs;
            await claim.StartAgainAfterAsync(takenMs);
            if (_writer.HasEndpoints)
                LogFollowsClock(_logger, _name, ahead);
        }
        else if (!wasAhead)
        {
            LogAhead(_logger, _name, ahead);
        }
    }

    private async Task<bool> TryPutAsync(SnapshotChain chain, ChainRecord record)
    {
        if (await chain.TryPutAsync(record, CancellationToken.None) is not { } problem)
        {
            _environment.Metrics.SnapshotBytes.Add(record.Content.Length, _tag);
            return true;
        }

        _environment.Metrics.SnapshotFailures.Add(1, _tag);
        LogNotRecorded(_logger, _name, problem);
        return false;
    }

    // A claim says up to when its owner sends before that is sent: whoever follows stamps nothing before it.
    private async Task<bool> RenewUntilKnownAsync(WriterClaim claim)
    {
        // Not cancelled half way: the first zeros of new series are in this collection alone.
        var isOurs = await _retry.UntilDoneAsync(() => claim.RenewAsync(_sentUpToMs, CancellationToken.None), e => NoteNotRenewed(e.Message), _giveUp.Token);
        _isRenewalFailing = false;
        return isOurs;
    }

    private void NoteNotRenewed(string reason)
    {
        if (!_isRenewalFailing)
            LogNotRenewed(_logger, _name, reason);
        _isRenewalFailing = true;
    }

    private async Task FlushAsync(TimeSpan deadline)
    {
        var flushing = (Task)_writer.FlushAsync(deadline);
        var step = IsExclusive ? Timeout.InfiniteTimeSpan : _environment.Lease / 6;
        while (!flushing.IsCompleted && !IsLost && !_giveUp.IsCancellationRequested)
        {
            await flushing.WaitAsync(step, Time, _giveUp.Token)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
            await RenewAsync();
        }
    }

    private async Task LeaveAsync(WriterClaim claim, CancellationToken cancellationToken)
    {
        var isToKeep = !_generator.IsEmpty && _environment.Snapshot != SnapshotMode.Off;
        try
        {
            // Who was overtaken leaves nothing: that place is the successor's.
            if (!await IsStillOursAsync(claim, cancellationToken))
                return;
            var isKept = isToKeep && await TryKeepAsync(claim, cancellationToken);
            isToKeep = false;
            await ReleaseAsync(claim, isKept, cancellationToken);
        }
        catch (Exception e)
        {
            // What was kept is good after a crash too: it says all that was sent.
            var reason = e is OperationCanceledException ? OutOfTime : e.Message;
            if (isToKeep)
                NoteNotKept(reason);
            else
                LogNotReleased(_logger, _name, reason);
        }
    }

    private async Task<bool> IsStillOursAsync(WriterClaim claim, CancellationToken cancellationToken)
    {
        try
        {
            return await claim.RenewAsync(_sentUpToMs, cancellationToken);
        }
        catch (IOException) when (claim.IsExclusive)
        {
            // Nobody can have overtaken it.
            return true;
        }
    }

    private async Task<bool> TryKeepAsync(WriterClaim claim, CancellationToken cancellationToken)
    {
        var bytes = new ArrayBufferWriter<byte>();
        _generator.WriteSnapshot(bytes);
        var snapshot = new KeptSnapshot(claim.Epoch, bytes.WrittenMemory);
        var problem = "";
        try
        {
            for (var attempt = 1; attempt <= Retry.Attempts; attempt++)
            {
                try
                {
                    if (await _snapshots.TryWriteAsync(snapshot, cancellationToken))
                    {
                        _environment.Metrics.SnapshotBytes.Add(bytes.WrittenCount, _tag);
                        return true;
                    }

                    // A straggler's, or that of a successor which has taken the claim since.
                    problem = "another has written one in its place";
                    if (!await claim.RenewAsync(_sentUpToMs, cancellationToken))
                        return false;
                    await _snapshots.ReadAsync(cancellationToken);
                }
                catch (IOException e)
                {
                    problem = e.Message;
                    if (attempt < Retry.Attempts)
                        await _retry.PauseAsync(cancellationToken);
                }
            }
        }
        catch (OperationCanceledException)
        {
            problem = OutOfTime;
        }

        NoteNotKept(problem);
        return false;
    }

    private void NoteNotKept(string problem)
    {
        _environment.Metrics.SnapshotFailures.Add(1, _tag);
        if (_chain is { IsWhole: true })
            LogKeptInRecords(_logger, _name, problem);
        else
            LogNotKept(_logger, _name, _generator.ActiveSeries, problem);
    }

    private async Task ReleaseAsync(WriterClaim claim, bool isKept, CancellationToken cancellationToken)
    {
        // With every_collection the last one has been recorded; that is used where there is no snapshot.
        var isRecorded = !isKept && !_generator.IsEmpty && _chain is { IsWhole: true };
        var isWaiting = !_permit.IsOpen || _writer.PendingSamples > 0;
        var isOurs = _generator.IsEmpty && !isWaiting
            ? await claim.EndAsync(cancellationToken)
            : await claim.ReleaseAsync(isKept || isRecorded, isWaiting, cancellationToken);
        if (isOurs && !isRecorded && _chain is not null)
            await _chain.DeleteAsync(cancellationToken);
    }

    [LoggerMessage(1701, LogLevel.Warning, "Metrics-generator {Generator} cannot claim this tenant's series in the object store; it counts spans, but sends nothing until it can: {Reason}")]
    private static partial void LogNotClaimed(ILogger logger, string generator, string reason);

    [LoggerMessage(1702, LogLevel.Warning, "Metrics-generator {Generator}: the object store failed at a step that must be done before series may be sent; it sends nothing until that step succeeds: {Reason}")]
    private static partial void LogNotOpened(ILogger logger, string generator, string reason);

    [LoggerMessage(1703, LogLevel.Error, "Metrics-generator {Generator} failed to start and tries again; it sends nothing until it has started")]
    private static partial void LogStartFailed(ILogger logger, string generator, Exception exception);

    [LoggerMessage(1704, LogLevel.Information, "Metrics-generator {Generator} restored {Series} series of the previous process")]
    private static partial void LogRestored(ILogger logger, string generator, int series);

    [LoggerMessage(1705, LogLevel.Warning, "Metrics-generator {Generator}: counters start again at 0: {Reason}")]
    private static partial void LogNotRestored(ILogger logger, string generator, string reason);

    [LoggerMessage(1706, LogLevel.Error, "Metrics-generator {Generator} failed at a batch; it continues with the next one")]
    private static partial void LogBatchFailed(ILogger logger, string generator, Exception exception);

    [LoggerMessage(1707, LogLevel.Error, "Metrics-generator {Generator} failed at a collection; it continues with the next one")]
    private static partial void LogCollectionFailed(ILogger logger, string generator, Exception exception);

    [LoggerMessage(1708, LogLevel.Error, "Metrics-generator {Generator} cannot record a collection before it sends it; until the next one is recorded, a crash would start its counters again at 0: {Reason}")]
    private static partial void LogNotRecorded(ILogger logger, string generator, string reason);

    [LoggerMessage(1709, LogLevel.Warning, "Metrics-generator {Generator} cannot renew its claim in the object store; it sends nothing until it can: {Reason}")]
    private static partial void LogNotRenewed(ILogger logger, string generator, string reason);

    [LoggerMessage(1710, LogLevel.Warning, "Metrics-generator {Generator} could not send {Samples} samples before it stopped; they are kept in the object store and sent when it runs again")]
    private static partial void LogSamplesKept(ILogger logger, string generator, long samples);

    [LoggerMessage(1711, LogLevel.Warning, "Metrics-generator {Generator} could not send {Samples} samples before it stopped; they are lost, but its counters continue")]
    private static partial void LogSamplesLost(ILogger logger, string generator, long samples);

    [LoggerMessage(1712, LogLevel.Warning, "Metrics-generator {Generator} cannot keep a snapshot for the next start, which will use the recorded collections instead: {Reason}")]
    private static partial void LogKeptInRecords(ILogger logger, string generator, string reason);

    [LoggerMessage(1713, LogLevel.Error, "Metrics-generator {Generator} cannot keep its {Series} series for the next start; its counters will start again at 0: {Reason}")]
    private static partial void LogNotKept(ILogger logger, string generator, int series, string reason);

    [LoggerMessage(1714, LogLevel.Warning, "Metrics-generator {Generator} cannot release its claim in the object store; the next start will treat that as a crash: {Reason}")]
    private static partial void LogNotReleased(ILogger logger, string generator, string reason);

    [LoggerMessage(1715, LogLevel.Warning, "Metrics-generator {Generator}: the clock was set back, and its last samples are stamped {Ahead} ahead of it. New samples are stamped just after those to stay in order, and show up at that time. Check the clock of this machine")]
    private static partial void LogAhead(ILogger logger, string generator, TimeSpan ahead);

    [LoggerMessage(1716, LogLevel.Warning, "Metrics-generator {Generator}: the remote end refused samples that were stamped {Ahead} ahead of the clock. They are lost; counters continue, and stamps follow the clock again")]
    private static partial void LogFollowsClock(ILogger logger, string generator, TimeSpan ahead);

    /// <summary>The claim's own, from when this life has found what was left to it.</summary>
    private sealed class SendPermit : IWritePermit
    {
        private readonly TaskCompletionSource<WriterClaim> _claim = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public bool IsOpen => _claim.Task.IsCompleted;

        public bool IsHeld => IsOpen && _claim.Task.Result.IsHeld;

        public bool IsLost => IsOpen && _claim.Task.Result.IsLost;

        public void Open(WriterClaim claim) => _claim.SetResult(claim);

        public async Task WaitAsync(CancellationToken cancellation)
        {
            var claim = await _claim.Task.WaitAsync(cancellation).ConfigureAwait(false);
            await claim.WaitAsync(cancellation).ConfigureAwait(false);
        }
    }
}
