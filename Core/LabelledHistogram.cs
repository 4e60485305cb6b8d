using System.Globalization;
using System.Text;

namespace OrleansTempo.Core;

/// <summary>
/// A histogram for something measured on every request or every span. Code that measures spans counts a whole batch first and adds the
/// counts once. A meter's instrument supports neither that nor being read later, so this one writes itself to the metrics page.
/// </summary>
/// <typeparam name="TLabels">The label values of a series.</typeparam>
/// <param name="name">The name in Prometheus.</param>
/// <param name="description">The help text, a noun phrase.</param>
/// <param name="write">Formats labels as on the page: <c>tenant="blue"</c>.</param>
/// <param name="bounds">The upper bounds of the buckets, ascending, without <c>+Inf</c>.</param>
public sealed class LabelledHistogram<TLabels>(string name, string description, Func<TLabels, string> write, params double[] bounds)
    where TLabels : notnull
{
    private const string OfOthers = "otel_metric_overflow=\"true\"";

    private readonly LabelledSeries<TLabels, Counts> _series = new(() => new Counts(bounds.Length + 1));

    public string Name => name;

    /// <summary>The number of buckets that <see cref="Add"/> takes: one for each bound, and one for larger values.</summary>
    public int Buckets => bounds.Length + 1;

    /// <summary>The index of the bucket of a value.</summary>
    public int BucketOf(double value)
    {
        var bucket = 0;
        while (bucket < bounds.Length && value > bounds[bucket])
            bucket++;
        return bucket;
    }

    /// <summary>Adds one measurement.</summary>
    public void Record(TLabels labels, double value)
    {
        var bucket = BucketOf(value);
        var own = _series.Of(labels);
        lock (own)
        {
            own.Sum += value;
            own.Of[bucket]++;
        }
    }

    /// <summary>Adds many measurements.</summary>
    /// <param name="labels">The labels of the series.</param>
    /// <param name="counts">The number of measurements in each bucket, not cumulative.</param>
    /// <param name="sum">The sum of the measurements.</param>
    public void Add(TLabels labels, ReadOnlySpan<long> counts, double sum)
    {
        var own = _series.Of(labels);
        lock (own)
        {
            own.Sum += sum;
            for (var i = 0; i < counts.Length; i++)
                own.Of[i] += counts[i];
        }
    }

    /// <summary>Appends all series in Prometheus' text format.</summary>
    public void WriteTo(StringBuilder page)
    {
        page.Append(CultureInfo.InvariantCulture, $"# TYPE {name} histogram\n# HELP {name} {description}\n");
        foreach (var (labels, own) in _series.All)
            Write(page, write(labels), own);
        if (_series.Others is { } others)
            Write(page, OfOthers, others);
    }

    private void Write(StringBuilder page, string labels, Counts own)
    {
        lock (own)
        {
            long count = 0;
            for (var i = 0; i < own.Of.Length; i++)
            {
                count += own.Of[i];
                var bound = i < bounds.Length ? bounds[i].ToString(CultureInfo.InvariantCulture) : "+Inf";
                page.Append(CultureInfo.InvariantCulture, $"{name}_bucket{{{labels},le=\"{bound}\"}} {count}\n");
            }

            page.Append(CultureInfo.InvariantCulture, $"{name}_sum{{{labels}}} {own.Sum}\n{name}_count{{{labels}}} {count}\n");
        }
    }

    private sealed class Counts(int buckets)
    {
        public long[] Of { get; } = new long[buckets];

        public double Sum { get; set; }
    }
}
