using OrleansTempo.Core.Otlp.Reading;

namespace OrleansTempo.Core.Otlp;

/// <summary>
/// Collects one trace's spans, found in live traces and blocks in any order. Spans are a set: the same span ID and kind twice is one span. Off the
/// hot path; not thread-safe.
/// </summary>
public sealed class TraceSpans(TraceId traceId)
{
    private readonly HashSet<(ulong SpanId, SpanKind Kind)> _seen = new(SpanIdComparer.Instance);
    private readonly List<FoundSpan> _spans = [];

    public TraceId TraceId { get; } = traceId;

    public IReadOnlyList<FoundSpan> Spans => _spans;

    /// <summary>Bytes of OTLP protobuf inspected to find them, for Tempo's <c>inspectedBytes</c>.</summary>
    public long InspectedBytes { get; set; }

    /// <summary>Adds a span unless it is already present.</summary>
    public void Add(in FoundSpan span)
    {
        if (_seen.Add((span.SpanId, span.Kind)))
            _spans.Add(span);
    }
}
