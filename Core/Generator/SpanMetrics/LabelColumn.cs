using OrleansTempo.Core.Otlp.Reading;

namespace OrleansTempo.Core.Generator.SpanMetrics;

/// <summary>One label of the span metrics: its name, and the source of its value.</summary>
internal sealed record LabelColumn(LabelSource Source, string Label)
{
    /// <summary>The attributes, by their indices in the pickers of the resource and the span; several are joined. For <c>job</c> and <c>instance</c>: the attributes to use if the resource has none of its own.</summary>
    public (int InResource, int InSpan)[] Attributes { get; init; } = [];

    public byte[] Join { get; init; } = [];
}

/// <summary>The source of the value of a span metrics label.</summary>
internal enum LabelSource
{
    Service,
    SpanName,
    SanitizedSpanName,
    SpanKind,
    StatusCode,
    StatusMessage,
    Attributes,
    Job,
    Instance,
}
