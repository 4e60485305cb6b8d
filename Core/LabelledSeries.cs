using System.Collections.Concurrent;

namespace OrleansTempo.Core;

/// <summary>
/// The series of a metric that every request or every span is counted in, found by one key. An instrument of a meter looks its labels up one by one for each
/// measurement, which costs a request of ten spans as much as a span.
/// </summary>
/// <typeparam name="TLabels">The values of a series' labels.</typeparam>
/// <typeparam name="TValue">What a series has come to.</typeparam>
/// <param name="begin">Makes a series.</param>
internal sealed class LabelledSeries<TLabels, TValue>(Func<TValue> begin)
    where TLabels : notnull
    where TValue : class
{
    /// <summary>As many as the page has of any other metric; what comes later counts together, without its labels.</summary>
    public const int Max = 2000;

    private readonly ConcurrentDictionary<TLabels, TValue> _series = new();
    private TValue? _others;
    private int _count;

    public IEnumerable<KeyValuePair<TLabels, TValue>> All => _series;

    /// <summary>What counts together; null for nothing.</summary>
    public TValue? Others => Volatile.Read(ref _others);

    /// <summary>The series of these labels, which begins where there is none.</summary>
    public TValue Of(TLabels labels) => _series.TryGetValue(labels, out var known) ? known : Begin(labels);

    private TValue Begin(TLabels labels)
    {
        lock (_series)
        {
            if (_series.TryGetValue(labels, out var known))
                return known;
            if (_count == Max)
                return _others ??= begin();
            _count++;
            return _series[labels] = begin();
        }
    }
}
