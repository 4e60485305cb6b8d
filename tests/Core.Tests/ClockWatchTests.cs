using OrleansTempo.Core.Tests.RemoteWrite;

namespace OrleansTempo.Core.Tests;

public sealed class ClockWatchTests
{
    private static readonly TimeSpan s_day = TimeSpan.FromDays(1);

    private readonly ManualTimeProvider _time = new();
    private readonly LogLines _log = new();
    private readonly ClockWatch _clock;

    public ClockWatchTests() => _clock = new ClockWatch(_time, _log);

    [Fact]
    public void A_step_of_more_than_a_minute_is_logged_once_and_drift_is_not()
    {
        for (var i = 0; i < 100; i++)
        {
            _time.Advance(TimeSpan.FromSeconds(10));
            _time.SetClock(TimeSpan.FromSeconds(1));
            _clock.Check();
        }

        Assert.Empty(_log.Lines);
        _time.SetClock(s_day);
        _clock.Check();
        _clock.Check();
        _time.SetClock(TimeSpan.FromHours(-25));
        _clock.Check();
        _clock.Check();
        Assert.Collection(
            _log.Lines,
            static line => Assert.StartsWith("Warning: The system clock was set forward by 1.00:00:00.", line, StringComparison.Ordinal),
            static line => Assert.StartsWith("Warning: The system clock was set back by 1.01:00:00.", line, StringComparison.Ordinal));
    }

    [Fact]
    public void A_large_step_forward_is_believed_after_a_day()
    {
        var began = _time.GetUtcNow();
        _time.SetClock(365 * s_day);
        Assert.Equal(began, _clock.Settled);
        _time.Advance(s_day - TimeSpan.FromSeconds(1));
        Assert.Equal(began + s_day - TimeSpan.FromSeconds(1), _clock.Settled);
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(_time.GetUtcNow(), _clock.Settled);
    }

    [Fact]
    public void A_step_that_is_taken_back_is_never_believed_and_the_next_is_judged_anew()
    {
        _time.SetClock(365 * s_day);
        _clock.Check();
        _time.Advance(TimeSpan.FromHours(23));
        _time.SetClock(-365 * s_day);
        Assert.Equal(_time.GetUtcNow(), _clock.Settled);
        _time.Advance(TimeSpan.FromHours(2));
        _time.SetClock(2 * s_day);
        Assert.Equal(_time.GetUtcNow() - (2 * s_day), _clock.Settled);
    }

    [Fact]
    public void Small_steps_and_those_back_are_believed_at_once()
    {
        _time.SetClock(TimeSpan.FromMinutes(59));
        Assert.Equal(_time.GetUtcNow(), _clock.Settled);
        _time.SetClock(-10 * s_day);
        Assert.Equal(_time.GetUtcNow(), _clock.Settled);
    }
}
