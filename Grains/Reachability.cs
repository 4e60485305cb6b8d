namespace OrleansTempo.Grains;

/// <summary>
/// Tracks whether calls to one grain succeed, so that an outage is logged once and not with every call. Several calls are in flight at a time: one
/// that fails after a later one has succeeded is not an outage. Safe to call from any thread.
/// </summary>
internal sealed class Reachability
{
    private readonly Lock _gate = new();

    // Everything below is guarded by _gate.
    private long _begun;
    private long _succeeded;
    private bool _isOut;

    /// <summary>Notes that a call begins.</summary>
    /// <returns>The call's number, to pass when it has ended.</returns>
    public long Begin()
    {
        lock (_gate)
            return ++_begun;
    }

    /// <summary>Notes that a call was answered.</summary>
    /// <returns>Whether this ends an outage.</returns>
    public bool NoteAnswer(long call)
    {
        lock (_gate)
        {
            _succeeded = Math.Max(_succeeded, call);
            var ends = _isOut;
            _isOut = false;
            return ends;
        }
    }

    /// <summary>Notes that a call failed.</summary>
    /// <returns>Whether this begins an outage.</returns>
    public bool NoteFailure(long call)
    {
        lock (_gate)
        {
            if (_isOut || call < _succeeded)
                return false;
            return _isOut = true;
        }
    }
}
