using OrleansTempo.Core.Otlp;

namespace OrleansTempo.Core.Querier.Traces;

/// <summary>A place where spans are: the live traces, or the stored blocks.</summary>
public interface ITraceSource
{
    /// <summary>
    /// Adds what it has of the tenant's trace to <paramref name="into"/>, and what it looked at to
    /// <see cref="TraceSpans.InspectedBytes"/>. What it cannot read it leaves out and says so in <paramref name="problems"/>;
    /// it throws where it can say nothing at all.
    /// </summary>
    ValueTask FindAsync(TenantId tenant, TraceId traceId, TraceRange range, TraceSpans into, ICollection<string> problems, CancellationToken cancellationToken);
}
