using System.Buffers;
using System.Buffers.Binary;
using OrleansTempo.Core.Generator.NativeHistograms;
using OrleansTempo.Core.Generator.Samples;
using static OrleansTempo.Core.ProtoWire;

namespace OrleansTempo.Core.RemoteWrite.Messages;

/// <summary>
/// Encodes the series of one collection as remote write 2.0 requests:
/// <code>
/// Request { symbols*, timeseries: { labels_refs, samples: [0,] value | histograms: [empty,] value, exemplars*, metadata, created }* }
/// </code>
/// Each text appears once in a request, and series refer to it by number. The numbers of an entity, a metric name and a bucket are
/// looked up once per request, so a series costs a few copies, as in 1.0.
/// </summary>
/// <remarks>
/// The start of a series is sent only with its first 0, and is the time of that 0: as the sample's <c>start_timestamp</c>, and as field
/// 6 of the series for receivers of drafts of the protocol. One caller at a time.
/// </remarks>
internal sealed class WriteRequestV2Encoder : IWriteRequestEncoder
{
    private const byte TimeseriesTag = 0x2A;
    private const byte LabelsRefsTag = 0x0A;
    private const byte SamplesTag = 0x12;
    private const byte HistogramsTag = 0x1A;
    private const byte ExemplarsTag = 0x22;
    private const byte MetadataTag = 0x2A;
    private const byte CreatedTimestampTag = 0x30;

    private const byte ValueTag = 0x09;
    private const byte TimestampTag = 0x10;
    private const byte StartTimestampTag = 0x18;

    private const byte ExemplarValueTag = 0x11;
    private const byte ExemplarTimestampTag = 0x18;

    private const byte MetadataTypeTag = 0x08;
    private const byte MetadataHelpTag = 0x18;
    private const byte MetadataUnitTag = 0x20;

    private const int MaxRefBytes = 5;

    // The tags and lengths of a series' fields, including the length of the series itself, without their content.
    private const int MaxSeriesOverhead = 64;

    private readonly EncodingSettings _settings;
    private readonly long _timestampMs;
    private readonly byte[] _traceIdLabelName;
    private readonly SymbolTable _symbols = new();
    private readonly List<RemoteWriteRequest> _requests = [];

    // For metric names and bucket bounds, which are few and come in the same order for every entity: the one that followed last time
    // is tried before a lookup.
    private readonly Dictionary<object, Refs> _known = new(ReferenceEqualityComparer.Instance);
    private Refs _metric = new();
    private Refs _bucket = new();

    // Head, middle and tail of the labels of the last visited entity.
    private readonly Refs _entity = new();
    private LabelSet? _entityLabels;
    private int _entityHead;
    private int _entityMiddle;

    private readonly Refs _relabelled = new();
    private Exemplar[] _seriesExemplars = new Exemplar[4];

    // Rented here, returned by Dispose.
    private byte[] _buffer = ArrayPool<byte>.Shared.Rent(256 << 10);
    private int _length;
    private int _v1Length;
    private int _samples;
    private int _histograms;
    private int _exemplars;

    /// <param name="settings">What the endpoints that share this encoding have in common.</param>
    /// <param name="timestampMs">Unix time in milliseconds of the collection.</param>
    public WriteRequestV2Encoder(EncodingSettings settings, long timestampMs)
    {
        _settings = settings;
        _timestampMs = timestampMs;
        _traceIdLabelName = System.Text.Encoding.UTF8.GetBytes(settings.TraceIdLabelName);
    }

    public int DroppedSeries { get; private set; }

    public void Visit(in SeriesPoint point)
    {
        byte[]? relabelled = null;
        int labelsLength;
        if (_settings.Relabelling is null)
        {
            labelsLength = point.Labels.Encoded.Length + point.Name.WireLabel.Length + (point.Bucket is null ? 0 : point.Bucket.WireLabel.Length);
        }
        else if ((relabelled = _settings.Relabelling.Labels(point.Labels, point.Name, point.Bucket)) is not null)
        {
            labelsLength = relabelled.Length;
        }
        else
        {
            DroppedSeries++;
            return;
        }

        var samples = point.ZeroTimestampMs != 0 ? 2 : 1;
        var v1Length = labelsLength + V1SamplesLength(point);
        if (_samples + _histograms > 0
            && (_samples + _histograms + samples > _settings.MaxSamplesPerSend || _v1Length + v1Length > WriteRequestEncoder.MaxRawBytes))
        {
            Cut();
        }

        _v1Length += v1Length;
        var metric = RefsOf(point.Name);
        if (relabelled is not null)
        {
            _relabelled.Clear(_requests.Count);
            AddLabels(_relabelled, relabelled);
            Write(point, metric.Metadata, _relabelled.Labels, default, default, default, default);
            return;
        }

        if (!ReferenceEquals(_entityLabels, point.Labels))
            UseEntity(point.Labels);
        var entity = _entity.Labels;
        Write(
            point,
            metric.Metadata,
            entity[.._entityHead],
            metric.Labels,
            entity[_entityHead.._entityMiddle],
            point.Bucket is null ? default : RefsOf(point.Bucket).Labels,
            entity[_entityMiddle..]);
    }

    public IReadOnlyList<RemoteWriteRequest> Finish()
    {
        if (_samples + _histograms > 0)
            Cut();
        return _requests;
    }

    public void Dispose()
    {
        _symbols.Dispose();
        var buffer = Interlocked.Exchange(ref _buffer, []);
        if (buffer.Length > 0)
            ArrayPool<byte>.Shared.Return(buffer);
    }

    private void Write(
        in SeriesPoint point, ReadOnlySpan<byte> metadata, ReadOnlySpan<byte> head, ReadOnlySpan<byte> name, ReadOnlySpan<byte> middle, ReadOnlySpan<byte> bucket, ReadOnlySpan<byte> tail)
    {
        var exemplars = _settings.SendExemplars ? TakeExemplars(point) : 0;
        var zeroMs = point.ZeroTimestampMs;
        var refsLength = head.Length + name.Length + middle.Length + bucket.Length + tail.Length;
        var seriesLength = 1 + VarintLength((ulong)refsLength) + refsLength + 2 + metadata.Length
            + (zeroMs == 0 ? 0 : 1 + VarintLength((ulong)zeroMs))
            + (point.IsNative ? HistogramsLength(point) : SamplesLength(point));
        for (var i = 0; i < exemplars; i++)
            seriesLength += 2 + ExemplarLength(_seriesExemplars[i]);

        var needed = _length + MaxSeriesOverhead + seriesLength;
        if (needed > _buffer.Length)
            Grow(needed);

        var target = _buffer.AsSpan();
        var position = _length;
        target[position++] = TimeseriesTag;
        WriteVarint(target, ref position, (ulong)seriesLength);
        target[position++] = LabelsRefsTag;
        WriteVarint(target, ref position, (ulong)refsLength);
        WriteBytes(target, ref position, head);
        WriteBytes(target, ref position, name);
        WriteBytes(target, ref position, middle);
        WriteBytes(target, ref position, bucket);
        WriteBytes(target, ref position, tail);
        if (point.IsNative)
            WriteHistograms(target, ref position, point);
        else
            WriteSamples(target, ref position, point);
        for (var i = 0; i < exemplars; i++)
            WriteExemplar(target, ref position, _seriesExemplars[i]);
        WriteField(target, ref position, MetadataTag, metadata);
        if (zeroMs != 0)
        {
            target[position++] = CreatedTimestampTag;
            WriteVarint(target, ref position, (ulong)zeroMs);
        }

        _length = position;
        _exemplars += exemplars;
        var samples = zeroMs == 0 ? 1 : 2;
        if (point.IsNative)
            _histograms += samples;
        else
            _samples += samples;
    }

    private static int SamplesLength(in SeriesPoint point) =>
        2 + SampleLength(point.TimestampMs, point.ZeroTimestampMs) + (point.ZeroTimestampMs == 0 ? 0 : 2 + SampleLength(point.ZeroTimestampMs, 0));

    private static void WriteSamples(Span<byte> target, ref int position, in SeriesPoint point)
    {
        if (point.ZeroTimestampMs != 0)
            WriteSample(target, ref position, 0, point.ZeroTimestampMs, 0);
        WriteSample(target, ref position, point.Value, point.TimestampMs, point.ZeroTimestampMs);
    }

    private static int SampleLength(long timestampMs, long startMs) =>
        1 + sizeof(double) + 1 + VarintLength((ulong)timestampMs) + (startMs == 0 ? 0 : 1 + VarintLength((ulong)startMs));

    private static void WriteSample(Span<byte> target, ref int position, double value, long timestampMs, long startMs)
    {
        target[position++] = SamplesTag;
        target[position++] = (byte)SampleLength(timestampMs, startMs);
        target[position++] = ValueTag;
        WriteDouble(target, ref position, value);
        target[position++] = TimestampTag;
        WriteVarint(target, ref position, (ulong)timestampMs);
        if (startMs == 0)
            return;
        target[position++] = StartTimestampTag;
        WriteVarint(target, ref position, (ulong)startMs);
    }

    private static int HistogramsLength(in SeriesPoint point)
    {
        var native = point.Native;
        var length = FieldLength(HistogramMessage.Length(native, point.TimestampMs, point.ZeroTimestampMs));
        return point.ZeroTimestampMs == 0 ? length : length + FieldLength(HistogramMessage.Length(Empty(native), point.ZeroTimestampMs));
    }

    private static void WriteHistograms(Span<byte> target, ref int position, in SeriesPoint point)
    {
        var native = point.Native;
        if (point.ZeroTimestampMs != 0)
        {
            var empty = Empty(native);
            target[position++] = HistogramsTag;
            WriteVarint(target, ref position, (ulong)HistogramMessage.Length(empty, point.ZeroTimestampMs));
            HistogramMessage.Write(target, ref position, empty, point.ZeroTimestampMs);
        }

        target[position++] = HistogramsTag;
        WriteVarint(target, ref position, (ulong)HistogramMessage.Length(native, point.TimestampMs, point.ZeroTimestampMs));
        HistogramMessage.Write(target, ref position, native, point.TimestampMs, point.ZeroTimestampMs);
    }

    private static NativeHistogramPoint Empty(in NativeHistogramPoint native) => new()
    {
        Count = 0,
        Sum = 0,
        Schema = native.Schema,
        ZeroThreshold = native.ZeroThreshold,
        ZeroCount = 0,
    };

    private static int FieldLength(int length) => 1 + VarintLength((ulong)length) + length;

    private static int ExemplarLength(in Exemplar exemplar) =>
        2 + VarintLength(exemplar.NameRef) + VarintLength(exemplar.TraceIdRef) + 1 + sizeof(double) + 1 + VarintLength((ulong)exemplar.TimestampMs);

    private static void WriteExemplar(Span<byte> target, ref int position, in Exemplar exemplar)
    {
        target[position++] = ExemplarsTag;
        target[position++] = (byte)ExemplarLength(exemplar);
        target[position++] = LabelsRefsTag;
        target[position++] = (byte)(VarintLength(exemplar.NameRef) + VarintLength(exemplar.TraceIdRef));
        WriteVarint(target, ref position, exemplar.NameRef);
        WriteVarint(target, ref position, exemplar.TraceIdRef);
        target[position++] = ExemplarValueTag;
        WriteDouble(target, ref position, exemplar.Value);
        target[position++] = ExemplarTimestampTag;
        WriteVarint(target, ref position, (ulong)exemplar.TimestampMs);
    }

    // The size of the series in 1.0, or a little more. A request is cut where it would be cut in 1.0, so that it does not get too
    // large if it must be converted for a receiver that only knows 1.0.
    private int V1SamplesLength(in SeriesPoint point)
    {
        var exemplarLength = 72 + _traceIdLabelName.Length;
        if (point.IsNative)
            return HistogramsLength(point) + (_settings.SendExemplars ? (point.Native.Exemplars.Length + 1) * exemplarLength : 0);
        return SamplesLength(point) + (point.ExemplarTraceId.IsEmpty || !_settings.SendExemplars ? 0 : exemplarLength);
    }

    private int TakeExemplars(in SeriesPoint point)
    {
        var count = 0;
        if (point.ExemplarTraceId.Length == 16)
            Take(ref count, point.ExemplarTraceId, point.ExemplarValue, point.ExemplarTimestampMs);
        if (!point.IsNative)
            return count;

        Span<byte> traceId = stackalloc byte[16];
        foreach (var exemplar in point.Native.Exemplars)
        {
            BinaryPrimitives.WriteUInt128BigEndian(traceId, exemplar.TraceId);
            Take(ref count, traceId, exemplar.Value, exemplar.TimestampMs);
        }

        return count;
    }

    private void Take(ref int count, ReadOnlySpan<byte> traceId, double value, long timestampMs)
    {
        if (count == _seriesExemplars.Length)
            Array.Resize(ref _seriesExemplars, count * 2);
        Span<byte> digits = stackalloc byte[32];
        Convert.TryToHexStringLower(traceId, digits, out _);
        _seriesExemplars[count++] = new Exemplar(_symbols.NumberOf(_traceIdLabelName), _symbols.NumberOf(digits), value, timestampMs);
    }

    private void UseEntity(LabelSet labels)
    {
        _entityLabels = labels;
        _entity.Clear(_requests.Count);
        AddLabels(_entity, labels.Head);
        _entityHead = _entity.Labels.Length;
        AddLabels(_entity, labels.Middle);
        _entityMiddle = _entity.Labels.Length;
        AddLabels(_entity, labels.Tail);
    }

    private Refs RefsOf(MetricName name)
    {
        var refs = _metric = ReferenceEquals(_metric.Key, name) ? _metric : After(_metric, name);
        if (refs.Request == _requests.Count)
            return refs;

        refs.Clear(_requests.Count);
        if (_settings.Relabelling is null)
            AddLabels(refs, name.WireLabel);
        var description = MetricDescription.Of(name.Family);
        refs.EndLabels();
        refs.Add(MetadataTypeTag);
        refs.Add(name.Type switch
        {
            MetricType.Counter => 1,
            MetricType.Gauge => 2,
            _ => 3,
        });
        AddRef(refs, MetadataHelpTag, description.Help);
        AddRef(refs, MetadataUnitTag, description.Unit);
        return refs;
    }

    private Refs RefsOf(BucketBound bucket)
    {
        var refs = _bucket = After(_bucket, bucket);
        if (refs.Request == _requests.Count)
            return refs;

        refs.Clear(_requests.Count);
        AddLabels(refs, bucket.WireLabel);
        return refs;
    }

    private Refs After(Refs former, object key)
    {
        if (former.Next is { } next && ReferenceEquals(next.Key, key))
            return next;
        if (!_known.TryGetValue(key, out var refs))
            _known.Add(key, refs = new Refs { Key = key });
        return former.Next = refs;
    }

    private void AddLabels(Refs refs, ReadOnlySpan<byte> encoded)
    {
        for (var labels = new EncodedLabels(encoded); labels.MoveNext();)
        {
            refs.Add(_symbols.NumberOf(labels.Name));
            refs.Add(_symbols.NumberOf(labels.Value));
        }
    }

    private void AddRef(Refs refs, byte tag, string text)
    {
        if (text.Length == 0)
            return;
        refs.Add(tag);
        refs.Add(_symbols.NumberOf(System.Text.Encoding.UTF8.GetBytes(text)));
    }

    private void Cut()
    {
        // The symbols come before the series, in one piece: receivers that parse as they read need them first.
        var symbols = _symbols.Encoded;
        if (symbols.Length + _length > _buffer.Length)
            Grow(symbols.Length + _length);
        _buffer.AsSpan(0, _length).CopyTo(_buffer.AsSpan(symbols.Length));
        symbols.CopyTo(_buffer);
        var raw = _buffer.AsSpan(0, symbols.Length + _length);
        _requests.Add(new RemoteWriteRequest
        {
            Protocol = RemoteWriteProtocol.V2,
            Body = WriteRequestEncoder.Compress(raw),
            RawBytes = raw.Length,
            Samples = _samples,
            Histograms = _histograms,
            Exemplars = _exemplars,
            TimestampMs = _timestampMs,
        });
        _symbols.Clear();
        _entityLabels = null;
        _length = 0;
        _v1Length = 0;
        _samples = 0;
        _histograms = 0;
        _exemplars = 0;
    }

    private void Grow(int needed)
    {
        var larger = ArrayPool<byte>.Shared.Rent(Math.Max(needed, _buffer.Length * 2));
        _buffer.AsSpan(0, _length).CopyTo(larger);
        ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = larger;
    }

    private readonly record struct Exemplar(uint NameRef, uint TraceIdRef, double Value, long TimestampMs);

    // Encoded symbol numbers, valid for one request: labels, and for a metric name also its metadata.
    private sealed class Refs
    {
        private byte[] _bytes = new byte[4 * MaxRefBytes];
        private int _length;
        private int _labelsLength;

        // The metric name or bucket bound.
        public object? Key { get; init; }

        // The one that followed it last time.
        public Refs? Next { get; set; }

        // The request for which the numbers are valid, by its position in the collection; none at first.
        public int Request { get; private set; } = -1;

        public ReadOnlySpan<byte> Labels => _bytes.AsSpan(0, _labelsLength < 0 ? _length : _labelsLength);

        public ReadOnlySpan<byte> Metadata => _bytes.AsSpan(_labelsLength, _length - _labelsLength);

        public void Clear(int request)
        {
            Request = request;
            _length = 0;
            _labelsLength = -1;
        }

        public void EndLabels() => _labelsLength = _length;

        public void Add(uint number)
        {
            if (_length + MaxRefBytes > _bytes.Length)
                Array.Resize(ref _bytes, _bytes.Length * 2);
            WriteVarint(_bytes, ref _length, number);
        }
    }
}
