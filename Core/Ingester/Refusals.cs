namespace OrleansTempo.Core.Ingester;

/// <summary>The spans of one batch that a limit refused in any of the partitions, as indexes in the batch, in no order.</summary>
public sealed class Refusals
{
    private readonly List<int> _liveTracesExceeded = [];
    private readonly List<int> _tracesTooLarge = [];

    /// <summary>Spans of traces that would have exceeded the maximum number of live traces.</summary>
    public IReadOnlyList<int> LiveTracesExceeded => _liveTracesExceeded;

    /// <summary>Spans of traces that already have the maximum number of bytes.</summary>
    public IReadOnlyList<int> TracesTooLarge => _tracesTooLarge;

    /// <summary>All refused spans.</summary>
    public IReadOnlyList<int> Spans => [.. _liveTracesExceeded, .. _tracesTooLarge];

    public int Count => _liveTracesExceeded.Count + _tracesTooLarge.Count;

    public void Add(Refusals others)
    {
        _liveTracesExceeded.AddRange(others._liveTracesExceeded);
        _tracesTooLarge.AddRange(others._tracesTooLarge);
    }

    public void AddLiveTracesExceeded(int span) => _liveTracesExceeded.Add(span);

    public void AddTraceTooLarge(int span) => _tracesTooLarge.Add(span);
}
