using System.Text;
using OrleansTempo.Core.Generator.Samples;

namespace OrleansTempo.Core.Generator.Limits;

/// <summary>
/// <c>max_cardinality_per_label</c> of a tenant: decides which labels have too many distinct values. A label is counted by
/// name across all processors. Exempt are external labels, the labels of a resource's info metrics, and the labels with which
/// Prometheus describes the metric itself. Processors pass their keys through a <see cref="KeyLimiter"/>.
/// </summary>
internal sealed class LabelLimiter
{
    // As often as in Tempo: until the next update, a label that has just exceeded its limit is not replaced.
    private static readonly long s_updateMs = (long)TimeSpan.FromSeconds(15).TotalMilliseconds;

    private static readonly string[] s_exempt = ["__name__", "__type__", "__unit__"];

    private readonly Dictionary<string, LabelCardinality> _labels = new(StringComparer.Ordinal);
    private long _max;
    private long _staleMs;
    private long _nextUpdateMs;

    /// <summary>Replaces every value of a label that is over its limit; cut to the length limit as other values are.</summary>
    public byte[] OverflowValue { get; private set; } = [];

    public bool IsOn => _max > 0;

    /// <param name="max">The maximum number of values of a label; 0 for no limit.</param>
    /// <param name="stale">How long a value counts.</param>
    /// <param name="maxValueBytes">The maximum length of a value in bytes; 0 for no limit.</param>
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

    /// <summary>The label with that name; null if it is exempt.</summary>
    public LabelCardinality? Label(string name)
    {
        if (s_exempt.Contains(name))
            return null;
        if (!_labels.TryGetValue(name, out var label))
            _labels[name] = label = new LabelCardinality();
        return label;
    }

    /// <summary>Decides anew which labels are over their limit, if that is due. Called with each batch and collection while limiting is on.</summary>
    public void Update(long nowMs)
    {
        if (nowMs < _nextUpdateMs)
            return;
        _nextUpdateMs = nowMs + s_updateMs;
        foreach (var label in _labels.Values)
            label.Update(nowMs, _staleMs, _max);
    }

    /// <summary>
    /// Restores the limiting of an entity that comes from a previous generator. A label whose values were replaced there is over
    /// its limit here as well, for as long as the values that exceeded it may have counted.
    /// </summary>
    public void Restore(LabelSet labels, long nowMs)
    {
        if (labels.Encoded.IndexOf(OverflowValue) < 0)
            return;
        foreach (var (name, value) in labels.Decode())
        {
            if (OverflowValue.AsSpan().SequenceEqual(Encoding.UTF8.GetBytes(value)))
                Label(name)?.HoldOver(nowMs + _staleMs);
        }
    }

    /// <summary>Reports the labels that are or were limited since the last call.</summary>
    public void Report(GeneratorCounters counters)
    {
        foreach (var (name, label) in _labels)
        {
            if (label.IsUsed)
                counters.Label(name, label.Estimate, label.TakeLimited());
        }
    }
}
