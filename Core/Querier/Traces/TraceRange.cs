namespace OrleansTempo.Core.Querier.Traces;

/// <summary>
/// The time range of a trace query: blocks outside it are not read, live traces always are. As in Tempo it takes effect only if both ends are given,
/// and it cuts off no spans: a block that touches it is read whole.
/// </summary>
/// <param name="StartSeconds">Unix time in seconds; null for none.</param>
/// <param name="EndSeconds">Unix time in seconds; null for none.</param>
public readonly record struct TraceRange(long? StartSeconds, long? EndSeconds)
{
    public static readonly TraceRange Everything;

    /// <summary>Whether to read a block with spans from <paramref name="start"/> to <paramref name="end"/>.</summary>
    public bool Overlaps(DateTimeOffset start, DateTimeOffset end) =>
        StartSeconds is not { } from || EndSeconds is not { } to || (start.ToUnixTimeSeconds() <= to && end.ToUnixTimeSeconds() >= from);
}
