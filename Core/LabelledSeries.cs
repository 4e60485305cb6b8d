using System.Collections.Concurrent;

namespace OrleansTempo.Core;

/// <summary>
/// The series of a metric that counts every request or every span, found by one key. A meter's instrument looks up its labels one by one
/// for each measurement, which on a request of ten spans costs as much as another span.
/// </summary>
/// <typeparam name="TLabels">The label values of a series.</typeparam>
/// <typeparam name="TValue">The value of a series.</typeparam>
/// <param name="begin">Creates the value of a new series.</param>
internal sealed class LabelledSeries<TLabels, TValue>(Func<TValue> begin)
    where TLabels : notnull
    where TValue : class
{
    /// <summary>The maximum number of series, as for any other metric on the page; later ones are counted together, without their labels.</summary>
    public const int Max = 2000;

    private readonly ConcurrentDictionary<TLabels, TValue> _series = new();
    private TValue? _others;
    private int _count;

    public IEnumerable<KeyValuePair<TLabels, TValue>> All => _series;

    /// <summary>The value of the series that are counted together; null for none.</summary>
    public TValue? Others => Volatile.Read(ref _others);

    /// <summary>The value of the series with these labels, created if there is none.</summary>
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
