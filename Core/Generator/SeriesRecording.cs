using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace OrleansTempo.Core.Generator;

/// <summary>
/// Keeps the points of a visit as bytes, so that they can be visited again on another machine: the scrape page is written where
/// it was asked for. What points share stands once and is a number from then on.
/// <code>
///   TenantGenerator.Visit ─► SeriesRecording ─► bytes ─► Replay ─► the same points
/// </code>
/// The bytes are kept nowhere: another version refuses them.
/// </summary>
public sealed class SeriesRecording : ISeriesVisitor
{
    private const byte Version = 1;

    // What of a point is not as it was for the one before, or not as for most.
    private const byte NewLabels = 1, NewTimestamp = 2, HasZero = 4, HasExemplar = 8;

    private readonly IBufferWriter<byte> _output;
    private readonly CompactWriter _writer;
    private readonly Dictionary<MetricName, int> _names = [];
    private readonly Dictionary<BucketBound, int> _buckets = [];
    private LabelSet? _labels;
    private long _timestampMs;

    public SeriesRecording(IBufferWriter<byte> output)
    {
        _output = output;
        _writer = new CompactWriter(output);
        _writer.WriteByte(Version);
    }

    public void Visit(in SeriesPoint point)
    {
        var what = 0;
        if (!ReferenceEquals(point.Labels, _labels))
            what |= NewLabels;
        if (point.TimestampMs != _timestampMs)
            what |= NewTimestamp;
        if (point.ZeroTimestampMs != 0)
            what |= HasZero;
        if (point.ExemplarTraceId.Length == TraceId.Length)
            what |= HasExemplar;
        _writer.WriteByte((byte)what);

        if ((what & NewLabels) != 0)
            _writer.WriteText(point.Labels.Encoded);
        WriteName(point.Name);
        WriteBucket(point.Bucket);
        _writer.WriteDouble(point.Value);
        if ((what & NewTimestamp) != 0)
            _writer.WriteUInt64((ulong)point.TimestampMs);
        if ((what & HasZero) != 0)
            _writer.WriteUInt64((ulong)point.ZeroTimestampMs);
        if ((what & HasExemplar) != 0)
        {
            _writer.WriteBytes(point.ExemplarTraceId);
            _writer.WriteDouble(point.ExemplarValue);
            _writer.WriteUInt64((ulong)point.ExemplarTimestampMs);
        }

        _labels = point.Labels;
        _timestampMs = point.TimestampMs;
    }

    /// <summary>Ends the recording; only then is it whole.</summary>
    public void Complete()
    {
        Span<byte> checksum = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(checksum, _writer.Flush());
        _output.Write(checksum);
    }

    /// <summary>Visits the points of a recording in their order; those that had their labels in common have them again.</summary>
    /// <exception cref="InvalidDataException">The bytes are not a whole recording.</exception>
    public static void Replay(ReadOnlySpan<byte> recorded, ISeriesVisitor visitor)
    {
        if (recorded.Length < 1 + sizeof(uint) || Crc32C.Of(recorded[..^sizeof(uint)]) != BinaryPrimitives.ReadUInt32LittleEndian(recorded[^sizeof(uint)..]))
            throw new InvalidDataException("The recorded series are damaged: their checksum is not that of their bytes.");
        var reader = new CompactReader(recorded[..^sizeof(uint)]);
        if (reader.ReadByte() is var version and not Version)
            throw new InvalidDataException($"The recorded series have version {version}, and only version {Version} is known.");

        var names = new List<MetricName>();
        var buckets = new List<BucketBound>();
        LabelSet? labels = null;
        long timestampMs = 0;
        while (!reader.IsAtEnd)
        {
            var what = reader.ReadByte();
            if ((what & NewLabels) != 0)
                labels = LabelSet.FromEncoded(reader.ReadText());
            var name = ReadName(ref reader, names);
            var bucket = ReadBucket(ref reader, buckets);
            var value = reader.ReadDouble();
            if ((what & NewTimestamp) != 0)
                timestampMs = (long)reader.ReadUInt64();
            var zeroTimestampMs = (what & HasZero) != 0 ? (long)reader.ReadUInt64() : 0;
            var hasExemplar = (what & HasExemplar) != 0;
            visitor.Visit(new SeriesPoint
            {
                Labels = labels ?? throw new InvalidDataException("A recorded series has no labels."),
                Name = name,
                Bucket = bucket,
                Value = value,
                TimestampMs = timestampMs,
                ZeroTimestampMs = zeroTimestampMs,
                ExemplarTraceId = hasExemplar ? reader.ReadBytes(TraceId.Length) : default,
                ExemplarValue = hasExemplar ? reader.ReadDouble() : 0,
                ExemplarTimestampMs = hasExemplar ? (long)reader.ReadUInt64() : 0,
            });
        }
    }

    private void WriteName(MetricName name)
    {
        var isNew = _names.TryAdd(name, _names.Count);
        _writer.WriteCount(_names[name]);
        if (!isNew)
            return;
        _writer.WriteByte((byte)name.Type);
        _writer.WriteText(Encoding.UTF8.GetBytes(name.Family));
        _writer.WriteText(Encoding.UTF8.GetBytes(name.Name[name.Family.Length..]));
    }

    private static MetricName ReadName(ref CompactReader reader, List<MetricName> names)
    {
        var number = reader.ReadVarint();
        if (number > (ulong)names.Count)
            throw new InvalidDataException($"A recorded series has name {number} of {names.Count}.");
        if (number == (ulong)names.Count)
        {
            var type = reader.ReadByte();
            if (type > (byte)MetricType.Histogram)
                throw new InvalidDataException($"A recorded series is of type {type}.");
            var family = Encoding.UTF8.GetString(reader.ReadText());
            names.Add(new MetricName(family, (MetricType)type, Encoding.UTF8.GetString(reader.ReadText())));
        }

        return names[(int)number];
    }

    // 0 is none.
    private void WriteBucket(BucketBound? bucket)
    {
        if (bucket is null)
        {
            _writer.WriteCount(0);
            return;
        }

        var isNew = _buckets.TryAdd(bucket, _buckets.Count + 1);
        _writer.WriteCount(_buckets[bucket]);
        if (isNew)
            _writer.WriteDouble(bucket.Value);
    }

    private static BucketBound? ReadBucket(ref CompactReader reader, List<BucketBound> buckets)
    {
        var number = reader.ReadVarint();
        if (number == 0)
            return null;
        if (number > (ulong)buckets.Count + 1)
            throw new InvalidDataException($"A recorded series has bucket {number} of {buckets.Count}.");
        if (number == (ulong)buckets.Count + 1)
            buckets.Add(new BucketBound(reader.ReadDouble()));
        return buckets[(int)number - 1];
    }
}
