using OrleansTempo.Core.Otlp;

namespace OrleansTempo.Core.Querier.Traces;

/// <summary>A <c>ScopeSpans</c> of an answer.</summary>
/// <param name="Envelope">Its fields except the spans, each with its tag.</param>
/// <param name="Spans">Its spans, at least one.</param>
public sealed record ScopeGroup(ReadOnlyMemory<byte> Envelope, IReadOnlyList<FoundSpan> Spans);
