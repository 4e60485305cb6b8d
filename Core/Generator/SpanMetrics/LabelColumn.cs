using OrleansTempo.Core.Otlp.Reading;

namespace OrleansTempo.Core.Generator.SpanMetrics;

/// <summary>One label of the span metrics: its name and where its value comes from.</summary>
internal sealed record LabelColumn(LabelSource Source, string Label)
{
    /// <summary>The attributes, by their places in the resource's and the span's picker; several are joined. Of <c>job</c> and <c>instance</c>: what stands in for them where the resource has none.</summary>
    public (int InResource, int InSpan)[] Attributes { get; init; } = [];

    public byte[] Join { get; init; } = [];
}

/// <summary>Where a label of the span metrics gets its value from.</summary>
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
