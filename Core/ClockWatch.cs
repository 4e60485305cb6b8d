using Microsoft.Extensions.Logging;

namespace OrleansTempo.Core;

/// <summary>
/// Notices when the system clock is set, and gives the time for actions that cannot be undone:
/// <code>
/// system clock   ─────┐ an hour forward, or more       ┌──────────
/// settled        ─────┴── as if it had not been ───────┘ believed after a day
/// </code>
/// A step back, and a small one forward, are believed at once: the action then happens later, or hardly earlier. Safe for concurrent use.
/// </summary>
public sealed partial class ClockWatch
{
    // Smaller steps are ordinary drift and NTP corrections.
    private static readonly TimeSpan s_step = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan s_harmless = TimeSpan.FromHours(1);

    // Long enough for somebody to notice that the clock is wrong, and to set it.
    private static readonly TimeSpan s_patience = TimeSpan.FromDays(1);

    private readonly SteadyClock _steady;
    private readonly ILogger _logger;
    private readonly Lock _gate = new();

    // How far the system clock was ahead of the steady one. Guarded by _gate, like everything below.
    private TimeSpan _seen;
    private TimeSpan _settled;
    private DateTimeOffset _setAt;

    /// <param name="time">The clock.</param>
    /// <param name="logger">Receives each step once.</param>
    public ClockWatch(TimeProvider time, ILogger logger)
    {
        _steady = new SteadyClock(time);
        _logger = logger;
    }

    /// <summary>The time of the system clock, without a step forward of more than an hour unless it has lasted for a day.</summary>
    public DateTimeOffset Settled
    {
        get
        {
            Check();
            lock (_gate)
                return _steady.Now + _settled;
        }
    }

    /// <summary>Looks for a step of the clock; must be called now and then.</summary>
    public void Check()
    {
        TimeSpan step;
        lock (_gate)
        {
            var ahead = _steady.Ahead;
            step = ahead - _seen;
            _seen = ahead;
            if (step > s_harmless)
                _setAt = _steady.Now;
            if (ahead - _settled <= s_harmless || _steady.Now - _setAt >= s_patience)
                _settled = ahead;
        }

        if (step >= s_step)
            LogClockSetForward(_logger, step);
        else if (step <= -s_step)
            LogClockSetBack(_logger, -step);
    }

    [LoggerMessage(1001, LogLevel.Warning, "The system clock was set forward by {Step}. Samples and blocks carry its time; retention ignores a jump of more than an hour until it has lasted for a day. Check that the clock is right")]
    private static partial void LogClockSetForward(ILogger logger, TimeSpan step);

    [LoggerMessage(1002, LogLevel.Warning, "The system clock was set back by {Step}. Counters continue and samples stay in order; blocks are kept longer by as much. Check that the clock is right")]
    private static partial void LogClockSetBack(ILogger logger, TimeSpan step);
}
