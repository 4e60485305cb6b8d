using System.Runtime.CompilerServices;
using System.Text;
using OrleansTempo.Core.Generator.Samples;

namespace OrleansTempo.Core.RemoteWrite.Messages;

/// <summary>
/// Caches the encoded labels of series after relabelling. The labels of a series never change, so the rules run once per series, not
/// once per collection; a cached result lives as long as its <see cref="LabelSet"/>. One caller at a time.
/// </summary>
public sealed class RelabelledSeries(Relabeler relabeler)
{
    private readonly ConditionalWeakTable<LabelSet, Dictionary<(MetricName, BucketBound?), byte[]?>> _entities = [];

    // The series of an entity follow one another, so there is one lookup per entity. Held weakly, like the keys of the table.
    private readonly WeakReference<LabelSet?> _lastLabels = new(null);
    private Dictionary<(MetricName, BucketBound?), byte[]?>? _last;

    /// <summary>The <c>labels</c> fields of a series, sorted by name; null if the rules drop the series or leave no label.</summary>
    public byte[]? Labels(LabelSet labels, MetricName name, BucketBound? bucket)
    {
        if (_last is null || !_lastLabels.TryGetTarget(out var lastLabels) || !ReferenceEquals(lastLabels, labels))
        {
            _last = _entities.GetValue(labels, static _ => []);
            _lastLabels.SetTarget(labels);
        }

        if (!_last.TryGetValue((name, bucket), out var encoded))
        {
            encoded = Encode(labels, name, bucket);
            _last.Add((name, bucket), encoded);
        }

        return encoded;
    }

    private byte[]? Encode(LabelSet labels, MetricName name, BucketBound? bucket)
    {
        var texts = new Dictionary<string, string>(labels.Decode(), StringComparer.Ordinal) { ["__name__"] = name.Name };
        if (bucket is not null)
            texts["le"] = bucket.Text;
        if (!relabeler.Apply(texts) || texts.Count == 0)
            return null;

        // Sorted by bytes, as the protocol requires: UTF-16 sorts characters beyond the first plane differently.
        var sorted = texts.Select(static l => (Name: Encoding.UTF8.GetBytes(l.Key), Value: Encoding.UTF8.GetBytes(l.Value))).ToArray();
        Array.Sort(sorted, static (a, b) => a.Name.AsSpan().SequenceCompareTo(b.Name));
        return [.. sorted.SelectMany(static l => LabelSet.EncodeLabel(l.Name, l.Value))];
    }
}
