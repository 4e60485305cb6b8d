using OrleansTempo.Core.Otlp.Reading;

namespace OrleansTempo.Core.Generator.ServiceGraphs;

/// <summary>One side of an edge that waits for the other side. It takes 80 bytes; texts are numbers in the <see cref="TextTable"/>.</summary>
internal struct Edge
{
    public const int NoText = -1;

    public UInt128 TraceId;

    /// <summary>The span ID of the client side.</summary>
    public ulong SpanId;

    public double LatencySeconds;
    public double Multiplier;

    /// <summary>When the client's span ended or the server's span started, as Unix time in nanoseconds.</summary>
    public ulong TimeUnixNano;

    /// <summary>Steady milliseconds, see <see cref="SteadyClock"/>.</summary>
    public long ExpiresAtMs;

    /// <summary>The service and the values of the dimensions; <see cref="NoText"/> for a dropped side.</summary>
    public int SideText;

    /// <summary>The peer that the client's span names; <see cref="NoText"/> for none.</summary>
    public int PeerText;

    // Links of the edge store: the next edge in the same bucket, and the neighbours in order of arrival.
    public int NextInBucket, Older, Newer;

    public EdgeSide Side;
    public bool Failed;

    /// <summary>Whether the client calls a database without naming it: whatever the server is called, it sends no span.</summary>
    public bool IsDatabase;

    private byte _kind;

    /// <summary>One of the four kinds that make edges, so a byte holds it.</summary>
    public SpanKind Kind
    {
        readonly get => (SpanKind)_kind;
        set => _kind = (byte)value;
    }
}

/// <summary>Which side of an edge a span is, or which side a filter policy dropped.</summary>
internal enum EdgeSide : byte
{
    Client,
    Server,
    DroppedClient,
    DroppedServer,
}

/// <summary>The kind of an edge of the service graph: the label <c>connection_type</c>, which a plain request does not have.</summary>
internal enum ConnectionType
{
    Request,
    MessagingSystem,
    Database,
    VirtualNode,
}
