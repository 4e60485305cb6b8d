using Microsoft.Extensions.Logging;
using OrleansTempo.Core.Objects;

namespace OrleansTempo.Core.Ingester.Log;

/// <summary>
/// Finds the streams that dead processes left in the object store, and adopts them into this process's own log, which may be of either type:
/// <code>
/// claim the stream ─► fence it ─► for each segment: append its records to our own log ─► delete it ─► mark the stream adopted
/// </code>
/// A stream's owner counts as dead once membership says so, or its record is too old, though it may be alive. So the adopter first replaces the record, which only one
/// process can do, then puts a fence where the next segment would go, and only then reads. A segment of the old owner is therefore before the fence,
/// and is read, or it is refused, and its appends fail. In addition, an owner acknowledges only while its record is fresh, because record and fence
/// are deleted some day.
/// </summary>
public sealed partial class OrphanedStreams
{
    // Longer than any put can take, and than any process stalls.
    private static readonly TimeSpan s_fenceKept = TimeSpan.FromHours(1);

    // Each waits for a commit of our own log, which takes as long for one segment's records as for those of many.
    private const int SegmentsAtOnce = 16;

    private readonly IObjectStore _store;
    private readonly WalIdentity _identity;
    private readonly string? _ownStream;
    private readonly TempoMetrics _metrics;
    private readonly TimeProvider _time;
    private readonly SteadyClock _steady;
    private readonly ILogger _logger;
    private readonly TimeSpan _lease;

    // For each stream, the owner record when it was last checked, and since when it has been the same.
    private readonly Dictionary<string, (string ETag, long Since)> _watched = [];

    private volatile IReadOnlyList<string> _unadopted = [];

    /// <param name="store">Where the streams are.</param>
    /// <param name="identity">This process.</param>
    /// <param name="ownStream">The stream that this process writes to; null if its log is in files.</param>
    /// <param name="metrics">The process's own metrics.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">The process's log.</param>
    /// <param name="lease">How long an owner may be silent before it is considered dead; null for 30 s. The same for all processes.</param>
    public OrphanedStreams(IObjectStore store, WalIdentity identity, string? ownStream, TempoMetrics metrics, TimeProvider time, ILogger logger, TimeSpan? lease = null)
    {
        _store = store;
        _identity = identity;
        _ownStream = ownStream;
        _metrics = metrics;
        _time = time;
        _steady = new SteadyClock(time);
        _logger = logger;
        _lease = lease ?? ObjectWriteAheadLog.DefaultLease;
    }

    /// <summary>
    /// The owners of streams with records that no living process held when <see cref="ListAsync"/> last looked: what they acknowledged last cannot be
    /// found until another process, or their own next start, has taken it up.
    /// </summary>
    public IReadOnlyList<string> Unadopted => _unadopted;

    /// <summary>
    /// The streams whose owner has stopped cleanly, is dead, has been silent for longer than the lease, or was a previous process of this one's
    /// identity. Also deletes the remains of streams adopted long ago.
    /// </summary>
    public async Task<IReadOnlyList<string>> ListAsync(CancellationToken cancellationToken = default)
    {
        var (orphans, unadopted) = (new List<string>(), new List<string>());
        var names = await WalStream.ListAsync(_store, cancellationToken).ConfigureAwait(false);
        foreach (var gone in _watched.Keys.Except(names).ToList())
            _watched.Remove(gone);
        foreach (var name in names)
        {
            if (name == _ownStream)
                continue;
            var stream = StreamOf(name);
            var there = await _store.GetAsync(stream.OwnerName, cancellationToken).ConfigureAwait(false);
            var owner = OwnerIn(there);
            Watch(name, there?.ETag);
            var isOrphan = IsOrphan(name, owner);
            if (isOrphan)
                unadopted.Add(NameOf(owner) ?? name);
            else if (owner is { State: WalOwnerState.Live, IsReplaying: true })
                unadopted.Add($"a process that is gone, which {NameOf(owner)} is taking up,");
            if (isOrphan)
                orphans.Add(name);
            else if (owner is { State: WalOwnerState.Adopted } && IsPast(owner.Renewed, s_fenceKept))
                await stream.DeleteAsync(cancellationToken).ConfigureAwait(false);
        }

        _unadopted = unadopted;
        return orphans;
    }

    /// <summary>
    /// Adopts an orphan: hands its records, segment by segment, to <paramref name="replay"/>, which appends them to its own log, and deletes each
    /// segment once all its records are there. So that one commit carries many, the records of several segments are handed over one after another without
    /// waiting for the calls to complete, and stay readable until they have.
    /// </summary>
    /// <returns>What was found; null if it is no longer an orphan: another process was faster, or the owner is back.</returns>
    /// <exception cref="IOException">The store cannot be reached. The stream is an orphan again, for this process at once and for others after the lease, without what was adopted.</exception>
    public async Task<ReplayResult?> AdoptAsync(string name, Func<WalRecord, ValueTask> replay, CancellationToken cancellationToken)
    {
        var stream = StreamOf(name);
        var there = await _store.GetAsync(stream.OwnerName, cancellationToken).ConfigureAwait(false);
        var former = OwnerIn(there);
        Watch(name, there?.ETag);
        if (name == _ownStream || !IsOrphan(name, former))
            return null;
        var (claimedAt, claimedSince) = (_time.GetUtcNow(), _time.GetTimestamp());
        var claim = await OwnedObject.TryClaimAsync(_store, stream.OwnerName, there, _identity.OwnerAt(claimedAt, WalOwnerState.Live, isReplaying: true), _identity.IsOwn, cancellationToken).ConfigureAwait(false);
        if (claim is null)
            return null;

        LogAdopting(name, NameOf(former) ?? "nobody");
        var result = default(ReplayResult);
        var unreadable = false;
        var numbers = await stream.FenceAsync(_identity.OwnerAt(claimedAt, WalOwnerState.Adopted), cancellationToken).ConfigureAwait(false);
        await foreach (var (number, found) in stream.ReplayAsync(numbers, replay, SegmentsAtOnce, cancellationToken).ConfigureAwait(false))
        {
            if (_time.GetElapsedTime(claimedSince) > _lease / 3)
            {
                claimedSince = _time.GetTimestamp();
                if (!await claim.TryPutAsync(_identity.OwnerAt(_time.GetUtcNow(), WalOwnerState.Live, isReplaying: true), cancellationToken).ConfigureAwait(false))
                    return null;
            }

            if (found is not { } segment)
            {
                unreadable = true;
                continue;
            }

            // The fence stays, to keep the old owner from writing.
            result = result.Plus(segment);
            if (segment.Segments > 0)
                await stream.DeleteAsync(number, cancellationToken).ConfigureAwait(false);
        }

        if (!await claim.TryPutAsync(_identity.OwnerAt(_time.GetUtcNow(), unreadable ? WalOwnerState.Unreadable : WalOwnerState.Adopted), cancellationToken).ConfigureAwait(false))
            return null;
        LogAdopted(name, result.Records, result.Segments);
        return result;
    }

    private static WalOwner? OwnerIn(StoredObject? there) => there is { } record ? WalOwner.Read(record.Content.Span) : null;

    private static string? NameOf(WalOwner? owner) => owner?.Silo ?? owner?.Owner;

    private WalStream StreamOf(string name) => new(_store, name, _metrics, _logger);

    private bool IsOrphan(string name, WalOwner? owner) => owner is null
        || owner.State == WalOwnerState.Stopped
        || (owner.State == WalOwnerState.Live && (IsLeft(owner) || IsPast(owner.Renewed, _lease) || IsSeenSilent(name)));

    // By a process that is certainly dead or has given up: an earlier one of this identity, a member that was declared dead, or this one, whose
    // adoption has failed.
    private bool IsLeft(WalOwner owner) =>
        _identity.IsFormer(owner) || (owner.Silo is { } silo && _identity.Member?.IsDead(silo) is true) || (owner.IsReplaying && owner.Owner == _identity.Owner);

    // Not if only this machine's wall clock says so after having been set: every owner would look dead.
    private bool IsPast(DateTimeOffset moment, TimeSpan by) => _time.GetUtcNow() - moment > by && _steady.Now - moment > by;

    // Independent of the time on its owner's clock and on ours.
    private bool IsSeenSilent(string name) => _watched.TryGetValue(name, out var seen) && _time.GetElapsedTime(seen.Since) > _lease;

    private void Watch(string name, string? etag)
    {
        if (!_watched.TryGetValue(name, out var seen) || seen.ETag != etag)
            _watched[name] = (etag ?? "", _time.GetTimestamp());
    }

    [LoggerMessage(1419, LogLevel.Information, "Adopting the write-ahead log stream {Stream} of {Owner}")]
    private partial void LogAdopting(string stream, string owner);

    [LoggerMessage(1420, LogLevel.Information, "Adopted the write-ahead log stream {Stream}: {Records} records in {Segments} segments")]
    private partial void LogAdopted(string stream, long records, int segments);
}
