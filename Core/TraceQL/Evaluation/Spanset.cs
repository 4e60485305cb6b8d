using OrleansTempo.Core.TraceQL.Semantics;

namespace OrleansTempo.Core.TraceQL.Evaluation;

/// <summary>Spans of one trace, in the trace's order, and what stages found out about them: <c>by(name)</c>, <c>count()</c>.</summary>
public sealed record Spanset(IReadOnlyList<QueriedSpan> Spans, IReadOnlyList<KeyValuePair<string, Value>> Attributes)
{
    internal Spanset With(IReadOnlyList<QueriedSpan> spans) => new(spans, Attributes);

    internal Spanset With(string name, in Value value) => new(Spans, [.. Attributes, new(name, value)]);
}
