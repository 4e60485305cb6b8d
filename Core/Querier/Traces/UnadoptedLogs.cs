using OrleansTempo.Core.Otlp;

namespace OrleansTempo.Core.Querier.Traces;

/// <summary>
/// Has no spans, but says of every query which spans it misses: those that only the write-ahead logs of dead processes have so far. It has to be asked
/// before the live traces, because such a log may be adopted while they are searched.
/// </summary>
/// <param name="owners">The dead processes whose logs are not adopted yet.</param>
public sealed class UnadoptedLogs(Func<IReadOnlyList<string>> owners) : ITraceSource
{
    public ValueTask FindAsync(TenantId tenant, TraceId traceId, TraceRange range, TraceSpans into, ICollection<string> problems, CancellationToken cancellationToken)
    {
        foreach (var owner in owners())
            problems.Add($"the write-ahead log of {owner} is not adopted yet: spans that it took last may be missing; ask again in a few seconds");
        return default;
    }
}
