using OrleansTempo.Core.Otlp;

namespace OrleansTempo.Core.TraceQL.Evaluation;

/// <summary>
/// The spans of one trace, all of them, and how they hang together: parent IDs decide. A span whose parent is missing is a top of its own, but a root is
/// only a span without a parent ID. A circle of parents is cut at its first span.
/// </summary>
public sealed class QueriedTrace
{
    public QueriedTrace(TraceId id, IReadOnlyList<QueriedSpan> spans)
    {
        Id = id;
        Spans = spans;
        for (var i = 0; i < spans.Count; i++)
            spans[i].Index = i;
        TopDown = SpanTree.Build(spans);
        Root = spans.Where(static span => span.ParentId == 0).MinBy(static span => span.StartTimeUnixNano);
        if (spans.Count > 0)
        {
            StartTimeUnixNano = spans.Min(static span => span.StartTimeUnixNano);
            var end = Math.Max(StartTimeUnixNano, spans.Max(static span => span.EndTimeUnixNano));
            DurationNanos = (long)Math.Min(end - StartTimeUnixNano, long.MaxValue);
        }
    }

    public TraceId Id { get; }

    public IReadOnlyList<QueriedSpan> Spans { get; }

    /// <summary>The span without a parent ID that began first; null if none has come.</summary>
    public QueriedSpan? Root { get; }

    /// <summary>Unix time in nanoseconds of the first start.</summary>
    public ulong StartTimeUnixNano { get; }

    /// <summary>Nanoseconds from the first start to the last end.</summary>
    public long DurationNanos { get; }

    /// <summary>All spans, parents before their children.</summary>
    internal IReadOnlyList<QueriedSpan> TopDown { get; }

    /// <summary>Reads the spans found of a trace.</summary>
    public static QueriedTrace Read(TraceSpans spans) => new(spans.TraceId, [.. spans.Spans.Select(static span => SpanMessages.Read(span))]);
}
