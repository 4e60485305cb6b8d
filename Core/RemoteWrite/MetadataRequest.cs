using System.Text;
using OrleansTempo.Core.Generator;
using static OrleansTempo.Core.ProtoWire;

namespace OrleansTempo.Core.RemoteWrite;

/// <summary>
/// Notes which metric families a collection has and encodes what they are, <c>WriteRequest.metadata</c>, as a request of its
/// own. Prometheus sends the like once a minute, and query editors tell counters from gauges by it.
/// </summary>
internal sealed class MetadataRequest : ISeriesVisitor
{
    private const byte MetadataTag = 0x1A;
    private const byte TypeTag = 0x08;
    private const byte FamilyTag = 0x12;

    private readonly Dictionary<string, MetricType> _families = [];
    private MetricName? _last;

    public void Visit(in SeriesPoint point)
    {
        // Buckets come in a row.
        if (ReferenceEquals(_last, point.Name))
            return;
        _last = point.Name;
        _families.TryAdd(_last.Family, _last.Type);
    }

    /// <summary>Null where the collection had no series.</summary>
    public RemoteWriteRequest? Encode(long timestampMs)
    {
        if (_families.Count == 0)
            return null;

        var raw = new byte[_families.Sum(static f => Encoding.UTF8.GetByteCount(f.Key) + 20)];
        var position = 0;
        foreach (var (family, type) in _families)
        {
            var name = Encoding.UTF8.GetBytes(family);
            raw[position++] = MetadataTag;
            WriteVarint(raw, ref position, (ulong)(2 + 1 + VarintLength((ulong)name.Length) + name.Length));
            raw[position++] = TypeTag;
            raw[position++] = type switch
            {
                MetricType.Counter => 1,
                MetricType.Gauge => 2,
                _ => 3,
            };
            WriteField(raw, ref position, FamilyTag, name);
        }

        return new RemoteWriteRequest
        {
            Body = WriteRequestEncoder.Compress(raw.AsSpan(0, position)),
            RawBytes = position,
            Samples = 0,
            Exemplars = 0,
            TimestampMs = timestampMs,
        };
    }
}
