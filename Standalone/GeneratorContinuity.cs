using Microsoft.Extensions.Logging;
using OrleansTempo.Core;
using OrleansTempo.Core.Continuity;
using OrleansTempo.Core.Generator;
using OrleansTempo.Core.Overrides;
using OrleansTempo.Core.RemoteWrite;
using OrleansTempo.Core.Storage;

namespace OrleansTempo.Standalone;

/// <summary>
/// What carries a tenant's counters over from one process to the next: the claim to its series, and beside it what the process before has left.
/// <code>
///   start:  claim taken ─► what was left read, and from here on of no use to anybody else ─► restored, or the reason why not
///   sent:   with every_collection: record put ─► sent      (where it cannot be put: the claim says that more was sent ─► sent)
///   stop:   snapshot put ─► claim released
/// </code>
/// As there is one process, the claim is no permit to send here, but for a tenant whose claim could not be taken at the start; and it is renewed
/// only where it must say something.
/// </summary>
internal sealed partial class GeneratorContinuity(
    IObjectStore store, TenantId tenant, SnapshotMode mode, TempoMetrics metrics, TimeProvider time, ILogger logger) : IWritePermit
{
    private const int ReadAttempts = 3;

    private static readonly string s_shard = GeneratorShard.None.ToString();
    private static readonly TimeSpan s_retry = TimeSpan.FromSeconds(1);

    private readonly KeyValuePair<string, object?> _tag = new("tenant", tenant.Value);
    private readonly TaskCompletionSource _held = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private WriterClaim? _claim;
    private SnapshotChain? _chain;
    private StoredChain? _left;
    private bool _isKept;
    /// <summary>Whether every collection is to be put before it is sent: not before the claim is there, as there is nothing then that is older than what is sent.</summary>
    public bool IsEveryCollection => mode == SnapshotMode.EveryCollection && IsTaken;

    /// <summary>
    /// Whether what the process before has left can be used by nobody any more. Asked only of a tenant whose claim could not be taken at the
    /// start, such as on a full disk: what were sent before that would count again after a crash.
    /// </summary>
    public bool IsHeld => _held.Task.IsCompleted;

    /// <inheritdoc/>
    public bool IsLost => false;

    /// <summary>Whether the claim is there.</summary>
    public bool IsTaken => Volatile.Read(ref _claim) is not null;

    /// <summary>The tenants of whose series the process before was the owner, and did not say that there are none any more.</summary>
    /// <exception cref="IOException">The store fails.</exception>
    public static async Task<IReadOnlyList<TenantId>> TenantsAsync(IObjectStore store) =>
        [.. (await WriterClaim.ListAsync(store).ConfigureAwait(false)).Where(static c => c.NeedsOwner && c.Shard == s_shard).Select(static c => c.Tenant)];

    /// <summary>Takes the claim, by which what was left can be used by nobody else, and reads that. To be called first, once.</summary>
    /// <exception cref="IOException">The store fails.</exception>
    public async Task TakeAsync(CancellationToken cancellationToken = default)
    {
        var claim = await WriterClaim.TakeAsync(
            store, tenant, s_shard, $"standalone/{Environment.MachineName}/{Environment.ProcessId}", TimeSpan.Zero, time, cancellationToken).ConfigureAwait(false);
        var chain = new SnapshotChain(store, tenant, s_shard, claim.Epoch, time);
        if (claim.SnapshotEpoch is not null || claim.Start == ClaimStart.Seized)
        {
            // Of an owner that is not known there is no epoch, and nothing of its is found.
            var epoch = claim.SnapshotEpoch ?? claim.CrashedEpoch ?? 0;
            _left = await ReadAsync(epoch, cancellationToken).ConfigureAwait(false);
            if (mode == SnapshotMode.EveryCollection)
                chain.Replace(_left);
            else
                await store.DeleteAllAsync(_left.Names, cancellationToken).ConfigureAwait(false);
        }

        _chain = chain;
        Volatile.Write(ref _claim, claim);
    }

    /// <summary>Has a new generator go on where the one before ended, if it can.</summary>
    public void Restore(TenantGenerator generator)
    {
        if (_claim is not { } claim)
            return;
        if (_left is { } left && mode != SnapshotMode.Off)
        {
            var reason = left.Problem ?? (generator.IsEmpty ? null : "spans had been counted already when it was found");
            if (reason is null && generator.TryRestore(left.Records, Math.Max(claim.LastTimestampMs, generator.LastCollectionMs), out reason))
            {
                metrics.SnapshotsRestored.Add(1, _tag);
            }
            else
            {
                metrics.SnapshotsRefused.Add(1, _tag);
                NotRestored(logger, tenant, claim.Start == ClaimStart.Seized ? $"the process before did not stop in order, and {reason}" : reason);
            }
        }

        _left = null;
        generator.StartAfter(claim.LastTimestampMs);

        // With every_collection what was left is there until there is a record of this process.
        if (mode != SnapshotMode.EveryCollection)
            _held.TrySetResult();
    }

    /// <summary>Deletes what was left, and ends: there is nothing to go on with.</summary>
    /// <exception cref="IOException">The store fails.</exception>
    public async Task ForgetAsync(CancellationToken cancellationToken)
    {
        _left = null;
        await _claim!.EndAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Makes the record of a generator that has just been collected, on its turn.</summary>
    public ChainRecord Record(TenantGenerator generator) => _chain!.Record(generator);

    /// <summary>
    /// Returns when a collection may be sent: its record is there or, where that cannot be put, the claim says that more was sent
    /// than is in the records. While neither can be written, nothing is sent.
    /// </summary>
    public async Task PersistAsync(ChainRecord record, long collectionMs, CancellationToken cancellationToken)
    {
        await PutAsync(record, collectionMs, cancellationToken).ConfigureAwait(false);
        _held.TrySetResult();
    }

    public Task WaitAsync(CancellationToken cancellation) => _held.Task.WaitAsync(cancellation);

    private async Task PutAsync(ChainRecord record, long collectionMs, CancellationToken cancellationToken)
    {
        if (await _chain!.TryPutAsync(record, cancellationToken).ConfigureAwait(false) is not { } problem)
        {
            metrics.SnapshotBytes.Add(record.Content.Length, _tag);
            return;
        }

        metrics.SnapshotFailures.Add(1, _tag);
        NotPersisted(logger, tenant, problem);
        for (var isLogged = false; ; isLogged = true)
        {
            try
            {
                await _claim!.RenewAsync(collectionMs, cancellationToken).ConfigureAwait(false);
                return;
            }
            catch (IOException e)
            {
                if (!isLogged)
                    Held(logger, tenant, e.Message);
            }

            await Task.Delay(s_retry, time, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Deletes the records that are of no use any more.</summary>
    public Task TidyAsync(CancellationToken cancellationToken) => _chain!.TidyAsync(cancellationToken);

    /// <summary>Keeps what a generator has after its last collection for the next start, and ends in order.</summary>
    public async Task StopAsync(TenantGenerator generator, CancellationToken cancellationToken)
    {
        await KeepAsync(generator, cancellationToken).ConfigureAwait(false);
        await LeaveAsync(generator, cancellationToken).ConfigureAwait(false);
    }

    private async Task KeepAsync(TenantGenerator generator, CancellationToken cancellationToken)
    {
        if (generator.IsEmpty)
            return;
        string? problem;
        try
        {
            if (_chain is null)
                await TakeAsync(cancellationToken).ConfigureAwait(false);

            // With every_collection the last one has been kept.
            _isKept = _chain!.IsWhole;
            if (_isKept)
                return;
            var record = _chain.Record(generator);
            problem = await _chain.TryPutAsync(record, cancellationToken).ConfigureAwait(false);
            if (problem is null)
            {
                metrics.SnapshotBytes.Add(record.Content.Length, _tag);
                _isKept = true;
                return;
            }
        }
        catch (IOException e)
        {
            problem = e.Message;
        }
        catch (OperationCanceledException)
        {
            problem = "the time to stop in is over";
        }

        metrics.SnapshotFailures.Add(1, _tag);
        NotKept(logger, tenant, generator.ActiveSeries, problem);
    }

    private async Task LeaveAsync(TenantGenerator generator, CancellationToken cancellationToken)
    {
        if (_claim is null || !(generator.IsEmpty || _isKept))
            return;
        try
        {
            await _claim.RenewAsync(generator.LastCollectionMs, cancellationToken).ConfigureAwait(false);
            if (_isKept)
            {
                await _claim.ReleaseAsync(snapshot: true, cancellationToken: cancellationToken).ConfigureAwait(false);
            }
            else
            {
                await _claim.EndAsync(cancellationToken).ConfigureAwait(false);
                await _chain!.DeleteAsync(cancellationToken).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // What was kept is as good as it is after a crash: it says all that was sent.
            NotReleased(logger, tenant, e.Message);
        }
    }

    private async Task<StoredChain> ReadAsync(long epoch, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await SnapshotChain.ReadAsync(store, tenant, s_shard, epoch, cancellationToken).ConfigureAwait(false);
            }
            catch (IOException e) when (attempt == ReadAttempts)
            {
                return new StoredChain([], [], e.Message);
            }
            catch (IOException)
            {
                await Task.Delay(s_retry, time, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "metrics-generator of tenant {Tenant}: counters begin again at 0: {Reason}")]
    private static partial void NotRestored(ILogger logger, TenantId tenant, string? reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "metrics-generator of tenant {Tenant}: a collection could not be kept before it was sent, and counters would begin again at 0 after a crash until the next is kept: {Reason}")]
    private static partial void NotPersisted(ILogger logger, TenantId tenant, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "metrics-generator of tenant {Tenant}: nothing can be written to the object store, and nothing is sent until it can, as it could count twice after a crash: {Reason}")]
    private static partial void Held(ILogger logger, TenantId tenant, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "metrics-generator of tenant {Tenant}: its {Series} series could not be kept for the next start, and its counters begin again at 0: {Reason}")]
    private static partial void NotKept(ILogger logger, TenantId tenant, int series, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "metrics-generator of tenant {Tenant} could not say that it has stopped in order: {Reason}")]
    private static partial void NotReleased(ILogger logger, TenantId tenant, string reason);
}
