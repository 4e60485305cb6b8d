using System.Buffers;
using System.Text;
using OrleansTempo.Core.Generator.Samples;
using static OrleansTempo.Core.ProtoWire;

namespace OrleansTempo.Core.RemoteWrite.Messages;

/// <summary>
/// Collects the metric families of a collection, and encodes their <c>WriteRequest.metadata</c> of remote write 1.0 as separate
/// requests. Query editors use metadata to tell counters from gauges, and show the help texts.
/// </summary>
internal sealed class MetadataRequest : ISeriesVisitor
{
    private const byte MetadataTag = 0x1A;
    private const byte TypeTag = 0x08;
    private const byte FamilyTag = 0x12;
    private const byte HelpTag = 0x22;
    private const byte UnitTag = 0x2A;

    private readonly Dictionary<string, MetricType> _families = [];
    private MetricName? _last;

    public void Visit(in SeriesPoint point)
    {
        // The buckets of a histogram follow one another.
        if (ReferenceEquals(_last, point.Name))
            return;
        _last = point.Name;
        _families.TryAdd(_last.Family, _last.Type);
    }

    /// <summary>Whether the collection has no series.</summary>
    public bool IsEmpty => _families.Count == 0;

    /// <param name="timestampMs">Unix time in milliseconds of the collection.</param>
    /// <param name="maxPerRequest">The maximum number of metric families in a request.</param>
    public IEnumerable<RemoteWriteRequest> Encode(long timestampMs, int maxPerRequest)
    {
        foreach (var families in _families.Chunk(maxPerRequest))
        {
            var raw = new ArrayBufferWriter<byte>();
            foreach (var (family, type) in families)
                WriteFamily(raw, family, type);
            yield return new RemoteWriteRequest
            {
                Body = WriteRequestEncoder.Compress(raw.WrittenSpan),
                RawBytes = raw.WrittenCount,
                Samples = 0,
                Exemplars = 0,
                TimestampMs = timestampMs,
            };
        }
    }

    private static void WriteFamily(ArrayBufferWriter<byte> target, string family, MetricType type)
    {
        var name = Encoding.UTF8.GetBytes(family);
        var description = MetricDescription.Of(family);
        var help = Encoding.UTF8.GetBytes(description.Help);
        var unit = Encoding.UTF8.GetBytes(description.Unit);
        var length = 2 + FieldLength(name) + FieldLength(help) + FieldLength(unit);
        var bytes = target.GetSpan(1 + VarintLength((ulong)length) + length);
        var position = 0;
        bytes[position++] = MetadataTag;
        WriteVarint(bytes, ref position, (ulong)length);
        bytes[position++] = TypeTag;
        bytes[position++] = type switch
        {
            MetricType.Counter => 1,
            MetricType.Gauge => 2,
            _ => 3,
        };
        WriteField(bytes, ref position, FamilyTag, name);
        WriteField(bytes, ref position, HelpTag, help);
        WriteField(bytes, ref position, UnitTag, unit);
        target.Advance(position);
    }

    private static int FieldLength(byte[] bytes) => 1 + VarintLength((ulong)bytes.Length) + bytes.Length;
}
