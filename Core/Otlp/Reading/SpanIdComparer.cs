namespace OrleansTempo.Core.Otlp.Reading;

/// <summary>
/// Compares span IDs as keys of .NET's hash tables. The framework hashes a number by folding its halves over each other, in every process alike, and
/// clients choose the IDs: all IDs with equal halves would collide.
/// </summary>
internal sealed class SpanIdComparer : IEqualityComparer<ulong>, IEqualityComparer<(ulong SpanId, SpanKind Kind)>
{
    public static readonly SpanIdComparer Instance = new();

    public bool Equals(ulong x, ulong y) => x == y;

    public int GetHashCode(ulong spanId) => (int)Utf8Hash.Of(spanId, 0);

    public bool Equals((ulong SpanId, SpanKind Kind) x, (ulong SpanId, SpanKind Kind) y) => x == y;

    public int GetHashCode((ulong SpanId, SpanKind Kind) span) => (int)Utf8Hash.Of(span.SpanId, (ulong)span.Kind);
}
