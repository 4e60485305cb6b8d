namespace OrleansTempo.Grains;

/// <summary>
/// Whether calls to one grain come through, so that an outage is logged once and not with every call. Several calls are under way at a time: one that
/// fails after a later one has come through is no outage. Safe to call from any thread.
/// </summary>
internal sealed class Reachability
{
    private readonly Lock _gate = new();

    // All below is guarded by _gate.
    private long _begun;
    private long _cameThrough;
    private bool _isOut;

    /// <summary>A call begins.</summary>
    /// <returns>Its number, to be given when it has ended.</returns>
    public long Begin()
    {
        lock (_gate)
            return ++_begun;
    }

    /// <summary>A call was answered.</summary>
    /// <returns>Whether an outage ends with it.</returns>
    public bool NoteAnswer(long call)
    {
        lock (_gate)
        {
            _cameThrough = Math.Max(_cameThrough, call);
            var ends = _isOut;
            _isOut = false;
            return ends;
        }
    }

    /// <summary>A call failed.</summary>
    /// <returns>Whether an outage begins with it.</returns>
    public bool NoteFailure(long call)
    {
        lock (_gate)
        {
            if (_isOut || call < _cameThrough)
                return false;
            return _isOut = true;
        }
    }
}
