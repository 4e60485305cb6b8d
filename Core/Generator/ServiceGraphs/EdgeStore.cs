namespace OrleansTempo.Core.Generator.ServiceGraphs;

/// <summary>
/// Holds the edges that wait for their other side. They are found by trace ID and the client side's span ID, and kept in order
/// of arrival for expiry. Edges are structs in pages that never move, and are referred to by number.
/// <code>
///   (trace ID, span ID) ─► _buckets[hash] ─► edge ─► edge (NextInBucket)
///   _oldest ─► edge ─► edge ─► ... ─► _newest   (Newer / Older)
/// </code>
/// </summary>
internal sealed class EdgeStore
{
    public const int None = -1;

    // A few kilobytes: there may be very many tenants with only a few edges.
    private const int PageBits = 5;
    private const int PageSize = 1 << PageBits;

    private readonly List<Edge[]> _pages = [];
    private int[] _buckets = NewBuckets(PageSize);
    private int _free = None;
    private int _used;
    private int _oldest = None, _newest = None;

    public int Count { get; private set; }

    public ref Edge this[int edge] => ref _pages[edge >> PageBits][edge & (PageSize - 1)];

    /// <summary>The edge that has waited longest, or <see cref="None"/>.</summary>
    public int Oldest => _oldest;

    public int Find(UInt128 traceId, ulong spanId)
    {
        for (var i = _buckets[Bucket(traceId, spanId)]; i != None;)
        {
            ref var edge = ref this[i];
            if (edge.SpanId == spanId && edge.TraceId == traceId)
                return i;
            i = edge.NextInBucket;
        }

        return None;
    }

    /// <summary>Adds an edge with this key, which must not exist yet; the caller sets everything else.</summary>
    public int Add(UInt128 traceId, ulong spanId)
    {
        if (Count == _buckets.Length)
            Grow();

        int i;
        if (_free != None)
        {
            i = _free;
            _free = this[i].NextInBucket;
        }
        else
        {
            i = _used++;
            if (i >> PageBits == _pages.Count)
                _pages.Add(new Edge[PageSize]);
        }

        ref var edge = ref this[i];
        edge = default;
        edge.TraceId = traceId;
        edge.SpanId = spanId;
        ref var bucket = ref _buckets[Bucket(traceId, spanId)];
        edge.NextInBucket = bucket;
        bucket = i;

        edge.Older = _newest;
        edge.Newer = None;
        if (_newest == None)
            _oldest = i;
        else
            this[_newest].Newer = i;
        _newest = i;
        Count++;
        return i;
    }

    public void Remove(int i)
    {
        ref var edge = ref this[i];
        ref var link = ref _buckets[Bucket(edge.TraceId, edge.SpanId)];
        while (link != i)
            link = ref this[link].NextInBucket;
        link = edge.NextInBucket;

        if (edge.Older == None)
            _oldest = edge.Newer;
        else
            this[edge.Older].Newer = edge.Newer;
        if (edge.Newer == None)
            _newest = edge.Older;
        else
            this[edge.Newer].Older = edge.Older;

        edge.NextInBucket = _free;
        _free = i;
        Count--;
    }

    private static int[] NewBuckets(int count)
    {
        var buckets = new int[count];
        Array.Fill(buckets, None);
        return buckets;
    }

    private int Bucket(UInt128 traceId, ulong spanId) =>
        (int)Utf8Hash.Of((ulong)(traceId >> 64), (ulong)traceId, spanId) & (_buckets.Length - 1);

    private void Grow()
    {
        _buckets = NewBuckets(_buckets.Length * 2);
        for (var i = _oldest; i != None; i = this[i].Newer)
        {
            ref var edge = ref this[i];
            ref var bucket = ref _buckets[Bucket(edge.TraceId, edge.SpanId)];
            edge.NextInBucket = bucket;
            bucket = i;
        }
    }
}

/// <summary>Edges that wait for their other side, with everything their numbers refer to; one processor hands them to the next.</summary>
/// <param name="Dimensions">The attributes whose values follow the service in the text of each side.</param>
/// <param name="Edges">The edges.</param>
/// <param name="Texts">The texts of the edges.</param>
internal readonly record struct WaitingEdges(IReadOnlyList<string> Dimensions, EdgeStore Edges, TextTable Texts);
