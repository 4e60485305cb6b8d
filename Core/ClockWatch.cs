using Microsoft.Extensions.Logging;

namespace OrleansTempo.Core;

/// <summary>
/// Notices when the system clock is set, and says what time it is for deeds that cannot be undone:
/// <code>
/// system clock   ─────┐ an hour forward, or more       ┌──────────
/// settled        ─────┴── as if it had not been ───────┘ believed after a day
/// </code>
/// A step back, and a small one forward, are believed at once: then a deed is done later, or hardly earlier. Safe for concurrent use.
/// </summary>
public sealed partial class ClockWatch
{
    // Less is how far clocks drift, and what NTP corrects.
    private static readonly TimeSpan s_step = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan s_harmless = TimeSpan.FromHours(1);

    // As long as somebody needs to see that a clock is wrong, and sets it.
    private static readonly TimeSpan s_patience = TimeSpan.FromDays(1);

    private readonly SteadyClock _steady;
    private readonly ILogger _logger;
    private readonly Lock _gate = new();

    // All below is guarded by _gate; by how much the system clock was ahead of the steady one.
    private TimeSpan _seen;
    private TimeSpan _settled;
    private DateTimeOffset _setAt;

    /// <param name="time">The clock.</param>
    /// <param name="logger">Told about steps, each once.</param>
    public ClockWatch(TimeProvider time, ILogger logger)
    {
        _steady = new SteadyClock(time);
        _logger = logger;
    }

    /// <summary>The system clock's time, without a step forward of more than an hour that has not lasted for a day.</summary>
    public DateTimeOffset Settled
    {
        get
        {
            Check();
            lock (_gate)
                return _steady.Now + _settled;
        }
    }

    /// <summary>To be called now and then.</summary>
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
