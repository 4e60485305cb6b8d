namespace OrleansTempo.Core.Ingester.Log;

/// <summary>
/// Tracks whether the log's requests to the object store succeed. A store that is cut off does not fail requests, it leaves them without an answer; so
/// one that has waited for a while counts like one that has failed. Any success ends the trouble: the log tries again then. Safe to call from any
/// thread.
/// </summary>
/// <param name="time">The clock.</param>
internal sealed class StoreContact(TimeProvider time)
{
    private const int BytesPerSecond = 4 << 20;

    /// <summary>How long a small request may wait before the store counts as cut off, unless another one succeeds meanwhile.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    private readonly Lock _gate = new();

    // Everything below is guarded by _gate. When each request in flight began, and how long it may take; there are a put and a renewal at most.
    private readonly List<(long Begun, TimeSpan Allowed)> _inFlight = [];
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
                foreach (var (begun, allowed) in _inFlight)
                {
                    var waited = time.GetElapsedTime(Math.Max(begun, _succeeded ?? begun), now);
                    if (waited >= allowed)
                        return new WalTrouble($"the object store has not answered for {waited.TotalSeconds:F0} s", waited, StopsAppends: true);
                }

                return null;
            }
        }
    }

    /// <summary>How much longer a request may take than a small one. A store that takes less than 4 MiB a second is as good as cut off.</summary>
    public static TimeSpan TransferOf(int bytes) => TimeSpan.FromSeconds(bytes / BytesPerSecond);

    /// <summary>Notes that a request begins.</summary>
    /// <param name="bytes">The bytes it carries.</param>
    /// <returns>The request, to pass when it has ended.</returns>
    public (long Begun, TimeSpan Allowed) Begin(int bytes = 0)
    {
        lock (_gate)
        {
            var request = (time.GetTimestamp(), Patience + TransferOf(bytes));
            _inFlight.Add(request);
            return request;
        }
    }

    public void NoteSuccess((long Begun, TimeSpan Allowed) request)
    {
        lock (_gate)
        {
            _inFlight.Remove(request);
            _succeeded = time.GetTimestamp();
            _failure = null;
        }
    }

    public void NoteFailure((long Begun, TimeSpan Allowed) request, string reason)
    {
        lock (_gate)
        {
            _inFlight.Remove(request);
            _failure = (_failure?.Since ?? Math.Max(request.Begun, _succeeded ?? request.Begun), reason);
        }
    }
}
