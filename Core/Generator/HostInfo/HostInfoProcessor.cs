using System.Text;
using System.Text.Unicode;
using OrleansTempo.Core.Configuration.Generator;
using OrleansTempo.Core.Generator.Registry;
using OrleansTempo.Core.Generator.Samples;
using OrleansTempo.Core.Otlp.Reading;

namespace OrleansTempo.Core.Generator.HostInfo;

/// <summary>
/// <c>host-info</c>: a gauge of 1 for each host that sends spans. The first configured attribute that the resource has names
/// the host. Runs once per resource of a batch, not per span.
/// </summary>
internal sealed class HostInfoProcessor : ISpanProcessor
{
    private const string HostId = "grafana_host_id";
    private const string HostSource = "host_source";

    private readonly SeriesRegistry _registry;
    private readonly GeneratorCounters _counters;
    private readonly byte[][] _identifiers;
    private readonly bool[] _visible;
    private readonly KeyBuilder _key = new();

    /// <param name="options">The tenant's options.</param>
    /// <param name="registry">Where its series live.</param>
    /// <param name="counters">The tenant's own metrics.</param>
    /// <param name="replaced">The processor that this one takes over from, with its series.</param>
    public HostInfoProcessor(HostInfoOptions options, SeriesRegistry registry, GeneratorCounters counters, HostInfoProcessor? replaced)
    {
        _registry = registry;
        _counters = counters;
        _identifiers = [.. options.HostIdentifiers.Select(Encoding.UTF8.GetBytes)];
        _visible = registry.Visible([HostId, HostSource]);
        Table = registry.AddTable(replaced?.Table, MetricSlot.Gauge(options.MetricName));
    }

    public EntityTable Table { get; }

    public void Push(SpanBatch batch, ReadOnlySpan<int> spans, long nowMs)
    {
        var all = batch.Spans;
        var resource = -1;
        var invalid = 0;
        foreach (var position in spans)
        {
            if (all[position].Resource == resource)
                continue;
            resource = all[position].Resource;
            if (!Update(batch, batch.Resources[resource], nowMs))
                invalid++;
        }

        _counters.InvalidUtf8(invalid, GeneratorCounters.HostInfo);
    }

    /// <summary>The key of a host with exactly these labels; null if no host can have them.</summary>
    public byte[]? KeyOf(LabelSet labels)
    {
        BuildKey(ValueOf(HostId), ValueOf(HostSource));
        var key = _key.Key.ToArray();
        return labels.Equals(LabelsOf(key)) ? key : null;

        ReadOnlySpan<byte> ValueOf(string name) => labels.ValueOf(Encoding.UTF8.GetBytes(_registry.CutName(name)));
    }

    /// <summary>Ends the processor's series with staleness markers.</summary>
    public void Remove() => _registry.RemoveTable(Table);

    // Marks a resource's host as seen; false if its name is not UTF-8.
    private bool Update(SpanBatch batch, in ResourceRecord resource, long nowMs)
    {
        var attributes = batch.Attributes(resource);
        foreach (var identifier in _identifiers)
        {
            foreach (ref readonly var attribute in attributes)
            {
                if (attribute.Kind != AttributeKind.String || attribute.Value.Length == 0 || !batch.Bytes.Slice(attribute.Key.Offset, attribute.Key.Length).SequenceEqual(identifier))
                    continue;
                BuildKey(batch.Bytes.Slice(attribute.Value.Offset, attribute.Value.Length), identifier);
                return Update(nowMs);
            }
        }

        return true;
    }

    private bool Update(long nowMs)
    {
        var key = _key.Key;
        var hash = Utf8Hash.Of(key);
        var entity = Table.Find(key, hash);
        if (entity is null)
        {
            entity = Table.Refuses(1, key) ? Table.Overflow : LabelsOf(key) is { } labels ? Table.Add(key, hash, labels) : null;
            if (entity is null)
                return false;
        }

        Table.Set(entity, 0, 1, nowMs);
        return true;
    }

    private void BuildKey(ReadOnlySpan<byte> id, ReadOnlySpan<byte> source)
    {
        _key.Clear();
        _key.Add(_visible[0] ? Utf8Text.Cut(id, _registry.Options.MaxLabelValueLength) : default);
        _key.Add(_visible[1] ? Utf8Text.Cut(source, _registry.Options.MaxLabelValueLength) : default);
    }

    private LabelSet? LabelsOf(ReadOnlySpan<byte> key)
    {
        var reader = new KeyReader(key);
        var id = reader.ReadText();
        return Utf8.IsValid(id) ? _registry.WithExternalLabels([new(HostId, id.ToArray()), new(HostSource, reader.ReadText().ToArray())]) : null;
    }
}
