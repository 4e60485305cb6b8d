namespace OrleansTempo.Grains;

/// <summary>
/// Tracks whether calls to one grain succeed, so that an outage is logged once and not with every call, and so that only the first calls wait for a
/// silo that does not answer. Several calls are in flight at a time: one that fails after a later one has succeeded is not an outage.
/// <code>
///   answered ──── a call fails ────► out: calls are tried, since they fail at once
///      ▲  ▲                           │
///      │  └─────── an answer ─────────┤ a call is not answered in time
///      │                              ▼
///      └────────── an answer ────── silent: calls are refused; a probe at a time finds out when it is over
/// </code>
/// Safe to call from any thread.
/// </summary>
/// <param name="time">The clock that probes are spaced by.</param>
internal sealed class Reachability(TimeProvider time)
{
    // Where they fail at once, one after the other would only keep the processor busy.
    private static readonly TimeSpan s_betweenProbes = TimeSpan.FromMilliseconds(250);

    private readonly Lock _gate = new();

    // Everything below is guarded by _gate.
    private long _begun;
    private long _succeeded;
    private bool _isOut;
    private bool _isSilent;
    private bool _isProbing;
    private long? _probedAt;

    /// <summary>Notes that a call begins.</summary>
    /// <returns>The call's number, to pass when it has ended.</returns>
    public long Begin()
    {
        lock (_gate)
            return ++_begun;
    }

    /// <summary>Whether a call may be made; if not, whether the caller has to probe first, and call <see cref="EndProbe"/> after it.</summary>
    public bool MayCall(out bool mustProbe)
    {
        lock (_gate)
        {
            mustProbe = _isSilent && !_isProbing && !(_probedAt is { } last && time.GetElapsedTime(last) < s_betweenProbes);
            _isProbing |= mustProbe;
            return !_isSilent;
        }
    }

    public void EndProbe()
    {
        lock (_gate)
            (_isProbing, _probedAt) = (false, time.GetTimestamp());
    }

    /// <summary>Notes that a call was answered.</summary>
    /// <returns>Whether this ends an outage.</returns>
    public bool NoteAnswer(long call)
    {
        lock (_gate)
        {
            _succeeded = Math.Max(_succeeded, call);
            var ends = _isOut;
            _isOut = _isSilent = false;
            return ends;
        }
    }

    /// <summary>Notes that a call failed.</summary>
    /// <param name="call">Its number.</param>
    /// <param name="isSilent">Whether it was not answered in time, so that further calls would wait in vain.</param>
    /// <returns>Whether this begins an outage.</returns>
    public bool NoteFailure(long call, bool isSilent)
    {
        lock (_gate)
        {
            if (call < _succeeded)
                return false;
            _isSilent |= isSilent;
            if (_isOut)
                return false;
            return _isOut = true;
        }
    }
}
