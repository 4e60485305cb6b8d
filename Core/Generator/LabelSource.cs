namespace OrleansTempo.Core.Generator;

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
