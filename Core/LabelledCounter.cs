using System.Diagnostics.Metrics;

namespace OrleansTempo.Core;

/// <summary>A counter for something measured on every request. Its instrument is only observed when the metrics are read, so requests do not pay for it.</summary>
/// <typeparam name="TLabels">The label values of a series.</typeparam>
public sealed class LabelledCounter<TLabels>
    where TLabels : notnull
{
    private static readonly KeyValuePair<string, object?> s_ofOthers = new("otel_metric_overflow", true);

    private readonly LabelledSeries<TLabels, Count> _series = new(static () => new Count());
    private readonly Func<TLabels, KeyValuePair<string, object?>[]> _tags;

    /// <param name="meter">The meter of its instrument.</param>
    /// <param name="name">The name in Prometheus.</param>
    /// <param name="description">The help text, a noun phrase.</param>
    /// <param name="tags">Converts the labels of a series to tags.</param>
    public LabelledCounter(Meter meter, string name, string description, Func<TLabels, KeyValuePair<string, object?>[]> tags)
    {
        _tags = tags;
        meter.CreateObservableCounter(name, Observe, null, description);
    }

    public void Add(TLabels labels, long count) => Interlocked.Add(ref _series.Of(labels).Value, count);

    private IEnumerable<Measurement<long>> Observe()
    {
        foreach (var (labels, count) in _series.All)
            yield return new Measurement<long>(Interlocked.Read(ref count.Value), _tags(labels));
        if (_series.Others is { } others)
            yield return new Measurement<long>(Interlocked.Read(ref others.Value), s_ofOthers);
    }

    private sealed class Count
    {
        public long Value;
    }
}
