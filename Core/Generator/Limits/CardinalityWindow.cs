namespace OrleansTempo.Core.Generator.Limits;

/// <summary>
/// How many different things have been seen of late: a <see cref="HyperLogLog"/> per slice of time, of which the old ones go.
/// <code>
///   past slices, the oldest first        current
///   ┌────────┐┌────────┐┌────────┐┌────────┐
///   │ 5 min  ││ 5 min  ││ 5 min  ││  ...   │ ◄─ Add
///   └────────┘└────────┘└────────┘└────────┘
///    └─────────── estimate ───────────────┘
/// </code>
/// What has not been seen again leaves the estimate when the stale duration has passed, at most a slice later.
/// </summary>
internal sealed class CardinalityWindow(int precision)
{
    private const int MostSlices = 12;

    private static readonly long s_sliceMs = (long)TimeSpan.FromMinutes(5).TotalMilliseconds;

    private readonly Queue<(HyperLogLog Seen, long EndedMs)> _past = new();
    private HyperLogLog _current = new(precision);
    private long _begunMs;

    public bool IsEmpty => _past.Count == 0 && _current.IsEmpty;

    public void Add(ulong hash) => _current.Add(hash);

    /// <summary>Begins a new slice where the current one is over, and forgets those that are too old.</summary>
    /// <param name="nowMs">Steady milliseconds.</param>
    /// <param name="staleMs">How long what was seen counts, in milliseconds; it may differ from the last time's.</param>
    public void Advance(long nowMs, long staleMs)
    {
        // Shorter than usual where little time is to be looked back on, longer where much is, so that there are never many.
        var sliceMs = Math.Min(staleMs, Math.Max(s_sliceMs, staleMs / MostSlices));
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

    /// <summary>Adds all that has been seen to a sketch of the same precision.</summary>
    public void AddTo(HyperLogLog sketch)
    {
        foreach (var (seen, _) in _past)
            sketch.Merge(seen);
        sketch.Merge(_current);
    }
}
