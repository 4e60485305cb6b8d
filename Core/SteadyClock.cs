namespace OrleansTempo.Core;

/// <summary>
/// The clock for intervals: it starts at the time of the system clock and then runs evenly, whatever the system clock is set to
/// afterwards.
/// <code>
/// system clock   ──────────┐ set back        ┌───── set forward
///                          └─────────────────┘
/// steady         ──────────────────────────────────
/// </code>
/// Ages and due times use this clock; timestamps that others read use the system clock. Safe for concurrent use.
/// </summary>
internal sealed class SteadyClock(TimeProvider time)
{
    private readonly long _beganTicks = time.GetUtcNow().Ticks;
    private readonly long _began = time.GetTimestamp();

    public DateTimeOffset Now => new(_beganTicks + time.GetElapsedTime(_began).Ticks, TimeSpan.Zero);

    /// <summary>The time in milliseconds since 1970.</summary>
    public long NowMs => Now.ToUnixTimeMilliseconds();

    /// <summary>How far the system clock is ahead of this one: 0 until it is set.</summary>
    public TimeSpan Ahead => time.GetUtcNow() - Now;
}
