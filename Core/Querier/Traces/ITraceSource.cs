using OrleansTempo.Core.Otlp;

namespace OrleansTempo.Core.Querier.Traces;

/// <summary>A source of spans: the live traces, or the stored blocks.</summary>
public interface ITraceSource
{
    /// <summary>
    /// Adds the spans it has of the tenant's trace to <paramref name="into"/>, and the bytes it inspected to <see cref="TraceSpans.InspectedBytes"/>.
    /// What it cannot read it leaves out and describes in <paramref name="problems"/>; it throws if it can say nothing at all.
    /// </summary>
    ValueTask FindAsync(TenantId tenant, TraceId traceId, TraceRange range, TraceSpans into, ICollection<string> problems, CancellationToken cancellationToken);
}
