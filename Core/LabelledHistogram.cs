using System.Globalization;
using System.Text;

namespace OrleansTempo.Core;

/// <summary>
/// A histogram of something that every request or every span has. Whoever measures spans counts a batch for itself and adds the counts once. No instrument can
/// be told so, or read later: this one writes itself on the page that has the others.
/// </summary>
/// <typeparam name="TLabels">The values of a series' labels.</typeparam>
/// <param name="name">As Prometheus has it.</param>
/// <param name="description">What it shows, in a sentence.</param>
/// <param name="write">Writes labels as they are on the page: <c>tenant="blue"</c>.</param>
/// <param name="bounds">The upper bounds of its buckets but for the last, ascending.</param>
public sealed class LabelledHistogram<TLabels>(string name, string description, Func<TLabels, string> write, params double[] bounds)
    where TLabels : notnull
{
    private const string OfOthers = "otel_metric_overflow=\"true\"";

    private readonly LabelledSeries<TLabels, Counts> _series = new(() => new Counts(bounds.Length + 1));

    public string Name => name;

    /// <summary>The buckets that <see cref="Add"/> takes: one a bound, and one for what is beyond.</summary>
    public int Buckets => bounds.Length + 1;

    /// <summary>The bucket of a value.</summary>
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
    /// <param name="labels">Whose they are.</param>
    /// <param name="counts">How many fell into each bucket, not added up.</param>
    /// <param name="sum">Their sum.</param>
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

    /// <summary>Appends it as Prometheus' text format has it.</summary>
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
