namespace OrleansTempo.Core;

/// <summary>
/// The time that intervals are measured by: it begins with what the system clock shows, and runs on evenly from there, whatever the
/// system clock is set to afterwards.
/// <code>
/// system clock   ──────────┐ set back        ┌───── set forward
///                          └─────────────────┘
/// steady         ──────────────────────────────────
/// </code>
/// Since when something has been still, and when it is due, is said in this time; what others read is stamped by the system clock. Safe
/// for concurrent use.
/// </summary>
internal sealed class SteadyClock(TimeProvider time)
{
    private readonly long _beganTicks = time.GetUtcNow().Ticks;
    private readonly long _began = time.GetTimestamp();

    public DateTimeOffset Now => new(_beganTicks + time.GetElapsedTime(_began).Ticks, TimeSpan.Zero);

    /// <summary>Milliseconds since 1970.</summary>
    public long NowMs => Now.ToUnixTimeMilliseconds();

    /// <summary>By how much the system clock is ahead of this one: 0 until it is set.</summary>
    public TimeSpan Ahead => time.GetUtcNow() - Now;
}
