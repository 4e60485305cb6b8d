using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using OrleansTempo.Core.Generator.NativeHistograms;
using OrleansTempo.Core.Generator.Snapshots;

namespace OrleansTempo.Core.Generator.Samples;

/// <summary>
/// Records the points of a visit as bytes, so that they can be visited again on another machine: the silo that was asked writes
/// the scrape page. Names and bounds that points share are written once and then referred to by number.
/// <code>
///   TenantGenerator.Visit ─► SeriesRecording ─► bytes ─► Replay ─► the same points
/// </code>
/// The bytes are not stored anywhere, so another version may refuse them.
/// </summary>
public sealed class SeriesRecording : ISeriesVisitor
{
    private const byte Version = 2;

    // What differs from the previous point, or from most points.
    private const byte NewLabels = 1, NewTimestamp = 2, HasZero = 4, HasExemplar = 8, IsNative = 16;

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
        if (point.IsNative)
            what |= IsNative;
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

        if (point.IsNative)
            WriteNative(point.Native);
        _labels = point.Labels;
        _timestampMs = point.TimestampMs;
    }

    /// <summary>Completes the recording.</summary>
    public void Complete()
    {
        Span<byte> checksum = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(checksum, _writer.Flush());
        _output.Write(checksum);
    }

    /// <summary>Visits the points of a recording in order; points that shared a label set share one again.</summary>
    /// <exception cref="InvalidDataException">The bytes are not a complete recording.</exception>
    public static void Replay(ReadOnlySpan<byte> recorded, ISeriesVisitor visitor)
    {
        if (recorded.Length < 1 + sizeof(uint) || Crc32C.Of(recorded[..^sizeof(uint)]) != BinaryPrimitives.ReadUInt32LittleEndian(recorded[^sizeof(uint)..]))
            throw new InvalidDataException("The recorded series are corrupt: their checksum does not match.");
        var reader = new CompactReader(recorded[..^sizeof(uint)]);
        if (reader.ReadByte() is var version and not Version)
            throw new InvalidDataException($"The recorded series have version {version}; only version {Version} is supported.");

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
                IsNative = (what & IsNative) != 0,
                Native = (what & IsNative) != 0 ? ReadNative(ref reader, value) : default,
            });
        }
    }

    private void WriteNative(in NativeHistogramPoint histogram)
    {
        _writer.WriteVarint(histogram.Count);
        _writer.WriteVarint(ProtoWire.ZigZag(histogram.Schema));
        _writer.WriteDouble(histogram.ZeroThreshold);
        _writer.WriteVarint(histogram.ZeroCount);
        _writer.WriteCount(histogram.PositiveSpans.Length);
        foreach (var span in histogram.PositiveSpans)
        {
            _writer.WriteVarint(ProtoWire.ZigZag(span.Offset));
            _writer.WriteCount(span.Length);
        }

        _writer.WriteCount(histogram.PositiveDeltas.Length);
        foreach (var delta in histogram.PositiveDeltas)
            _writer.WriteVarint(ProtoWire.ZigZag(delta));
        _writer.WriteCount(histogram.Exemplars.Length);
        Span<byte> traceId = stackalloc byte[TraceId.Length];
        foreach (var exemplar in histogram.Exemplars)
        {
            BinaryPrimitives.WriteUInt128BigEndian(traceId, exemplar.TraceId);
            _writer.WriteBytes(traceId);
            _writer.WriteDouble(exemplar.Value);
            _writer.WriteUInt64((ulong)exemplar.TimestampMs);
        }
    }

    private static NativeHistogramPoint ReadNative(ref CompactReader reader, double sum)
    {
        var count = reader.ReadVarint();
        var schema = (int)ProtoWire.UnZigZag(reader.ReadVarint());
        var zeroThreshold = reader.ReadDouble();
        var zeroCount = reader.ReadVarint();
        var spans = new HistogramSpan[reader.ReadCount()];
        for (var i = 0; i < spans.Length; i++)
            spans[i] = new HistogramSpan((int)ProtoWire.UnZigZag(reader.ReadVarint()), (int)reader.ReadVarint());
        var deltas = new long[reader.ReadCount()];
        for (var i = 0; i < deltas.Length; i++)
            deltas[i] = ProtoWire.UnZigZag(reader.ReadVarint());
        var exemplars = new HistogramExemplar[reader.ReadCount()];
        for (var i = 0; i < exemplars.Length; i++)
            exemplars[i] = new HistogramExemplar(BinaryPrimitives.ReadUInt128BigEndian(reader.ReadBytes(TraceId.Length)), reader.ReadDouble(), (long)reader.ReadUInt64());
        return new NativeHistogramPoint
        {
            Count = count,
            Sum = sum,
            Schema = schema,
            ZeroThreshold = zeroThreshold,
            ZeroCount = zeroCount,
            PositiveSpans = spans,
            PositiveDeltas = deltas,
            Exemplars = exemplars,
        };
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
            throw new InvalidDataException($"A recorded series has name number {number}, but only {names.Count} names came before it.");
        if (number == (ulong)names.Count)
        {
            var type = reader.ReadByte();
            if (type > (byte)MetricType.Histogram)
                throw new InvalidDataException($"A recorded series has the unknown type {type}.");
            var family = Encoding.UTF8.GetString(reader.ReadText());
            names.Add(new MetricName(family, (MetricType)type, Encoding.UTF8.GetString(reader.ReadText())));
        }

        return names[(int)number];
    }

    // 0 stands for no bucket.
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
            throw new InvalidDataException($"A recorded series has bucket number {number}, but only {buckets.Count} buckets came before it.");
        if (number == (ulong)buckets.Count + 1)
            buckets.Add(new BucketBound(reader.ReadDouble()));
        return buckets[(int)number - 1];
    }
}
