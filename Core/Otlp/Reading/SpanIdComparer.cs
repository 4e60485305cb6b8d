namespace OrleansTempo.Core.Otlp.Reading;

/// <summary>
/// Span IDs as keys of .NET's tables. The framework's hash of a number is the number with its halves folded over each other, the same in every
/// process, and clients choose the IDs: all whose halves are equal would stand in one place.
/// </summary>
internal sealed class SpanIdComparer : IEqualityComparer<ulong>, IEqualityComparer<(ulong SpanId, SpanKind Kind)>
{
    public static readonly SpanIdComparer Instance = new();

    public bool Equals(ulong x, ulong y) => x == y;

    public int GetHashCode(ulong spanId) => (int)Utf8Hash.Of(spanId, 0);

    public bool Equals((ulong SpanId, SpanKind Kind) x, (ulong SpanId, SpanKind Kind) y) => x == y;

    public int GetHashCode((ulong SpanId, SpanKind Kind) span) => (int)Utf8Hash.Of(span.SpanId, (ulong)span.Kind);
}
