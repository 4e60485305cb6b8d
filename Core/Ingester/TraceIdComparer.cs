namespace OrleansTempo.Core.Ingester;

/// <summary>Trace IDs as keys: clients choose them, so the hash is seeded and nobody can prepare IDs that collide.</summary>
internal sealed class TraceIdComparer : IEqualityComparer<TraceId>
{
    public static TraceIdComparer Instance { get; } = new();

    public bool Equals(TraceId x, TraceId y) => x == y;

    public int GetHashCode(TraceId id) => (int)Utf8Hash.Of(id.High, id.Low, 0);
}
