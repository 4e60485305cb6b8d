using System.Buffers;
using System.Text;
using System.Text.Unicode;
using OrleansTempo.Core.Configuration.Generator;
using OrleansTempo.Core.Generator.Registry;
using OrleansTempo.Core.Generator.Samples;
using OrleansTempo.Core.Otlp.Reading;

namespace OrleansTempo.Core.Generator.SpanMetrics;

/// <summary>
/// <c>traces_target_info</c>: a gauge of 1 per resource. Its labels are <c>job</c> and <c>instance</c>, which join it to the span
/// metrics, and the other attributes of the resource. Runs once per resource of a batch, not per span.
/// </summary>
internal sealed class TargetInfo
{
    private readonly SpanMetricsOptions _options;
    private readonly SeriesRegistry _registry;
    private readonly HashSet<string> _excluded;
    private readonly KeyBuilder _key = new();
    private readonly ArrayBufferWriter<byte> _text = new(256);

    public TargetInfo(SpanMetricsOptions options, SeriesRegistry registry, TargetInfo? replaced)
    {
        _options = options;
        _registry = registry;
        _excluded = new(options.TargetInfoExcludedDimensions, StringComparer.Ordinal) { "service.name", "service.namespace", "service.instance.id", "__name__" };
        Table = registry.AddTable(replaced?.Table, MetricSlot.Gauge("traces_target_info"));
    }

    public EntityTable Table { get; }

    /// <summary>Marks a resource as seen; false if one of its labels is not UTF-8.</summary>
    public bool Update(SpanBatch batch, in ResourceRecord resource, ReadOnlySpan<byte> job, ReadOnlySpan<byte> instance, long nowMs)
    {
        var labels = new SortedDictionary<string, byte[]>(StringComparer.Ordinal);
        foreach (ref readonly var attribute in batch.Attributes(resource))
        {
            var name = batch.Bytes.Slice(attribute.Key.Offset, attribute.Key.Length);
            if (name.IsEmpty || char.IsAsciiDigit((char)name[0]))
                continue;
            var text = Encoding.UTF8.GetString(name);
            if (_excluded.Contains(text))
                continue;
            var value = AttributeText.Get(batch.Bytes, attribute, _text);
            if (!Utf8.IsValid(value))
                return false;
            labels[LabelName.Sanitize(text, LabelName.IntrinsicJobAndInstance)] = value.ToArray();
        }

        if (!Utf8.IsValid(job) || !Utf8.IsValid(instance))
            return false;
        foreach (var empty in labels.Where(l => l.Value.Length == 0).Select(l => l.Key).ToArray())
            labels.Remove(empty);

        var others = labels.Count;
        if (!job.IsEmpty)
            labels["job"] = job.ToArray();
        if (!instance.IsEmpty && _options.EnableInstanceLabel)
            labels["instance"] = instance.ToArray();
        if (others == 0 || labels.Count == others)
            return true;

        // Two resources are the same if their series have the same labels, so the labels are completed before the lookup.
        var set = _registry.WithExternalLabels(labels);
        BuildKey(set);
        var key = _key.Key;
        var hash = Utf8Hash.Of(key);
        var entity = Table.Find(key, hash) ?? (Table.Refuses(1, key) ? Table.Overflow : Table.Add(key, hash, set));
        Table.Set(entity, 0, 1, nowMs);
        return true;
    }

    /// <summary>The key of a resource with exactly these labels.</summary>
    public byte[] KeyOf(LabelSet labels)
    {
        BuildKey(labels);
        return _key.Key.ToArray();
    }

    private void BuildKey(LabelSet labels)
    {
        _key.Clear();
        foreach (var (name, value) in labels.Decode())
        {
            _key.Add(Encoding.UTF8.GetBytes(name));
            _key.Add(Encoding.UTF8.GetBytes(value));
        }
    }
}
