using OrleansTempo.Core.Otlp.Reading;

namespace OrleansTempo.Core.Ingester.Live;

/// <summary>
/// Checks the traces of a block while they are written, one after another, for <c>tempo_warnings_total</c>: which have no root span, and which have a
/// span whose parent is missing. It costs some nanoseconds a span: most traces are so short that a linear search is faster than a table.
/// </summary>
internal sealed class TraceCompleteness
{
    // Searching this many takes as long as one lookup in a table.
    private const int MaxScanned = 64;

    private readonly HashSet<ulong> _known = new(SpanIdComparer.Instance);
    private ulong[] _ids = new ulong[MaxScanned];
    private ulong[] _parents = new ulong[MaxScanned];
    private int _count;
    private bool _hasRoot;

    /// <summary>Traces in which every span has a parent.</summary>
    public int Rootless { get; private set; }

    /// <summary>Traces with a span whose parent is missing, including those without a root.</summary>
    public int Disconnected { get; private set; }

    public void Begin()
    {
        _count = 0;
        _hasRoot = false;
    }

    /// <param name="spanId">The ID's bytes as a number.</param>
    /// <param name="parentSpanId">Like <paramref name="spanId"/>; 0 for none.</param>
    public void Add(ulong spanId, ulong parentSpanId)
    {
        if (_count == _ids.Length)
        {
            Array.Resize(ref _ids, _count * 2);
            Array.Resize(ref _parents, _count * 2);
        }

        _ids[_count] = spanId;
        _parents[_count++] = parentSpanId;
        _hasRoot |= parentSpanId == 0;
    }

    public void End()
    {
        if (!_hasRoot)
            Rootless++;
        if (!_hasRoot || !HasAllParents())
            Disconnected++;
    }

    private bool HasAllParents()
    {
        var ids = _ids.AsSpan(0, _count);
        _known.Clear();
        if (_count > MaxScanned)
        {
            foreach (var id in ids)
                _known.Add(id);
        }

        // Children of one parent are often adjacent.
        var last = 0UL;
        foreach (var parent in _parents.AsSpan(0, _count))
        {
            if (parent == last || parent == 0)
                continue;
            last = parent;
            if (_count > MaxScanned ? !_known.Contains(parent) : !ids.Contains(parent))
                return false;
        }

        return true;
    }
}
