namespace OrleansTempo.Core.Generator.Samples;

/// <summary>Makes stamps for others of times in a generator's <see cref="SteadyClock"/>.</summary>
/// <param name="AheadMs">By how much the system clock is ahead of it, in milliseconds.</param>
/// <param name="NotBeforeMs">What no stamp may lie before, as others have such already: the system clock may have been set back. Unix milliseconds.</param>
internal readonly record struct WallStamps(long AheadMs, long NotBeforeMs)
{
    /// <summary>Unix milliseconds.</summary>
    public long Of(long steadyMs) => Math.Max(steadyMs + AheadMs, NotBeforeMs);
}
