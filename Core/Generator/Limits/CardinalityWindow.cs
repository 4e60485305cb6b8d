namespace OrleansTempo.Core.Generator.Limits;

/// <summary>
/// Estimates how many distinct values were seen recently: one <see cref="HyperLogLog"/> per slice of time, and old slices are dropped.
/// <code>
///   past slices, the oldest first        current
///   ┌────────┐┌────────┐┌────────┐┌────────┐
///   │ 5 min  ││ 5 min  ││ 5 min  ││  ...   │ ◄─ Add
///   └────────┘└────────┘└────────┘└────────┘
///    └─────────── estimate ───────────────┘
/// </code>
/// A value that is not seen again leaves the estimate after the stale duration, or at most one slice later.
/// </summary>
internal sealed class CardinalityWindow(int precision)
{
    private const int MaxSlices = 12;

    private static readonly long s_sliceMs = (long)TimeSpan.FromMinutes(5).TotalMilliseconds;

    private readonly Queue<(HyperLogLog Seen, long EndedMs)> _past = new();
    private HyperLogLog _current = new(precision);
    private long _begunMs;

    public bool IsEmpty => _past.Count == 0 && _current.IsEmpty;

    public void Add(ulong hash) => _current.Add(hash);

    /// <summary>Starts a new slice if the current one is over, and drops slices that are too old.</summary>
    /// <param name="nowMs">Steady milliseconds.</param>
    /// <param name="staleMs">How long a value counts after it was seen, in milliseconds; may change from call to call.</param>
    public void Advance(long nowMs, long staleMs)
    {
        // A short window gets shorter slices and a long one longer slices, so that there are never many.
        var sliceMs = Math.Min(staleMs, Math.Max(s_sliceMs, staleMs / MaxSlices));
        if (_begunMs == 0)
        {
            _begunMs = nowMs;
        }
        else if (nowMs - _begunMs >= sliceMs)
        {
            _begunMs = nowMs;
            if (!_current.IsEmpty)
            {
                _past.Enqueue((_current, nowMs));
                _current = new HyperLogLog(precision);
            }
        }

        while (_past.TryPeek(out var oldest) && oldest.EndedMs <= nowMs - staleMs)
            _past.Dequeue();
    }

    /// <summary>Merges everything seen into a sketch of the same precision.</summary>
    public void AddTo(HyperLogLog sketch)
    {
        foreach (var (seen, _) in _past)
            sketch.Merge(seen);
        sketch.Merge(_current);
    }
}
