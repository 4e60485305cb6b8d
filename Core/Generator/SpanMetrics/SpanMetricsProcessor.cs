using System.Buffers;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Unicode;
using OrleansTempo.Core.Configuration.Generator;
using OrleansTempo.Core.Configuration.Overrides;
using OrleansTempo.Core.Generator.Limits;
using OrleansTempo.Core.Generator.Registry;
using OrleansTempo.Core.Generator.Samples;
using OrleansTempo.Core.Generator.SpanNames;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Core.Overrides;

namespace OrleansTempo.Core.Generator.SpanMetrics;

/// <summary>
/// <c>span-metrics</c>: counts every span, its latency and its size, by the configured labels.
/// <code>
///   resource ─► service, job, instance ─┐
///   span ─► name, kind, status ─────────┼─► key bytes ─► Entity ─► calls, size, latency
///   both ─► dimensions, mappings ───────┘
/// </code>
/// The key is built from the request's bytes; strings are made only for a new entity.
/// </summary>
internal sealed class SpanMetricsProcessor : ISpanProcessor
{
    private const string ServiceName = "service.name";
    private const string ServiceNamespace = "service.namespace";
    private const string ServiceInstanceId = "service.instance.id";

    // The tag, length and ID of a parent span ID.
    private const int ParentFieldBytes = 2 + sizeof(ulong);

    private readonly GeneratorSettings _settings;
    private readonly SeriesRegistry _registry;
    private readonly GeneratorCounters _counters;
    private readonly SpanFilter _filter;
    private readonly SpanMultiplier _multiplier;
    private readonly LabelColumn[] _columns;
    private readonly AttributePicker _resourcePicker;
    private readonly ResourceValues _resource;
    private readonly AttributePicker _spanPicker;
    private readonly int[] _foundInSpan;
    private readonly int _serviceIndex, _namespaceIndex, _instanceIndex;
    private readonly int _calls = -1, _size = -1;
    private readonly HistogramSlots _latency = HistogramSlots.None;
    private readonly int _seriesPerEntity;
    private readonly int _maxValueBytes;
    private readonly bool _namesAsTexts;
    private readonly TargetInfo? _targetInfo;
    private readonly KeyLimiter _limiter;
    private readonly SpanNameSanitizer? _spanNames;
    private readonly LabelColumn[]? _dryRunColumns;

    private readonly KeyBuilder _key = new();
    private readonly ArrayBufferWriter<byte> _text = new();
    private readonly ArrayBufferWriter<byte> _joined = new();
    private readonly ArrayBufferWriter<byte> _service = new();
    private readonly ArrayBufferWriter<byte> _job = new();
    private readonly ArrayBufferWriter<byte> _instance = new();

    /// <param name="settings">The tenant's settings.</param>
    /// <param name="registry">Where its series live.</param>
    /// <param name="counters">The tenant's own metrics.</param>
    /// <param name="spanNames">Sanitizes span names; null if that is off.</param>
    /// <param name="replaced">The processor that this one replaces, and whose series it adopts.</param>
    public SpanMetricsProcessor(GeneratorSettings settings, SeriesRegistry registry, GeneratorCounters counters, SpanNameSanitizer? spanNames, SpanMetricsProcessor? replaced)
    {
        _settings = settings;
        _registry = registry;
        _counters = counters;
        var options = settings.SpanMetrics;
        _filter = new SpanFilter(options.FilterPolicies);
        _multiplier = new SpanMultiplier(options.SpanMultiplierKey, options.EnableTracestateSpanMultiplier);
        _maxValueBytes = registry.Options.MaxLabelValueLength;

        // Kinds and status codes are numbers in the key, unless the length limit cuts their names, perhaps to the same text.
        _namesAsTexts = _maxValueBytes > 0 && SpanEnumNames.Kinds.Concat(SpanEnumNames.StatusCodes).Any(n => n.Length > _maxValueBytes);

        string[] dimensions = [.. options.Dimensions, .. options.DimensionMappings.SelectMany(m => m.SourceLabels)];
        _spanPicker = new AttributePicker(dimensions);
        _resourcePicker = new AttributePicker([.. dimensions, ServiceName, ServiceNamespace, ServiceInstanceId]);
        _resource = new ResourceValues(_resourcePicker, _maxValueBytes);
        _foundInSpan = new int[_spanPicker.Count];
        _serviceIndex = _resourcePicker.IndexOf(ServiceName);
        _namespaceIndex = _resourcePicker.IndexOf(ServiceNamespace);
        _instanceIndex = _resourcePicker.IndexOf(ServiceInstanceId);
        _spanNames = spanNames;
        _columns = Columns(options);
        if (settings.SpanNameSanitization != SpanNameSanitization.Off)
        {
            LabelColumn[] sanitized = [.. _columns.Select(c => c.Source == LabelSource.SpanName ? c with { Source = LabelSource.SanitizedSpanName } : c)];
            if (settings.SpanNameSanitization == SpanNameSanitization.Enabled)
                _columns = sanitized;
            else
                _dryRunColumns = sanitized;
        }

        _limiter = new KeyLimiter(registry.Labels, _columns.Select(c => new KeyColumn(registry.CutName(c.Label), NamesOf(c))));

        var slots = new List<MetricSlot>();
        if (settings.SpanMetricsCount)
        {
            _calls = slots.Count;
            slots.Add(MetricSlot.Counter("traces_spanmetrics_calls_total"));
        }

        if (settings.SpanMetricsLatency)
            _latency = HistogramSlots.Add(slots, "traces_spanmetrics_latency", options.HistogramBuckets, settings.NativeHistograms);

        if (settings.SpanMetricsSize)
        {
            _size = slots.Count;
            slots.Add(MetricSlot.Counter("traces_spanmetrics_size_total"));
        }

        _seriesPerEntity = slots.Sum(s => s.SeriesCount);
        Table = registry.AddTable(replaced?.Table, [.. slots]);
        if (options.EnableTargetInfo && registry.HasInfoMetrics)
            _targetInfo = new TargetInfo(options, registry, replaced?._targetInfo);
        else if (replaced?._targetInfo is { } ended)
            registry.RemoveTable(ended.Table);
    }

    public EntityTable Table { get; }

    public TargetInfo? TargetInfo => _targetInfo;

    public void Push(SpanBatch batch, ReadOnlySpan<int> spans, long nowMs)
    {
        var all = batch.Spans;
        var resource = -1;
        var filtered = 0;
        var invalid = 0;
        var targetInfo = TargetInfoState.Wanted;
        _spanNames?.Begin(nowMs, _registry.StaleMs);
        foreach (var position in spans)
        {
            ref readonly var span = ref all[position];
            if (span.Resource != resource)
            {
                resource = span.Resource;
                targetInfo = TargetInfoState.Wanted;
                ReadResource(batch, resource);
            }

            if (!_filter.Takes(batch, span))
            {
                filtered++;
                continue;
            }

            if (!Count(batch, span, nowMs))
            {
                invalid++;
                continue;
            }

            if (_targetInfo is null)
                continue;
            if (targetInfo == TargetInfoState.Wanted)
            {
                targetInfo = _targetInfo.Update(batch, batch.Resources[resource], _job.WrittenSpan, _instance.WrittenSpan, nowMs)
                    ? TargetInfoState.Done
                    : TargetInfoState.Invalid;
            }

            if (targetInfo == TargetInfoState.Invalid)
                invalid++;
        }

        _counters.Filtered(filtered, GeneratorCounters.SpanMetrics);
        _counters.InvalidUtf8(invalid, GeneratorCounters.SpanMetrics);
        _counters.Ignored(_multiplier.TakeIgnored(), Table.TakeOverflows(), GeneratorCounters.SpanMetrics);
        _spanNames?.Report(_counters);
    }

    /// <summary>The key of spans with exactly these labels; null if no span can have them.</summary>
    public byte[]? KeyOf(LabelSet labels)
    {
        _key.Clear();
        foreach (var column in _columns)
        {
            var value = labels.ValueOf(Encoding.UTF8.GetBytes(_registry.CutName(column.Label)));
            if (NamesOf(column) is { } names)
                _key.Add(NumberOf(value, names));
            else
                _key.Add(value);
        }

        var key = _key.Key.ToArray();
        return labels.Equals(LabelsOf(key)) ? key : null;
    }

    /// <summary>Learns from the span names of the present series, so that names keep their templates.</summary>
    public void LearnSpanNames()
    {
        if (_spanNames is null || _columns.FirstOrDefault(c => c.Source is LabelSource.SpanName or LabelSource.SanitizedSpanName) is not { } column)
            return;
        var label = Encoding.UTF8.GetBytes(_registry.CutName(column.Label));
        foreach (var table in Table.Formers.Prepend(Table))
        {
            foreach (var entity in table.Entities)
                _spanNames.Learn(entity.Labels.ValueOf(label), entity.LastUpdatedMs);
        }
    }

    /// <summary>Ends the processor's series with staleness markers.</summary>
    public void Remove()
    {
        _registry.RemoveTable(Table);
        if (_targetInfo is not null)
            _registry.RemoveTable(_targetInfo.Table);
    }

    private LabelColumn[] Columns(SpanMetricsOptions options)
    {
        var columns = new List<LabelColumn>();
        var intrinsic = options.IntrinsicDimensions;
        if (intrinsic.Service)
            columns.Add(new(LabelSource.Service, "service"));
        if (intrinsic.SpanName)
            columns.Add(new(LabelSource.SpanName, "span_name"));
        if (intrinsic.SpanKind)
            columns.Add(new(LabelSource.SpanKind, "span_kind"));
        if (intrinsic.StatusCode)
            columns.Add(new(LabelSource.StatusCode, "status_code"));
        if (intrinsic.StatusMessage)
            columns.Add(new(LabelSource.StatusMessage, "status_message"));
        foreach (var dimension in options.Dimensions)
            columns.Add(new(LabelSource.Attributes, LabelName.Sanitize(dimension, LabelName.Intrinsic)) { Attributes = Picks([dimension]) });
        foreach (var mapping in options.DimensionMappings)
        {
            columns.Add(new(LabelSource.Attributes, LabelName.Sanitize(mapping.Name, LabelName.Intrinsic))
            {
                Attributes = Picks(mapping.SourceLabels),
                Join = Encoding.UTF8.GetBytes(mapping.Join),
            });
        }

        var visible = _registry.Visible([.. columns.Select(c => c.Label)]);
        columns = [.. columns.Where((_, i) => visible[i])];
        if (!options.EnableTargetInfo)
            return [.. columns];

        // Unlike other labels, these two replace a label of the same name only if they have a value. Otherwise that label's value
        // takes their place, so that the key does not depend on where a value came from.
        var last = new List<LabelColumn> { new(LabelSource.Job, "job") };
        if (options.EnableInstanceLabel)
            last.Add(new(LabelSource.Instance, "instance"));
        last.RemoveAll(c => _registry.ExternalLabels.ContainsKey(c.Label));
        var replaced = columns.ToLookup(c => c.Label);
        return
        [
            .. columns.Where(c => !last.Exists(l => l.Label == c.Label)),
            .. last.Select(l => replaced[l.Label].FirstOrDefault() is { } c ? l with { Attributes = c.Attributes, Join = c.Join } : l),
        ];

        (int, int)[] Picks(IEnumerable<string> names) => [.. names.Select(n => (_resourcePicker.IndexOf(n), _spanPicker.IndexOf(n)))];
    }

    private void ReadResource(SpanBatch batch, int resource)
    {
        _resource.Read(batch, resource);
        _filter.BeginResource(batch, resource);
        _multiplier.BeginResource();
        Copy(_serviceIndex, _service);
        Copy(_instanceIndex, _instance);
        _job.ResetWrittenCount();
        if (_service.WrittenCount == 0)
            return;
        Copy(_namespaceIndex, _job);
        if (_job.WrittenCount > 0)
            _job.Write("/"u8);
        _job.Write(_service.WrittenSpan);

        void Copy(int name, ArrayBufferWriter<byte> to)
        {
            to.ResetWrittenCount();
            to.Write(_resource.Value(batch, name));
        }
    }

    private bool Count(SpanBatch batch, in SpanRecord span, long nowMs)
    {
        if (_spanNames is not null)
            BuildKeyAndAddDemand(batch, span, _spanNames);
        else
            BuildKey(batch, span, _columns);
        var key = _limiter.IsOn ? _limiter.Limit(_key.Key) : _key.Key;
        var hash = Utf8Hash.Of(key);
        var entity = Table.Find(key, hash);
        if (entity is null)
        {
            entity = Table.Refuses(_seriesPerEntity, key) ? Table.Overflow : NewEntity(key, hash);
            if (entity is null)
                return false;
        }

        var weight = _multiplier.IsOne ? 1 : _multiplier.Of(batch, span);
        if (_calls >= 0)
            Table.Count(entity, _calls, weight, nowMs);
        Table.Observe(entity, _latency, span.DurationSeconds, weight, Exemplar.ReadTraceId(batch.Bytes[span.TraceId.Offset..]), nowMs);
        if (_size >= 0)
            Table.Count(entity, _size, SizeOf(batch.Bytes, span), nowMs);
        return true;
    }

    // The size as Tempo's receiver passes it on: there a parent ID of zeros means no parent, and takes no bytes.
    private static int SizeOf(ReadOnlySpan<byte> bytes, in SpanRecord span) =>
        span.ParentSpanId.Length == sizeof(ulong) && MemoryMarshal.Read<ulong>(bytes[span.ParentSpanId.Offset..]) == 0
            ? span.Message.Length - ParentFieldBytes
            : span.Message.Length;

    // Builds the key, and counts the key with the sanitized name towards the demand; in a dry run the two differ.
    private void BuildKeyAndAddDemand(SpanBatch batch, in SpanRecord span, SpanNameSanitizer spanNames)
    {
        BuildKey(batch, span, _dryRunColumns ?? _columns);
        spanNames.AddDemand(Utf8Hash.Of(_key.Key));
        if (_dryRunColumns is not null)
            BuildKey(batch, span, _columns);
    }

    private void BuildKey(SpanBatch batch, in SpanRecord span, LabelColumn[] columns)
    {
        var bytes = batch.Bytes;
        if (_foundInSpan.Length > 0)
            _spanPicker.Pick(bytes, batch.Attributes(span), _foundInSpan);

        _key.Clear();
        foreach (var column in columns)
        {
            switch (column.Source)
            {
                case LabelSource.Service:
                    _key.Add(Cut(_service.WrittenSpan));
                    break;
                case LabelSource.SpanName:
                    _key.Add(Cut(bytes.Slice(span.Name.Offset, span.Name.Length)));
                    break;
                case LabelSource.SanitizedSpanName:
                    _key.Add(Cut(_spanNames!.Sanitize(Cut(bytes.Slice(span.Name.Offset, span.Name.Length)))));
                    break;
                case LabelSource.SpanKind:
                    if (_namesAsTexts)
                        _key.Add(Cut(Encoding.UTF8.GetBytes(SpanEnumNames.Of(span.Kind))));
                    else
                        _key.Add((int)span.Kind);
                    break;
                case LabelSource.StatusCode:
                    if (_namesAsTexts)
                        _key.Add(Cut(Encoding.UTF8.GetBytes(SpanEnumNames.Of(span.Status))));
                    else
                        _key.Add((int)span.Status);
                    break;
                case LabelSource.StatusMessage:
                    _key.Add(Cut(bytes.Slice(span.StatusMessage.Offset, span.StatusMessage.Length)));
                    break;
                case LabelSource.Attributes:
                    _key.Add(Cut(AttributeValue(batch, span, column)));
                    break;
                case LabelSource.Job:
                    _key.Add(Cut(ValueOr(_job, batch, span, column)));
                    break;
                case LabelSource.Instance:
                    _key.Add(Cut(ValueOr(_instance, batch, span, column)));
                    break;
            }
        }
    }

    private ReadOnlySpan<byte> ValueOr(ArrayBufferWriter<byte> value, SpanBatch batch, in SpanRecord span, LabelColumn column) =>
        value.WrittenCount > 0 || column.Attributes.Length == 0 ? value.WrittenSpan : AttributeValue(batch, span, column);

    private ReadOnlySpan<byte> Cut(ReadOnlySpan<byte> value) => Utf8Text.Cut(value, _maxValueBytes);

    private ReadOnlySpan<byte> AttributeValue(SpanBatch batch, in SpanRecord span, LabelColumn column)
    {
        if (column.Attributes.Length == 1)
            return AttributeValue(batch, span, column.Attributes[0]);

        _joined.ResetWrittenCount();
        foreach (var attribute in column.Attributes)
        {
            var value = AttributeValue(batch, span, attribute);
            if (value.IsEmpty)
                continue;
            if (_joined.WrittenCount > 0)
                _joined.Write(column.Join);
            _joined.Write(Utf8Text.Beginning(value, _maxValueBytes));
        }

        return _joined.WrittenSpan;
    }

    private ReadOnlySpan<byte> AttributeValue(SpanBatch batch, in SpanRecord span, (int InResource, int InSpan) attribute)
    {
        if (_resource.Has(attribute.InResource))
            return _resource.Value(batch, attribute.InResource);
        if (_foundInSpan[attribute.InSpan] is var s and >= 0)
            return AttributeText.Get(batch.Bytes, batch.Attributes(span)[s], _text);
        return default;
    }

    private Entity? NewEntity(ReadOnlySpan<byte> key, ulong hash) => LabelsOf(key) is { } labels ? Table.Add(key, hash, labels) : null;

    // Decodes all label values from the key; null if one of them is not UTF-8.
    private LabelSet? LabelsOf(ReadOnlySpan<byte> key)
    {
        var labels = new List<KeyValuePair<string, byte[]>>(_columns.Length);
        var reader = new KeyReader(key);
        foreach (var column in _columns)
        {
            var value = NamesOf(column) is { } names ? NameOf(reader.ReadNumber(), names) : reader.ReadText();
            if (!Utf8.IsValid(value))
                return null;
            if (!value.IsEmpty)
                labels.Add(new(column.Label, value.ToArray()));
        }

        return _registry.WithExternalLabels(labels);
    }

    // The names of the numbers, for a column that is a number in the key.
    private string[]? NamesOf(LabelColumn column) => column.Source switch
    {
        LabelSource.SpanKind when !_namesAsTexts => SpanEnumNames.Kinds,
        LabelSource.StatusCode when !_namesAsTexts => SpanEnumNames.StatusCodes,
        _ => null,
    };

    private ReadOnlySpan<byte> NameOf(int number, string[] names) =>
        number == KeyLimiter.OverflowNumber ? _limiter.OverflowValue : Encoding.UTF8.GetBytes(SpanEnumNames.Of(number, names));

    private int NumberOf(ReadOnlySpan<byte> name, string[] names)
    {
        if (name.SequenceEqual(_limiter.OverflowValue))
            return KeyLimiter.OverflowNumber;
        var text = Encoding.UTF8.GetString(name);
        var number = Array.IndexOf(names, text);
        return number >= 0 || !int.TryParse(text, CultureInfo.InvariantCulture, out var unnamed) ? number : unnamed;
    }

    private enum TargetInfoState
    {
        Wanted,
        Done,
        Invalid,
    }
}
