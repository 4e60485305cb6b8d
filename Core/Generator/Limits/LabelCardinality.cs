namespace OrleansTempo.Core.Generator.Limits;

/// <summary>How many different values one label of a tenant has had of late, and whether they are too many.</summary>
internal sealed class LabelCardinality
{
    // 3.3 %, and 1 KiB a slice: as Tempo's.
    private const int Precision = 10;

    // There is one for every label of a processor, which mostly is not limited.
    private CardinalityWindow? _values;
    private long _heldUntilMs;
    private long _limited;

    /// <summary>Whether the label's values are to be replaced.</summary>
    public bool IsOver { get; private set; }

    /// <summary>The different values when last looked at, those that were replaced included.</summary>
    public long Estimate { get; private set; }

    /// <summary>Whether it has ever seen a value.</summary>
    public bool IsUsed { get; private set; }

    /// <summary>
    /// Counts a value in, and says whether it is to be replaced. What is replaced counts as what it was: the label is over
    /// until fewer values come, and not until it hides them.
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

    /// <summary>How many values were replaced since this was last called.</summary>
    public long TakeLimited()
    {
        var limited = _limited;
        _limited = 0;
        return limited;
    }

    /// <param name="nowMs">Steady milliseconds.</param>
    /// <param name="staleMs">How long a value counts, in milliseconds.</param>
    /// <param name="max">How many there may be.</param>
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

    /// <summary>Has the label over its limit until then at least: its values of before are not known.</summary>
    public void HoldOver(long untilMs)
    {
        IsOver = true;
        _heldUntilMs = untilMs;
    }

    /// <summary>Forgets the values it has seen: they are not limited any more.</summary>
    public void Forget()
    {
        _values = null;
        _heldUntilMs = 0;
        Estimate = 0;
        IsOver = false;
    }
}
