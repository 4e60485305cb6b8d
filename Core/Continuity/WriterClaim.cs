using OrleansTempo.Core.Objects;
using OrleansTempo.Core.RemoteWrite;

namespace OrleansTempo.Core.Continuity;

/// <summary>
/// The right to write one tenant's series, or those of one shard of it: an object <c>generators/&lt;tenant's folder>/&lt;shard></c>,
/// changed only by conditional puts. A new owner takes it from the present one without asking; time keeps the two from sending at once:
/// <code>
/// A   ──put──────────────┐ A holds it for 2/3 of a lease, counted from before its last put
///         B   ──put──────┼─────┐ B waits a whole lease, counted from after its first put, and then holds it while it renews
///               └ from here on A's renewals are refused
/// </code>
/// Each measures its waiting by its own clock, so only the speed of clocks matters, not what they show. The holder also goes by the
/// system clock if that has advanced further, as it does while a machine is suspended. The third of a lease in between is for requests
/// under way. Samples that arrive even later have older timestamps than all of B's, see <see cref="LastTimestampMs"/>, and the remote end
/// refuses them. If nobody else can want the claim, such as on a directory that only this process may use, the lease is infinite
/// (exclusive): it is held from the moment it is taken, whatever the clock says. Safe for concurrent use.
/// </summary>
public sealed class WriterClaim : IWritePermit
{
    private const string Root = "generators/";
    private const int ReadsAtOnce = 16;

    private readonly TimeProvider _time;
    private readonly TimeSpan _lease;
    private readonly OwnedObject _object;

    // Null if no previous owner may still send.
    private readonly long? _seizedAt;

    // One put at a time, because each needs the ETag of the one before. Guards _object and _record.
    private readonly SemaphoreSlim _putting = new(1);
    private WriterRecord _record;

    // By both clocks, because the timestamp of a suspended machine does not advance.
    private long _renewedAt;
    private long _renewedTicks;
    private long _unsentBound;
    private long _nextUnsentBound;
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
        LostSpansMax = former is { State: WriterState.Live } ? former.Unsent : 0;
        HasFormerEnded = former is { State: WriterState.Ended };
        _unsentBound = _nextUnsentBound = record.Unsent;
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

    /// <summary>The number of this owner: from 1, one more with every owner. If the previous object could not be read, it is the Unix time in milliseconds, which is higher than any before.</summary>
    public long Epoch { get; }

    public ClaimStart Start { get; }

    /// <summary>The epoch whose snapshot may be restored, because its owner shut down cleanly; null if counters restart at 0.</summary>
    public long? SnapshotEpoch { get; }

    /// <summary>
    /// The epoch of the previous owner if it did not shut down cleanly. Its <see cref="SnapshotChain"/> may be restored if it covers
    /// everything that was sent: up to <see cref="LastTimestampMs"/>.
    /// </summary>
    public long? CrashedEpoch { get; }

    /// <summary>The timestamp of the last collection that a previous owner may have sent, in Unix milliseconds; 0 for none. All new timestamps must be later.</summary>
    public long LastTimestampMs { get; }

    /// <summary>The most spans that a previous owner which did not shut down cleanly had counted and not sent.</summary>
    public long LostSpansMax { get; }

    /// <summary>Whether the previous owner left nothing to continue: its last collection was that of <see cref="LastTimestampMs"/>.</summary>
    public bool HasFormerEnded { get; }

    /// <summary>
    /// The most spans that this owner has counted and not sent, according to the stored record: what its successor considers lost if it ends without
    /// notice. While a renewal is under way, the lower of the two numbers that the record may have.
    /// </summary>
    public long UnsentBound => Volatile.Read(ref _unsentBound);

    /// <summary>Sets what the next renewal makes of <see cref="UnsentBound"/>.</summary>
    public long NextUnsentBound { set => Volatile.Write(ref _nextUnsentBound, value); }

    /// <summary>Whether it was taken for an infinite lease, so that it is held without renewals.</summary>
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

    /// <summary>Claims the series, whoever has them.</summary>
    /// <param name="store">The store that all possible owners share.</param>
    /// <param name="tenant">The tenant whose series are claimed.</param>
    /// <param name="shard">The shard, such as <c>all</c> or <c>3-of-8</c>; see <see cref="ObjectName.IsSegment"/> for what is allowed.</param>
    /// <param name="owner">The owner's name, for a human who reads the object.</param>
    /// <param name="lease">
    /// The longest time that an owner which is cut off may send. Must be the same in all processes; <see cref="Timeout.InfiniteTimeSpan"/> if there is no other.
    /// </param>
    /// <param name="time">The clock for the lease.</param>
    /// <param name="cancellationToken">Cancels the claim, which may or may not have been taken then; the next owner finds out.</param>
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

        // The owner's name alone is not enough: a process can have two claims to the same series, one of them lost.
        var id = $"{owner}/{Guid.NewGuid():N}";
        while (true)
        {
            var stored = await store.GetAsync(name, cancellationToken).ConfigureAwait(false);
            var former = stored is { } there ? WriterRecord.Read(there.Content.Span) : null;
            var epoch = former == WriterRecord.Unknown ? time.GetUtcNow().ToUnixTimeMilliseconds() : (former?.Epoch ?? 0) + 1;
            // If this owner ends at once as well, its successor says again what is lost.
            var unsent = former is { State: WriterState.Live } ? former.Unsent : 0;
            var record = new WriterRecord(id, epoch, WriterState.Live, former?.LastTimestampMs ?? 0, Snapshot: false, Contested: false, Unsent: unsent);
            var began = time.GetTimestamp();
            var owned = await OwnedObject.TryClaimAsync(store, name, stored, record.ToJson(), IsOwn, cancellationToken).ConfigureAwait(false);
            if (owned is not null)
                return new WriterClaim(time, lease, owned, record, former, began);
        }

        bool IsOwn(ReadOnlyMemory<byte> json) => WriterRecord.Read(json.Span).Owner == id;
    }

    /// <summary>Whether anyone has ever claimed these series.</summary>
    /// <exception cref="IOException">The store fails.</exception>
    public static async Task<bool> WasTakenAsync(IObjectStore store, TenantId tenant, string shard, CancellationToken cancellationToken = default) =>
        await store.GetAsync(NameOf(tenant, shard), cancellationToken).ConfigureAwait(false) is not null;

    /// <summary>Lists all claims ever taken, in no particular order, with one read for each.</summary>
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
    /// Renews the claim, and says up to when this owner sends: a collection may be sent after this has returned true for its timestamp.
    /// </summary>
    /// <param name="lastTimestampMs">The timestamp of the collection to be sent, or of the last one, in Unix milliseconds. It never goes back, except by <see cref="StartAgainAfterAsync"/>.</param>
    /// <param name="cancellationToken">Cancels the renewal, with the effect of an <see cref="IOException"/>.</param>
    /// <returns>False if the claim is lost for good, or has been released.</returns>
    /// <exception cref="IOException">The store fails: the claim may be lost, and is held no longer than before.</exception>
    public async Task<bool> RenewAsync(long lastTimestampMs, CancellationToken cancellationToken = default)
    {
        await _putting.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (_lost || _released)
                return false;
            _record = _record with { LastTimestampMs = Math.Max(_record.LastTimestampMs, lastTimestampMs) };
            var (began, beganTicks) = (_time.GetTimestamp(), _time.GetUtcNow().UtcTicks);
            var unsentBound = Volatile.Read(ref _nextUnsentBound);
            Volatile.Write(ref _unsentBound, Math.Min(_unsentBound, unsentBound));
            _record = _record with { Unsent = unsentBound };
            if (!await PutAsync(_record, cancellationToken).ConfigureAwait(false))
                return false;
            Volatile.Write(ref _unsentBound, unsentBound);
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

    /// <summary>Lets the next renewal go back to this timestamp, because no remote end has accepted later samples of this or a previous owner.</summary>
    /// <param name="timestampMs">The timestamp in Unix milliseconds.</param>
    public async Task StartAgainAfterAsync(long timestampMs)
    {
        await _putting.WaitAsync().ConfigureAwait(false);
        _record = _record with { LastTimestampMs = Math.Min(_record.LastTimestampMs, timestampMs) };
        _putting.Release();
    }

    /// <summary>Releases the claim. From this call on it is not held; after a failure it can be called again.</summary>
    /// <param name="snapshot">Whether a snapshot of <see cref="Epoch"/> was left for the next owner.</param>
    /// <param name="waiting">Whether collections were left that are still to be sent.</param>
    /// <param name="cancellationToken">Cancels the release, with the effect of an <see cref="IOException"/>.</param>
    /// <returns>False if the claim was lost: what was left must not be restored.</returns>
    /// <exception cref="IOException">The store fails; the claim may or may not have been released.</exception>
    public Task<bool> ReleaseAsync(bool snapshot, bool waiting = false, CancellationToken cancellationToken = default) =>
        LeaveAsync(WriterState.Released, snapshot, waiting, cancellationToken);

    /// <summary>As <see cref="ReleaseAsync"/>, for a tenant without series: nobody needs to claim it until spans come.</summary>
    public Task<bool> EndAsync(CancellationToken cancellationToken = default) => LeaveAsync(WriterState.Ended, snapshot: false, waiting: false, cancellationToken);

    /// <inheritdoc/>
    public async Task WaitAsync(CancellationToken cancellation)
    {
        while (true)
        {
            // Read before the check, so that a renewal in between is not missed.
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
        : throw new ArgumentException($"'{shard}' is not a valid shard name: a shard name is one segment of an object name", nameof(shard));

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
            return await PutAsync(_record with { State = state, Snapshot = snapshot, Waiting = waiting, Contested = contested, Unsent = 0 }, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _putting.Release();
        }
    }

    // Called under _putting.
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
    /// <summary>There was no previous owner.</summary>
    New,

    /// <summary>The previous owner has shut down cleanly and sends nothing more.</summary>
    Released,

    /// <summary>The previous owner, or one before it, has not shut down cleanly, and may still send for at most a lease.</summary>
    Seized,
}

/// <summary>A <see cref="WriterClaim"/> in a listing.</summary>
/// <param name="Tenant">The tenant whose series are claimed.</param>
/// <param name="Shard">The shard.</param>
/// <param name="NeedsOwner">Whether there must be an owner: the last one is alive or has died, or it left a snapshot or waiting collections.</param>
/// <param name="IsLive">Whether it has an owner, which may have died.</param>
/// <param name="ETag">The ETag of the claim's object, which changes with every renewal.</param>
public readonly record struct ListedClaim(TenantId Tenant, string Shard, bool NeedsOwner, bool IsLive, string ETag);
