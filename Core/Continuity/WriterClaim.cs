using OrleansTempo.Core.Objects;
using OrleansTempo.Core.RemoteWrite;

namespace OrleansTempo.Core.Continuity;

/// <summary>
/// The right to write one tenant's series, or those of one shard of it: an object <c>generators/&lt;tenant's folder>/&lt;shard></c>,
/// changed only by conditional puts. Whoever wants it takes it, whoever has it; what keeps two from sending at once is time:
/// <code>
/// A   ──put──────────────┐ held 2/3 of a lease from before its last put
///         B   ──put──────┼─────┐ a whole lease from after its first one, then held while it renews
///               └ from here on A's renewals are refused
/// </code>
/// Each measures its own waiting by its own clock, so only how fast clocks run matters and not what they show; whoever has it also goes by the system
/// clock where that has gone further, as it does while a machine is suspended. The third of a lease
/// between the two is for what is under way. What arrives later still is older than all that B stamps, see <see cref="LastTimestampMs"/>,
/// and is refused by the remote end. Where nobody else can want it, such as on a directory that this process alone may use, the lease is
/// infinite (exclusive): it is held from the moment it is taken, whatever the clock says. Safe for concurrent use.
/// </summary>
public sealed class WriterClaim : IWritePermit
{
    private const string Root = "generators/";
    private const int ReadsAtOnce = 16;

    private readonly TimeProvider _time;
    private readonly TimeSpan _lease;
    private readonly OwnedObject _object;

    // Null where nobody is left who may still send.
    private readonly long? _seizedAt;

    // One at a time: each needs the ETag of the one before. Guards _object and _record.
    private readonly SemaphoreSlim _putting = new(1);
    private WriterRecord _record;

    // By both clocks: a machine that is suspended wakes up with a timestamp that has not moved.
    private long _renewedAt;
    private long _renewedTicks;
    private volatile bool _lost;
    private volatile bool _released;
    private TaskCompletionSource _renewed = NewSignal();

    private WriterClaim(TimeProvider time, TimeSpan lease, OwnedObject owned, WriterRecord record, WriterRecord? former, long began)
    {
        _time = time;
        _lease = lease;
        _object = owned;
        _record = record;
        _renewedAt = began;
        _renewedTicks = (time.GetUtcNow() - time.GetElapsedTime(began)).UtcTicks;
        Epoch = record.Epoch;
        LastTimestampMs = record.LastTimestampMs;
        SnapshotEpoch = former is { State: WriterState.Released, Snapshot: true } ? former.Epoch : null;
        CrashedEpoch = former is { State: WriterState.Live, Epoch: > 0 } ? former.Epoch : null;
        if (former is { State: WriterState.Live } or { Contested: true })
        {
            Start = ClaimStart.Seized;
            _seizedAt = IsExclusive ? null : time.GetTimestamp();
        }
        else
        {
            Start = former is null ? ClaimStart.New : ClaimStart.Released;
        }
    }

    /// <summary>From 1, one more with every owner; where the object of those before could not be read, Unix time in milliseconds, which is more than theirs.</summary>
    public long Epoch { get; }

    public ClaimStart Start { get; }

    /// <summary>The epoch whose snapshot may be restored, which its owner left in order; null where counters begin again at 0.</summary>
    public long? SnapshotEpoch { get; }

    /// <summary>
    /// The epoch of the owner before where it has not ended in order. Of it may be restored what it put in its <see cref="SnapshotChain"/> if
    /// that says as much as was sent: up to <see cref="LastTimestampMs"/>.
    /// </summary>
    public long? CrashedEpoch { get; }

    /// <summary>Unix time in milliseconds of the last collection that an owner before may have sent; nothing may be stamped at or before it. 0 for none.</summary>
    public long LastTimestampMs { get; }

    /// <summary>Whether it was taken for an infinite lease, and so need not be renewed to be held.</summary>
    public bool IsExclusive => _lease == Timeout.InfiniteTimeSpan;

    /// <inheritdoc/>
    public bool IsLost => _lost;

    /// <inheritdoc/>
    public bool IsHeld => !_lost && !_released
        && (IsExclusive || IsFresh)
        && SeizureLeft <= TimeSpan.Zero;

    private bool IsFresh => _time.GetElapsedTime(Volatile.Read(ref _renewedAt)) < _lease * 2 / 3
        && _time.GetUtcNow().UtcTicks - Volatile.Read(ref _renewedTicks) < _lease.Ticks * 2 / 3;

    private TimeSpan SeizureLeft => _seizedAt is { } at ? _lease - _time.GetElapsedTime(at) : TimeSpan.Zero;

    /// <summary>Takes it from whoever has it.</summary>
    /// <param name="store">One that all who might want it share.</param>
    /// <param name="tenant">Whose series.</param>
    /// <param name="shard">Which part of them, such as <c>all</c> or <c>3-of-8</c>; what <see cref="ObjectName.IsSegment"/> allows.</param>
    /// <param name="owner">For a human who reads the object.</param>
    /// <param name="lease">
    /// How long an owner may at most send that nobody hears of. The same for all processes; <see cref="Timeout.InfiniteTimeSpan"/> where there is no other.
    /// </param>
    /// <param name="time">The clock that the lease is measured by.</param>
    /// <param name="cancellationToken">Whether it was taken is not known then; whoever takes it next finds that out.</param>
    /// <exception cref="IOException">The store fails.</exception>
    public static async Task<WriterClaim> TakeAsync(
        IObjectStore store,
        TenantId tenant,
        string shard,
        string owner,
        TimeSpan lease,
        TimeProvider time,
        CancellationToken cancellationToken = default)
    {
        var name = NameOf(tenant, shard);

        // Not the owner's name alone: a process can have two claims to the same series, one of them lost.
        var id = $"{owner}/{Guid.NewGuid():N}";
        while (true)
        {
            var stored = await store.GetAsync(name, cancellationToken).ConfigureAwait(false);
            var former = stored is { } there ? WriterRecord.Read(there.Content.Span) : null;
            var epoch = former == WriterRecord.Unknown ? time.GetUtcNow().ToUnixTimeMilliseconds() : (former?.Epoch ?? 0) + 1;
            var record = new WriterRecord(id, epoch, WriterState.Live, former?.LastTimestampMs ?? 0, Snapshot: false, Contested: false);
            var began = time.GetTimestamp();
            var owned = await OwnedObject.TryClaimAsync(store, name, stored, record.ToJson(), IsOwn, cancellationToken).ConfigureAwait(false);
            if (owned is not null)
                return new WriterClaim(time, lease, owned, record, former, began);
        }

        bool IsOwn(ReadOnlyMemory<byte> json) => WriterRecord.Read(json.Span).Owner == id;
    }

    /// <summary>Whether it has ever been taken.</summary>
    /// <exception cref="IOException">The store fails.</exception>
    public static async Task<bool> WasTakenAsync(IObjectStore store, TenantId tenant, string shard, CancellationToken cancellationToken = default) =>
        await store.GetAsync(NameOf(tenant, shard), cancellationToken).ConfigureAwait(false) is not null;

    /// <summary>All that have ever been taken, in no order: one read for each.</summary>
    /// <exception cref="IOException">The store fails.</exception>
    public static async Task<IReadOnlyList<ListedClaim>> ListAsync(IObjectStore store, CancellationToken cancellationToken = default)
    {
        var names = new List<string>();
        await foreach (var info in store.ListAsync(Root, cancellationToken).ConfigureAwait(false))
            names.Add(info.Name);

        var found = new ListedClaim?[names.Count];
        var options = new ParallelOptions { MaxDegreeOfParallelism = ReadsAtOnce, CancellationToken = cancellationToken };
        await Parallel.ForAsync(0, found.Length, options, async (i, cancellation) =>
        {
            if (names[i][Root.Length..].Split('/') is [var folder, var shard]
                && TenantFolder.TryRead(folder, out var tenant)
                && await store.GetAsync(names[i], cancellation).ConfigureAwait(false) is { } there)
            {
                var record = WriterRecord.Read(there.Content.Span);
                found[i] = new ListedClaim(tenant, shard, record.NeedsOwner, record.State == WriterState.Live, there.ETag);
            }
        }).ConfigureAwait(false);
        return [.. found.OfType<ListedClaim>()];
    }

    /// <summary>
    /// Says that this owner lives, and up to when it sends: a collection may be sent when this has returned true for its timestamp.
    /// </summary>
    /// <param name="lastTimestampMs">Unix time in milliseconds of the collection that is to be sent, or of the last one: it does not go back, see <see cref="StartAgainAfterAsync"/>.</param>
    /// <param name="cancellationToken">As an <see cref="IOException"/>.</param>
    /// <returns>False where it is lost for good, or has been released.</returns>
    /// <exception cref="IOException">The store fails: whether it is lost is not known, and it is held no longer than before.</exception>
    public async Task<bool> RenewAsync(long lastTimestampMs, CancellationToken cancellationToken = default)
    {
        await _putting.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (_lost || _released)
                return false;
            _record = _record with { LastTimestampMs = Math.Max(_record.LastTimestampMs, lastTimestampMs) };
            var (began, beganTicks) = (_time.GetTimestamp(), _time.GetUtcNow().UtcTicks);
            if (!await PutAsync(_record, cancellationToken).ConfigureAwait(false))
                return false;
            Volatile.Write(ref _renewedAt, began);
            Volatile.Write(ref _renewedTicks, beganTicks);
        }
        finally
        {
            _putting.Release();
        }

        Interlocked.Exchange(ref _renewed, NewSignal()).SetResult();
        return true;
    }

    /// <summary>Nobody has taken what this owner, or one before, has stamped later than this: the next renewal says less than the last.</summary>
    /// <param name="timestampMs">Unix milliseconds.</param>
    public async Task StartAgainAfterAsync(long timestampMs)
    {
        await _putting.WaitAsync().ConfigureAwait(false);
        _record = _record with { LastTimestampMs = Math.Min(_record.LastTimestampMs, timestampMs) };
        _putting.Release();
    }

    /// <summary>Ends it in order. From this call on it is not held; where it fails it can be called again.</summary>
    /// <param name="snapshot">Whether a snapshot of <see cref="Epoch"/> has been left for the next owner.</param>
    /// <param name="waiting">Whether collections have been left that are still to be sent.</param>
    /// <param name="cancellationToken">As an <see cref="IOException"/>.</param>
    /// <returns>False where it was lost: what was left is not to be restored.</returns>
    /// <exception cref="IOException">The store fails; whether it was released is not known.</exception>
    public Task<bool> ReleaseAsync(bool snapshot, bool waiting = false, CancellationToken cancellationToken = default) =>
        LeaveAsync(WriterState.Released, snapshot, waiting, cancellationToken);

    /// <summary>As <see cref="ReleaseAsync"/>, for a tenant that has no series any more: nobody needs to take it until spans come.</summary>
    public Task<bool> EndAsync(CancellationToken cancellationToken = default) => LeaveAsync(WriterState.Ended, snapshot: false, waiting: false, cancellationToken);

    /// <inheritdoc/>
    public async Task WaitAsync(CancellationToken cancellation)
    {
        while (true)
        {
            // Before it is looked at: what is renewed after that must not be missed.
            var renewed = Volatile.Read(ref _renewed).Task;
            if (IsHeld)
                return;
            var left = SeizureLeft;
            if (left > TimeSpan.Zero)
                await Task.Delay(TimeSpan.FromMilliseconds(Math.Ceiling(left.TotalMilliseconds)), _time, cancellation).ConfigureAwait(false);
            else
                await renewed.WaitAsync(cancellation).ConfigureAwait(false);
        }
    }

    private static string NameOf(TenantId tenant, string shard) => ObjectName.IsSegment(shard)
        ? $"{Root}{TenantFolder.Of(tenant)}/{shard}"
        : throw new ArgumentException($"'{shard}' is no shard's name: it is a segment of an object's name", nameof(shard));

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private async Task<bool> LeaveAsync(WriterState state, bool snapshot, bool waiting, CancellationToken cancellationToken)
    {
        _released = true;
        await _putting.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (_lost)
                return false;
            var contested = SeizureLeft > TimeSpan.Zero;
            return await PutAsync(_record with { State = state, Snapshot = snapshot, Waiting = waiting, Contested = contested }, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _putting.Release();
        }
    }

    // Under _putting.
    private async Task<bool> PutAsync(WriterRecord record, CancellationToken cancellationToken)
    {
        var put = await _object.TryPutAsync(record.ToJson(), cancellationToken).ConfigureAwait(false);
        _lost |= !put;
        return put;
    }
}

/// <summary>What a <see cref="WriterClaim"/> found when it was taken.</summary>
public enum ClaimStart
{
    /// <summary>Nobody has had it.</summary>
    New,

    /// <summary>Its former owner has ended in order and sends nothing more.</summary>
    Released,

    /// <summary>Its former owner, or one before that, has not ended in order, and may still send for at most a lease.</summary>
    Seized,
}

/// <summary>A <see cref="WriterClaim"/> as a listing shows it.</summary>
/// <param name="Tenant">Whose series.</param>
/// <param name="Shard">Which part of them.</param>
/// <param name="NeedsOwner">Whether somebody writes them, or has died, or has left a snapshot or collections to go on with: there must be an owner.</param>
/// <param name="IsLive">Whether it has an owner, as far as that has not died.</param>
/// <param name="ETag">Of the claim's object: another one whenever its owner has said that it lives.</param>
public readonly record struct ListedClaim(TenantId Tenant, string Shard, bool NeedsOwner, bool IsLive, string ETag);
