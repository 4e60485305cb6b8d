using OrleansTempo.Core.Otlp;
using OrleansTempo.Core.Otlp.Reading;

namespace OrleansTempo.Grains.Interfaces;

/// <summary>A span of a <see cref="LiveTraceAnswer"/>, see <see cref="FoundSpan"/>.</summary>
[GenerateSerializer, Immutable, Alias("orleanstempo.LiveSpan")]
internal sealed record LiveSpan
{
    [Id(0)]
    public ulong SpanId { get; init; }

    [Id(1)]
    public SpanKind Kind { get; init; }

    /// <summary>Unix time in nanoseconds.</summary>
    [Id(2)]
    public ulong StartTimeUnixNano { get; init; }

    /// <summary>Which of the trace's envelopes.</summary>
    [Id(3)]
    public int Resource { get; init; }

    /// <summary>Which of the trace's envelopes.</summary>
    [Id(4)]
    public int Scope { get; init; }

    [Id(5)]
    public byte[] Span { get; init; } = [];
}
