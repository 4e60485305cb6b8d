using OrleansTempo.Core.Otlp.Reading;

namespace OrleansTempo.Core.Generator.SpanMetrics;

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
