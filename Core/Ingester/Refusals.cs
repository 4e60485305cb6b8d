namespace OrleansTempo.Core.Ingester;

/// <summary>The spans of one batch that a limit kept out, whichever of the partitions said so: their places in the batch, in no order.</summary>
public sealed class Refusals
{
    private readonly List<int> _liveTracesExceeded = [];
    private readonly List<int> _tracesTooLarge = [];

    /// <summary>Those of traces that would have been one too many.</summary>
    public IReadOnlyList<int> LiveTracesExceeded => _liveTracesExceeded;

    /// <summary>Those of traces that have all the bytes they may.</summary>
    public IReadOnlyList<int> TracesTooLarge => _tracesTooLarge;

    /// <summary>All of them.</summary>
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
