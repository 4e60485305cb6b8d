namespace OrleansTempo.Core.Ingester.Log;

/// <summary>
/// Tracks whether the log's requests to the object store succeed. A store that is cut off does not fail requests, it leaves them without an answer; so
/// one that has waited for a while counts like one that has failed. Any success ends the trouble: the log tries again then. Safe to call from any
/// thread.
/// </summary>
/// <param name="time">The clock.</param>
internal sealed class StoreContact(TimeProvider time)
{
    /// <summary>How long a request may wait before the store counts as cut off, unless another one succeeds meanwhile.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    private readonly Lock _gate = new();

    // Everything below is guarded by _gate. When each request in flight began; there are a put and a renewal at most.
    private readonly List<long> _begun = [];
    private long? _succeeded;
    private (long Since, string Reason)? _failure;

    /// <summary>Why and since when no request succeeds; null if the store answers.</summary>
    public WalTrouble? Trouble
    {
        get
        {
            lock (_gate)
            {
                var now = time.GetTimestamp();
                if (_failure is var (since, reason))
                    return new WalTrouble(reason, time.GetElapsedTime(since, now), StopsAppends: true);
                foreach (var begun in _begun)
                {
                    var waited = time.GetElapsedTime(Math.Max(begun, _succeeded ?? begun), now);
                    if (waited >= Patience)
                        return new WalTrouble($"the object store has not answered for {waited.TotalSeconds:F0} s", waited, StopsAppends: true);
                }

                return null;
            }
        }
    }

    /// <summary>Notes that a request begins.</summary>
    /// <returns>The request, to pass when it has ended.</returns>
    public long Begin()
    {
        lock (_gate)
        {
            var begun = time.GetTimestamp();
            _begun.Add(begun);
            return begun;
        }
    }

    public void NoteSuccess(long request)
    {
        lock (_gate)
        {
            _begun.Remove(request);
            _succeeded = time.GetTimestamp();
            _failure = null;
        }
    }

    public void NoteFailure(long request, string reason)
    {
        lock (_gate)
        {
            _begun.Remove(request);
            _failure = (_failure?.Since ?? Math.Max(request, _succeeded ?? request), reason);
        }
    }
}
