namespace OrleansTempo.Core.Configuration.Generator;

/// <summary><c>intrinsic_dimensions</c>: which of a span's own fields become labels.</summary>
public sealed record IntrinsicDimensionsOptions
{
    public bool Service { get; init; } = true;
    public bool SpanName { get; init; } = true;
    public bool SpanKind { get; init; } = true;
    public bool StatusCode { get; init; } = true;
    public bool StatusMessage { get; init; }
}
