using OrleansTempo.Core.Configuration.Generator;

namespace OrleansTempo.Core.Configuration.Overrides;

/// <summary>One tenant's <see cref="IntrinsicDimensionsOptions"/>, as far as they differ; null where they do not.</summary>
public sealed record IntrinsicDimensionsOverrides
{
    public bool? Service { get; init; }
    public bool? SpanName { get; init; }
    public bool? SpanKind { get; init; }
    public bool? StatusCode { get; init; }
    public bool? StatusMessage { get; init; }
}
