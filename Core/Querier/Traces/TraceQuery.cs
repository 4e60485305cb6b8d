using OrleansTempo.Core.Otlp;

namespace OrleansTempo.Core.Querier.Traces;

/// <summary>
/// Finds a trace by its ID in every source, one after another. The order matters: a span moves from the live traces to a block and never back, and
/// the block is listed before the live trace is released. So if the live traces are asked first, the span is seen in one of them or in both, and in
/// both it counts as one span.
/// <code>
///   live traces ──┐
///                 ├─► TraceSpans (a set) ─► TraceAnswer ─► AssembledTrace ─► JSON or protobuf
///   blocks ───────┘
/// </code>
/// </summary>
/// <param name="sources">The live traces, then the blocks.</param>
public sealed class TraceQuery(IReadOnlyList<ITraceSource> sources)
{
    /// <summary>Finds a trace. If a source fails, the query fails: an answer without its spans would look complete.</summary>
    public async ValueTask<TraceAnswer> FindAsync(TenantId tenant, TraceId traceId, TraceRange range, CancellationToken cancellationToken)
    {
        var spans = new TraceSpans(traceId);
        var problems = new List<string>();
        foreach (var source in sources)
            await source.FindAsync(tenant, traceId, range, spans, problems, cancellationToken);
        return new TraceAnswer { Spans = spans, Problems = problems };
    }
}
