using System.Text;
using OrleansTempo.Core.Generator.Samples;

namespace OrleansTempo.Core.Generator.Limits;

/// <summary>
/// <c>max_cardinality_per_label</c> of a tenant: which labels have too many different values. A label counts over all
/// processors, by its name; the external labels and those of the info metrics of a resource are not among them, and neither is what
/// Prometheus says of a metric itself. A processor asks for its keys through a <see cref="KeyLimiter"/>.
/// </summary>
internal sealed class LabelLimiter
{
    // As often as Tempo's: until then a label that has just come over its limit is not.
    private static readonly long s_updateMs = (long)TimeSpan.FromSeconds(15).TotalMilliseconds;

    private static readonly string[] s_exempt = ["__name__", "__type__", "__unit__"];

    private readonly Dictionary<string, LabelCardinality> _labels = new(StringComparer.Ordinal);
    private long _max;
    private long _staleMs;
    private long _nextUpdateMs;

    /// <summary>What every value of a label that has too many is replaced by, cut as other values are.</summary>
    public byte[] OverflowValue { get; private set; } = [];

    public bool IsOn => _max > 0;

    /// <param name="max">How many values a label may have; 0 for any number.</param>
    /// <param name="stale">How long a value counts.</param>
    /// <param name="maxValueBytes">Where values are cut; 0 for nowhere.</param>
    public void Apply(long max, TimeSpan stale, int maxValueBytes)
    {
        _max = max;
        _staleMs = (long)stale.TotalMilliseconds;
        _nextUpdateMs = 0;
        OverflowValue = Utf8Text.Cut("__cardinality_overflow__"u8, maxValueBytes).ToArray();
        if (IsOn)
            return;
        foreach (var label in _labels.Values)
            label.Forget();
    }

    /// <summary>The label of that name; null where it is not limited whatever it holds.</summary>
    public LabelCardinality? Label(string name)
    {
        if (s_exempt.Contains(name))
            return null;
        if (!_labels.TryGetValue(name, out var label))
            _labels[name] = label = new LabelCardinality();
        return label;
    }

    /// <summary>Looks again which labels are over, where that is due. Called with each batch and collection while it is on.</summary>
    public void Update(long nowMs)
    {
        if (nowMs < _nextUpdateMs)
            return;
        _nextUpdateMs = nowMs + s_updateMs;
        foreach (var label in _labels.Values)
            label.Update(nowMs, _staleMs, _max);
    }

    /// <summary>
    /// Goes on with an entity that comes from a generator before this one. A label whose values were replaced there is over here
    /// as well, for as long as the values that brought it there may have counted.
    /// </summary>
    public void GoOnWith(LabelSet labels, long nowMs)
    {
        if (labels.Encoded.IndexOf(OverflowValue) < 0)
            return;
        foreach (var (name, value) in labels.Decode())
        {
            if (OverflowValue.AsSpan().SequenceEqual(Encoding.UTF8.GetBytes(value)))
                Label(name)?.HoldOver(nowMs + _staleMs);
        }
    }

    /// <summary>Tells of the labels that are limited, or were, since this was last called.</summary>
    public void Report(GeneratorCounters counters)
    {
        foreach (var (name, label) in _labels)
        {
            if (label.IsUsed)
                counters.Label(name, label.Estimate, label.TakeLimited());
        }
    }
}
