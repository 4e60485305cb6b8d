using OrleansTempo.Core.Otlp.Reading;

namespace OrleansTempo.Core.Generator.ServiceGraphs;

/// <summary>One side of an edge, waiting for the other: 80 bytes. Texts are numbers in the <see cref="TextTable"/>.</summary>
internal struct Edge
{
    public const int NoText = -1;

    public UInt128 TraceId;

    /// <summary>The client side's span ID.</summary>
    public ulong SpanId;

    public double LatencySeconds;
    public double Multiplier;

    /// <summary>The client's end or the server's start: Unix time in nanoseconds.</summary>
    public ulong TimeUnixNano;

    /// <summary>Steady milliseconds, see <see cref="SteadyClock"/>.</summary>
    public long ExpiresAtMs;

    /// <summary>The service and the values of the dimensions; <see cref="NoText"/> for a dropped side.</summary>
    public int SideText;

    /// <summary>What the client's span says of its peer; <see cref="NoText"/> for nothing.</summary>
    public int PeerText;

    // Links of the store: the next edge in the same bucket, and the neighbours in order of arrival.
    public int NextInBucket, Older, Newer;

    public EdgeSide Side;
    public bool Failed;

    /// <summary>The client asks a database whose name it leaves empty: whatever the server is called, there is no span of it.</summary>
    public bool IsDatabase;

    private byte _kind;

    /// <summary>One of the four kinds that make edges, so a byte holds it.</summary>
    public SpanKind Kind
    {
        readonly get => (SpanKind)_kind;
        set => _kind = (byte)value;
    }
}

/// <summary>Which side of an edge a span is, or which side was left out by a filter policy.</summary>
internal enum EdgeSide : byte
{
    Client,
    Server,
    DroppedClient,
    DroppedServer,
}

/// <summary>What an edge of the service graph is; the label <c>connection_type</c>, absent for a plain request.</summary>
internal enum ConnectionType
{
    Request,
    MessagingSystem,
    Database,
    VirtualNode,
}
