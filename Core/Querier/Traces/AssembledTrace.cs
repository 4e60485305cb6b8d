using OrleansTempo.Core.Otlp;
using OrleansTempo.Core.Otlp.Reading;

namespace OrleansTempo.Core.Querier.Traces;

/// <summary>
/// A found trace, assembled as Tempo answers it.
/// <code>
///   found        A·s·3   B·s·1   A·s·2   A·t·4      (resource · scope · span's start)
///   assembled    B ─ s ─ 1
///                A ┬ s ─ 2, 3
///                  └ t ─ 4
/// </code>
/// Spans whose resource is byte-for-byte the same share one <c>ResourceSpans</c>, and within it those of the same scope share one <c>ScopeSpans</c>.
/// If a sender left out the resource or scope, the answer has an empty one, as Tempo's does: clients read it without a check. Spans are ordered by
/// start, then ID; scopes and resources are ordered by their first span.
/// </summary>
public sealed class AssembledTrace
{
    private AssembledTrace(IReadOnlyList<ResourceGroup> resources, TraceAnswer answer)
    {
        Resources = resources;
        InspectedBytes = answer.Spans.InspectedBytes;
        Message = string.Join("; ", answer.Problems);
    }

    public IReadOnlyList<ResourceGroup> Resources { get; }

    public bool IsEmpty => Resources.Count == 0;

    /// <summary>The number of bytes inspected to find it.</summary>
    public long InspectedBytes { get; }

    /// <summary>Why the trace may be incomplete; empty if it is complete.</summary>
    public string Message { get; }

    public static AssembledTrace From(TraceAnswer answer)
    {
        // Because spans are sorted first, the groups are in order too: each stands where its first span does.
        var spans = answer.Spans.Spans.OrderBy(static s => s.StartTimeUnixNano).ThenBy(static s => s.SpanId).ThenBy(static s => s.Kind).ToArray();
        SharedSpanIds.Separate(spans);
        var resources = new List<ResourceGroup>();
        var scopesOf = new EnvelopeTable<ScopeCollector>();
        foreach (var span in spans)
        {
            if (!scopesOf.TryGet(span.Resource, out var scopes))
            {
                scopes = new ScopeCollector();
                scopesOf.Add(span.Resource, scopes);
                resources.Add(new ResourceGroup(WithFirstField(span.Resource), scopes.InOrder));
            }

            scopes.Add(span);
        }

        return new AssembledTrace(resources, answer);
    }

    // Field 1 is the resource, or the scope.
    private static ReadOnlyMemory<byte> WithFirstField(ReadOnlyMemory<byte> envelope)
    {
        var fields = new ProtobufFields(envelope.Span, 0, envelope.Length);
        while (fields.MoveNext())
        {
            if (fields is { Field: 1, WireType: 2 })
                return envelope;
        }

        return (byte[])[1 << 3 | 2, 0, .. envelope.Span];
    }

    // Collects one resource's scopes.
    private sealed class ScopeCollector
    {
        private readonly EnvelopeTable<List<FoundSpan>> _spansOf = new();

        public List<ScopeGroup> InOrder { get; } = [];

        public void Add(in FoundSpan span)
        {
            if (!_spansOf.TryGet(span.Scope, out var spans))
            {
                spans = [];
                _spansOf.Add(span.Scope, spans);
                InOrder.Add(new ScopeGroup(WithFirstField(span.Scope), spans));
            }

            spans.Add(span with { Span = ZeroIds.Remove(span.Span) });
        }
    }
}
