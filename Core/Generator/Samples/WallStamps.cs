namespace OrleansTempo.Core.Generator.Samples;

/// <summary>Converts times of a generator's <see cref="SteadyClock"/> to timestamps of the system clock.</summary>
/// <param name="AheadMs">How far the system clock is ahead of the steady clock, in milliseconds.</param>
/// <param name="NotBeforeMs">The earliest timestamp allowed, because timestamps up to it were already sent and the system clock may have been set back. Unix milliseconds.</param>
internal readonly record struct WallStamps(long AheadMs, long NotBeforeMs)
{
    /// <summary>The timestamp of a steady time, in Unix milliseconds.</summary>
    public long Of(long steadyMs) => Math.Max(steadyMs + AheadMs, NotBeforeMs);
}
