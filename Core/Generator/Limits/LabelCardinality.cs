namespace OrleansTempo.Core.Generator.Limits;

/// <summary>Tracks how many distinct values one label of a tenant had recently, and whether that is over the limit.</summary>
internal sealed class LabelCardinality
{
    // An error of 3.3 % and 1 KiB per slice, as in Tempo.
    private const int Precision = 10;

    // Created on first use: every label of a processor has one of these objects, and most are not limited.
    private CardinalityWindow? _values;
    private long _heldUntilMs;
    private long _limited;

    /// <summary>Whether the label is over its limit, so that its values are replaced.</summary>
    public bool IsOver { get; private set; }

    /// <summary>The number of distinct values at the last update, including those that were replaced.</summary>
    public long Estimate { get; private set; }

    /// <summary>Whether it has ever seen a value.</summary>
    public bool IsUsed { get; private set; }

    /// <summary>
    /// Counts a value and returns whether it must be replaced. A replaced value counts as the original: the label stays over its
    /// limit until fewer values arrive, not until it hides them.
    /// </summary>
    public bool Replaces(ulong hash)
    {
        if (_values is null)
        {
            _values = new CardinalityWindow(Precision);
            IsUsed = true;
        }

        _values.Add(hash);
        if (IsOver)
            _limited++;
        return IsOver;
    }

    /// <summary>The number of values replaced since the last call.</summary>
    public long TakeLimited()
    {
        var limited = _limited;
        _limited = 0;
        return limited;
    }

    /// <param name="nowMs">Steady milliseconds.</param>
    /// <param name="staleMs">How long a value counts, in milliseconds.</param>
    /// <param name="max">The limit.</param>
    public void Update(long nowMs, long staleMs, long max)
    {
        Estimate = 0;
        if (_values is not null)
        {
            _values.Advance(nowMs, staleMs);
            var sketch = new HyperLogLog(Precision);
            _values.AddTo(sketch);
            Estimate = sketch.Estimate();
        }

        IsOver = Estimate > max || nowMs < _heldUntilMs;
    }

    /// <summary>Keeps the label over its limit at least until then, because its earlier values are not known.</summary>
    public void HoldOver(long untilMs)
    {
        IsOver = true;
        _heldUntilMs = untilMs;
    }

    /// <summary>Forgets the values seen, because the label is no longer limited.</summary>
    public void Forget()
    {
        _values = null;
        _heldUntilMs = 0;
        Estimate = 0;
        IsOver = false;
    }
}
