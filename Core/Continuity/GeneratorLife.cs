using System.Buffers;
using System.Numerics;
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
///   start:    claim ─► restore the previous owner's snapshot, or its records if it crashed ─► resume what waits to be sent ─► send
///   Push ───► TenantGenerator
///   collect:  TenantGenerator ─► record (every_collection) ─► renew the claim (leased) ─► RemoteWriter, which sends while the claim is held
///   stop:     collect ─► send until the deadline ─► keep what is left ─► snapshot ─► release
/// </code>
/// If another owner takes the claim, this life ends: it sends nothing more and leaves nothing behind, see <see cref="IsLost"/>. If the
/// object store fails at the start, spans are counted and the claim is retried until it succeeds; nothing is sent before.
/// <para>
/// One turn at a time calls it, such as a turn of a grain or a mailbox, and awaits continue in such a turn. While one call awaits the
/// store, others may come in between, so that spans are still counted. Nothing is awaited in the middle of a count or a collection.
/// </para>
/// </summary>
public sealed partial class GeneratorLife
{
    private const string OutOfTime = "the deadline for stopping has passed";

    // Prometheus, and Mimir by default, refuse samples with timestamps further ahead than this.
    private static readonly TimeSpan s_maxAhead = TimeSpan.FromMinutes(10);

    // So few that a crash of a quiet tenant says little, and so many that most tenants' claims say enough between two collections.
    private const long LeastUnsentBound = 256;

    // For samples found waiting by a start that is cancelled; what is not sent by then is kept.
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
    private readonly CountedPushes _pushes = new();

    // Cancelled when no further attempt to claim may start.
    private readonly CancellationTokenSource _stopping = new();

    // Cancelled when the time for sending is over.
    private readonly CancellationTokenSource _giveUp = new();

    private Task _beginning = Task.CompletedTask;
    private Task _collecting = Task.CompletedTask;

    // Null until it is taken, and the previous owner's series are restored or refused.
    private WriterClaim? _claim;

    // Only with every_collection, from the claim on.
    private SnapshotChain? _chain;

    // Spans: all; those in the last collection that was queued for sending; and those that no crash can lose any more.
    private long _counted;
    private long _queued;
    private long _safe;

    // The timestamp of the last collection that may have been sent, by this or a previous owner; Unix milliseconds.
    private long _sentUpToMs;
    private bool _isRenewalFailing;
    private bool? _notedClaimed;
    private bool _notedLost;
    private bool _isAhead;

    /// <param name="tenant">The tenant whose series it writes.</param>
    /// <param name="shard">The part of them.</param>
    /// <param name="owner">The owner's name, for a human who reads the claim.</param>
    /// <param name="settings">The tenant's settings, see <see cref="Apply"/>.</param>
    /// <param name="environment">What all generators of the process share.</param>
    /// <param name="snapshots">The storage of this generator's snapshot.</param>
    /// <param name="logger">Receives what goes wrong.</param>
    /// <exception cref="ArgumentException">A filter policy is not valid, or the shard does not exist.</exception>
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

    /// <summary>Whether another owner has taken over, for good: nothing is sent from here any more.</summary>
    public bool IsLost => _claim is { IsLost: true };

    /// <summary>Whether it is not needed: it has no series, no waiting edge, and nothing waits to be sent.</summary>
    public bool IsEmpty => _generator.IsEmpty && _permit.IsOpen && !_writer.IsPending;

    internal RemoteWriter Writer => _writer;

    internal IWritePermit Permit => _permit;

    private bool IsExclusive => _environment.Lease == Timeout.InfiniteTimeSpan;

    private TimeProvider Time => _environment.Time;

    /// <summary>
    /// Claims the series and restores them. It also returns if the store fails; the claim is then retried in the background.
    /// </summary>
    /// <param name="cancellationToken">
    /// Cancels the start. The claim is not cancelled half way, because nobody could then use what the previous owner left: it is taken, and released cleanly.
    /// </param>
    /// <exception cref="OperationCanceledException">The start was cancelled; this life has ended and stopped.</exception>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        // So that the first loss is an increase.
        _environment.Metrics.ClaimsLost.Add(0, _tag);
        _environment.Metrics.GeneratorSpansLost.Add(0, _tag);
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

    /// <summary>
    /// Notes a numbered push, whose spans are then to be counted by <see cref="Push"/>, before anything is awaited. Queue and number are those of
    /// <see cref="CountedPushes"/>.
    /// </summary>
    /// <returns>False if it has been counted, or must not be counted any more.</returns>
    public bool TryBegin(Guid queue, long number) => _pushes.TryCount(queue, number, Time.GetUtcNow());

    /// <summary>Tells whether a push has been counted that was attempted at least once.</summary>
    public PushState Ask(Guid queue, long number) => _pushes.Ask(queue, number, Time.GetUtcNow());

    /// <summary>
    /// Completes once the claim says how many spans would be lost if this process ended now without notice: at once, or after a renewal if there are
    /// more than usual. The sender of a push is answered only then. If the store fails, it is answered all the same: it cannot be told otherwise
    /// that its spans are counted.
    /// </summary>
    public Task SayAsync() => _claim is { IsExclusive: false } claim && Unsent > claim.UnsentBound && NoteSafe() > claim.UnsentBound
        ? RaiseUnsentBoundAsync(claim)
        : Task.CompletedTask;

    /// <summary>Counts some spans of a batch, and keeps no reference to the batch. A failure is logged, and the tenant's metrics continue.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="spans">Positions in <see cref="SpanBatch.Spans"/>, ascending.</param>
    public void Push(SpanBatch batch, ReadOnlySpan<int> spans)
    {
        _counted += spans.Length;
        try
        {
            _generator.Push(batch, spans);
        }
        catch (Exception e)
        {
            LogBatchFailed(_logger, _name, e);
        }
    }

    /// <summary>The readings of the current series and their values.</summary>
    public SeriesReadings Readings { get; }

    /// <summary>Applies other settings.</summary>
    /// <exception cref="ArgumentException">A filter policy is not valid; nothing has changed then.</exception>
    public void Apply(GeneratorSettings settings)
    {
        _generator.Apply(settings);
        _writer.Apply(new RemoteWriterSettings(settings, _environment.Storage));
    }

    /// <summary>
    /// Collects, and returns when the samples are queued for sending. No collection starts while another is under way: that one waits for the store, and so would this one.
    /// </summary>
    public Task CollectAsync()
    {
        if (_collecting.IsCompleted && !_stopping.IsCancellationRequested)
            _collecting = CollectOnceAsync();
        return _collecting;
    }

    /// <summary>
    /// Keeps the claim held between collections; must be called every sixth of the lease. It renews only if something waits to be sent,
    /// or waits for the permit: a renewal is a write, and there are many tenants.
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

        NoteIfLost();
    }

    /// <summary>Collects a last time, sends until the deadline, and leaves what the next owner needs to continue. Must be the last call, and called once.</summary>
    /// <param name="flushDeadline">How long it may send.</param>
    /// <param name="cancellationToken">Cancelled when the time for stopping is over: what has not been kept by then is lost, which is logged.</param>
    public async Task StopAsync(TimeSpan flushDeadline, CancellationToken cancellationToken)
    {
        await _stopping.CancelAsync();
        using var deadline = Time.CreateTimer(static state => ((CancellationTokenSource)state!).Cancel(), _giveUp, flushDeadline, Timeout.InfiniteTimeSpan);
        using var cancelled = cancellationToken.Register(static state => ((CancellationTokenSource)state!).Cancel(), _giveUp);
        var problem = "the tenant could not be claimed in time";
        await _beginning;
        await _collecting;
        if (!_permit.IsOpen && !_generator.IsEmpty)
            problem = await TryBeginAsync() ?? problem;
        await (_collecting = CollectOnceAsync());
        if (_permit.IsOpen)
            await FlushAsync(flushDeadline);

        // From here on this life sends nothing: only then may another owner send.
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
        NoteIfLost();
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
            // Whatever the error is, the present series must still be kept.
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

    // Logs once while the tenant cannot be claimed, and once while it is claimed but nothing can be sent yet.
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

    /// <summary>Claims and opens; continues where a previous attempt failed.</summary>
    /// <exception cref="IOException">The store fails.</exception>
    private async Task BeginAsync(CancellationToken cancellationToken)
    {
        _claim ??= await ClaimAsync(cancellationToken);
        await OpenAsync(_claim, cancellationToken);
    }

    private async Task<WriterClaim> ClaimAsync(CancellationToken cancellationToken)
    {
        var claim = await WriterClaim.TakeAsync(_environment.Store, _tenant, _shard.ToString(), _owner, _environment.Lease, Time, cancellationToken);

        // From here on nobody else can use what the previous owner left, and another attempt would not find it: it is read as far as possible.
        var chain = _environment.Snapshot == SnapshotMode.EveryCollection
            ? new SnapshotChain(_environment.Store, _tenant, _shard.ToString(), claim.Epoch, Time)
            : null;
        if (claim.LostSpansMax > 0)
        {
            _environment.Metrics.GeneratorSpansLost.Add(claim.LostSpansMax, _tag);
            LogSpansLost(_logger, _name, claim.LostSpansMax);
        }

        var isRestored = await RestoreAsync(claim, chain, cancellationToken);
        _generator.StartAfter(claim.LastTimestampMs);
        _sentUpToMs = Math.Max(_sentUpToMs, claim.LastTimestampMs);

        // What was left belongs to the previous epoch. A record of this epoch lets the next owner restore even if this one dies at once.
        if (chain is not null && isRestored)
            await TryPutAsync(chain, chain.Record(_generator));
        _chain = chain;
        return claim;
    }

    private async Task OpenAsync(WriterClaim claim, CancellationToken cancellationToken)
    {
        if (_permit.IsOpen)
            return;

        // There were collections before the claim: if this process crashes now, it must not have sent more than the claim says.
        if (_sentUpToMs > claim.LastTimestampMs)
            await claim.RenewAsync(_sentUpToMs, cancellationToken);

        // An exclusive owner needs no fence: the previous owner also had the store to itself, so it is dead.
        var isResumed = await _writer.ResumeAsync(
            new RemoteWriteStore(_environment.Store, _tenant, _shard.ToString(), claim.Epoch, fence: !IsExclusive && claim.Start == ClaimStart.Seized), cancellationToken);
        _generator.StartAfter(_writer.HighestTimestampMs);
        _sentUpToMs = Math.Max(_sentUpToMs, _writer.HighestTimestampMs);

        // A successor sends what waits first. Samples from here would come too early, as long as this claim still seems to be held.
        if (!isResumed && !await claim.RenewAsync(_sentUpToMs, cancellationToken))
            return;
        _permit.Open(claim);
    }

    private async Task<bool> RestoreAsync(WriterClaim claim, SnapshotChain? chain, CancellationToken cancellationToken)
    {
        var isRestored = false;

        if (claim.Start == ClaimStart.New)
            _pushes.BeginComplete();
        else
            _pushes.BeginIncomplete(claim.HasFormerEnded ? DateTimeOffset.FromUnixTimeMilliseconds(claim.LastTimestampMs) : Time.GetUtcNow());

        // The epoch of an unknown owner is not known either, so nothing of it is found.
        if ((claim.SnapshotEpoch ?? claim.CrashedEpoch ?? (claim.Start == ClaimStart.Seized ? 0 : null)) is { } epoch)
        {
            var (kept, problem) = await ReadKeptAsync(epoch, cancellationToken);

            // Whether or not its series can be restored: its pushes were counted, and sent.
            if (kept is not null)
                _pushes.TryRestore(kept.Pushes.Span);
            var left = await ReadChainAsync(epoch, cancellationToken);
            isRestored = _environment.Snapshot != SnapshotMode.Off && TryRestore(claim, kept, left, problem);
            if (chain is not null)
                chain.Replace(left);
            else
                await _environment.Store.DeleteAllAsync(left.Names, cancellationToken);
        }

        await ClearKeptAsync(cancellationToken);
        return isRestored;
    }

    private async Task ClearKeptAsync(CancellationToken cancellationToken)
    {
        try
        {
            await _snapshots.ClearAsync(cancellationToken);
        }
        catch (IOException)
        {
            // It belongs to an epoch that nobody asks for any more, and the next snapshot overwrites it.
        }
    }

    private bool TryRestore(WriterClaim claim, KeptSnapshot? kept, StoredChain left, string? problem)
    {
        var sentUpToMs = Math.Max(claim.LastTimestampMs, _generator.LastCollectionMs);
        if (!_generator.IsEmpty)
            problem = "it had already counted spans when it took its claim";
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
        LogNotRestored(_logger, _name, claim.SnapshotEpoch is null ? $"the previous process did not shut down cleanly, and {problem}" : problem);
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
        // As long as the claim is not known, only an exclusive owner can be sure that its collections are later than everything sent.
        var (claim, chain) = (_claim, _chain);
        if (IsLost || (claim is null && (!IsExclusive || _generator.IsEmpty)))
            return;
        try
        {
            if (claim is not null && _permit.IsOpen)
                await FollowClockAsync(claim);
            using var batch = _writer.BeginCollection(Time.GetUtcNow().ToUnixTimeMilliseconds());
            var collectionMs = _generator.Collect(batch.Visitor);
            var counted = _counted;
            var isRecorded = chain is not null && await TryPutAsync(chain, chain.Record(_generator));

            // Only now, because the claim must not say that more was sent than the records contain.
            _sentUpToMs = Math.Max(_sentUpToMs, collectionMs);
            var needsRenewal = claim is { IsExclusive: false } || (chain is not null && !isRecorded);
            if (!needsRenewal || await RenewUntilKnownAsync(claim!))
            {
                NoteSafe();
                _writer.Complete(batch, collectionMs);
                _queued = counted;
            }

            _pushes.Forget(Time.GetUtcNow());
            if (chain is not null)
                await chain.TidyAsync(_giveUp.Token);
        }
        catch (OperationCanceledException) when (_giveUp.IsCancellationRequested)
        {
            // The samples of this collection are lost, but its counters are in the snapshot.
        }
        catch (Exception e)
        {
            LogCollectionFailed(_logger, _name, e);
        }

        NoteIfLost();
    }

    /// <summary>
    /// Handles a clock that was set back, or was ahead before a restart, so that timestamps already sent are in the future. New timestamps
    /// continue just after those, because earlier ones would be out of order: a remote end that accepted the former accepts these too. A
    /// remote end whose own clock is right has refused them, and would refuse everything until that time, perhaps for a day. It has no
    /// sample that others could be out of order with, so timestamps follow the clock again.
    /// </summary>
    private async Task FollowClockAsync(WriterClaim claim)
    {
        var (now, stampedMs) = (Time.GetUtcNow(), _generator.LastCollectionMs);
        var ahead = DateTimeOffset.FromUnixTimeMilliseconds(stampedMs) - now;
        var wasAhead = _isAhead;
        _isAhead = ahead > s_maxAhead;
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

    // The claim says up to when its owner sends before it sends, so that a successor never uses an earlier timestamp.
    private async Task<bool> RenewUntilKnownAsync(WriterClaim claim)
    {
        // As many again may come until the next collection, and some more.
        if (!claim.IsExclusive)
            claim.NextUnsentBound = UnsentBoundFor(NoteSafe() * 5 / 4);

        // Not cancelled half way: only this collection has the first zeros of new series.
        var isOurs = await _retry.UntilDoneAsync(() => claim.RenewAsync(_sentUpToMs, CancellationToken.None), e => NoteNotRenewed(e.Message), _giveUp.Token);
        _isRenewalFailing = false;
        return isOurs;
    }

    private long Unsent => _counted - _safe;

    private long NoteSafe()
    {
        if (_writer.IsSafe)
            _safe = _queued;
        return Unsent;
    }

    // In few steps, so that there are few renewals.
    private static long UnsentBoundFor(long spans) => Math.Max(LeastUnsentBound, (long)BitOperations.RoundUpToPowerOf2((ulong)spans));

    private async Task RaiseUnsentBoundAsync(WriterClaim claim)
    {
        try
        {
            while (Unsent > claim.UnsentBound && !claim.IsLost)
            {
                claim.NextUnsentBound = UnsentBoundFor(Unsent * 2);
                if (!await claim.RenewAsync(_sentUpToMs, CancellationToken.None))
                    break;
            }
        }
        catch (IOException e)
        {
            NoteNotRenewed(e.Message);
        }
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
            // An owner that has lost its claim leaves nothing: the place belongs to its successor.
            if (!await IsStillOursAsync(claim, cancellationToken))
                return;
            var isKept = isToKeep && await TryKeepAsync(claim, cancellationToken);
            isToKeep = false;

            // A successor that has come since starts without this snapshot, and would find it in its place.
            if (!await ReleaseAsync(claim, isKept, cancellationToken) && isKept)
                await ClearKeptAsync(cancellationToken);
        }
        catch (Exception e)
        {
            // A kept snapshot is valid after a crash too: it contains everything that was sent.
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
            // Nothing is counted any more.
            if (!claim.IsExclusive)
                claim.NextUnsentBound = NoteSafe();
            return await claim.RenewAsync(_sentUpToMs, cancellationToken);
        }
        catch (IOException) when (claim.IsExclusive)
        {
            // Nobody else can have taken the claim.
            return true;
        }
    }

    private async Task<bool> TryKeepAsync(WriterClaim claim, CancellationToken cancellationToken)
    {
        var bytes = new ArrayBufferWriter<byte>();
        _generator.WriteSnapshot(bytes);
        var snapshot = new KeptSnapshot(claim.Epoch, bytes.WrittenMemory, _pushes.Write(Time.GetUtcNow()));
        var problem = "";
        try
        {
            for (var attempt = 1; attempt <= Retry.Attempts; attempt++)
            {
                try
                {
                    // An owner that has lost its claim may have left a snapshot since the storage was read, or a write that failed has arrived after
                    // all. In this order only what a successor has left cannot be overwritten: it takes the claim first.
                    if (attempt > 1)
                    {
                        await _snapshots.ReadAsync(cancellationToken);
                        if (!await claim.RenewAsync(_sentUpToMs, cancellationToken))
                            return false;
                    }

                    if (await _snapshots.TryWriteAsync(snapshot, cancellationToken))
                    {
                        _environment.Metrics.SnapshotBytes.Add(bytes.WrittenCount, _tag);
                        return true;
                    }

                    problem = "another process has written one in its place";
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

    // False if the claim has been lost.
    private async Task<bool> ReleaseAsync(WriterClaim claim, bool isKept, CancellationToken cancellationToken)
    {
        // With every_collection, the last collection has been recorded; the record is used if there is no snapshot.
        var isRecorded = !isKept && !_generator.IsEmpty && _chain is { IsWhole: true };
        var isWaiting = !_permit.IsOpen || _writer.PendingSamples > 0;
        var isOurs = _generator.IsEmpty && !isWaiting
            ? await claim.EndAsync(cancellationToken)
            : await claim.ReleaseAsync(isKept || isRecorded, isWaiting, cancellationToken);
        if (isOurs && !isRecorded && _chain is not null)
            await _chain.DeleteAsync(cancellationToken);
        return isOurs;
    }

    private void NoteIfLost()
    {
        if (!IsLost || _notedLost)
            return;
        _notedLost = true;
        _environment.Metrics.ClaimsLost.Add(1, _tag);
        LogClaimLost(_logger, _name);
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

    [LoggerMessage(1717, LogLevel.Warning, "Metrics-generator {Generator}: the previous process ended without notice; at most {Spans} spans that it had counted are missing from the metrics")]
    private static partial void LogSpansLost(ILogger logger, string generator, long spans);

    [LoggerMessage(1718, LogLevel.Warning, "Metrics-generator {Generator}: another silo has taken over its series; this one sends nothing more and ends")]
    private static partial void LogClaimLost(ILogger logger, string generator);

    /// <summary>The permit of the claim, once this life has restored and resumed what was left to it.</summary>
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
