using OrleansTempo.Core.Generator.Limits;

namespace OrleansTempo.Core.Tests.Generator.Limits;

public sealed class CardinalityWindowTests
{
    private const long Minute = 60_000;
    private const long Stale = 15 * Minute;
    private const long Start = 1_780_000_000_000;

    private readonly CardinalityWindow _window = new(12);

    [Fact]
    public void A_value_not_seen_again_leaves_after_the_stale_duration_or_a_slice_later()
    {
        _window.Advance(Start, Stale);
        Add(1, 100);
        var left = Enumerable.Range(1, 25).First(minute =>
        {
            _window.Advance(Start + minute * Minute, Stale);
            return _window.IsEmpty;
        });

        Assert.Equal(20, left);
    }

    [Fact]
    public void A_value_seen_again_stays()
    {
        for (var minute = 0; minute < 60; minute++)
        {
            _window.Advance(Start + minute * Minute, Stale);
            Add(1, 100);
            Add(1000 + minute, 1);
        }

        // Since the 40th minute: the slices that began at 40, 45, 50 and 55.
        Assert.Equal(120, Estimate(), 4.0);
    }

    [Fact]
    public void A_long_silence_empties_the_window()
    {
        _window.Advance(Start, Stale);
        Add(1, 100);
        _window.Advance(Start + 600 * Minute, Stale);
        Assert.Equal(100, Estimate(), 4.0);
        _window.Advance(Start + 616 * Minute, Stale);

        Assert.True(_window.IsEmpty);
        Assert.Equal(0, Estimate());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(30)]
    [InlineData(30 * 24 * 60)]
    public void The_window_is_as_long_as_the_stale_duration(int staleMinutes)
    {
        var stale = staleMinutes * Minute;
        _window.Advance(Start, stale);
        Add(1, 100);
        var step = Math.Max(stale / 12, Math.Min(stale, 5 * Minute));
        _window.Advance(Start + step, stale);
        _window.Advance(Start + stale + step - 1, stale);
        Assert.Equal(100, Estimate(), 4.0);
        _window.Advance(Start + stale + step, stale);

        Assert.True(_window.IsEmpty);
    }

    [Fact]
    public void A_shorter_stale_duration_also_applies_to_values_seen_before()
    {
        _window.Advance(Start, Stale);
        Add(1, 100);
        _window.Advance(Start + 5 * Minute, Stale);
        _window.Advance(Start + 8 * Minute, 2 * Minute);

        Assert.True(_window.IsEmpty);
    }

    private void Add(int first, int count)
    {
        for (var i = first; i < first + count; i++)
            _window.Add(Utf8Hash.Lasting(BitConverter.GetBytes(i)));
    }

    private double Estimate()
    {
        var sketch = new HyperLogLog(12);
        _window.AddTo(sketch);
        return sketch.Estimate();
    }
}
