using System.Diagnostics.Metrics;

namespace OrleansTempo.Core;

/// <summary>A counter of something that every request has. Its instrument is read when somebody asks for the metrics, and not told of each request.</summary>
/// <typeparam name="TLabels">The values of a series' labels.</typeparam>
public sealed class LabelledCounter<TLabels>
    where TLabels : notnull
{
    private static readonly KeyValuePair<string, object?> s_ofOthers = new("otel_metric_overflow", true);

    private readonly LabelledSeries<TLabels, Count> _series = new(static () => new Count());
    private readonly Func<TLabels, KeyValuePair<string, object?>[]> _tags;

    /// <param name="meter">Where its instrument is.</param>
    /// <param name="name">As Prometheus has it.</param>
    /// <param name="description">What it counts, in a noun phrase.</param>
    /// <param name="tags">A series' labels as tags.</param>
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
