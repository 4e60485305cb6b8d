using OrleansTempo.Core.Otlp.Reading;

namespace OrleansTempo.Core.Otlp;

/// <summary>One span of a queried trace, in OTLP protobuf, with the resource and scope it was sent in.</summary>
public readonly record struct FoundSpan
{
    /// <summary>The span's ID, its 8 bytes read in big-endian order.</summary>
    public required ulong SpanId { get; init; }

    public required SpanKind Kind { get; init; }

    /// <summary>Unix time in nanoseconds.</summary>
    public required ulong StartTimeUnixNano { get; init; }

    /// <summary>The fields of its <c>ResourceSpans</c> except the scope spans (resource, schema URL), each with its tag.</summary>
    public required ReadOnlyMemory<byte> Resource { get; init; }

    /// <summary>The fields of its <c>ScopeSpans</c> except the spans (scope, schema URL), each with its tag.</summary>
    public required ReadOnlyMemory<byte> Scope { get; init; }

    /// <summary>The content of the <c>Span</c> message.</summary>
    public required ReadOnlyMemory<byte> Span { get; init; }
}
