using System.Collections.Concurrent;
using System.Globalization;
using System.Text;

namespace OrleansTempo.Core;

/// <summary>
/// A histogram by tenant of something that every span has. Instruments of a meter take one measurement at a time, which costs more than to index a span: whoever
/// measures here counts a batch for itself, and adds the counts once. So it is no instrument, and writes itself on the page that has the others.
/// </summary>
/// <param name="name">As Prometheus has it.</param>
/// <param name="description">What it shows, in a sentence.</param>
/// <param name="bounds">The upper bounds of its buckets but for the last, ascending.</param>
public sealed class TenantHistogram(string name, string description, params double[] bounds)
{
    /// <summary>As many tenants as the page has series of any other metric; those that come later count together, without a name.</summary>
    public const int MaxTenants = 2000;

    private const string OfOthers = "otel_metric_overflow=\"true\"";

    private readonly ConcurrentDictionary<string, Counts> _tenants = new();

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

    /// <summary>Adds measurements of a tenant.</summary>
    /// <param name="tenant">Whose they are.</param>
    /// <param name="counts">How many fell into each bucket, not added up.</param>
    /// <param name="sum">Their sum.</param>
    public void Add(TenantId tenant, ReadOnlySpan<long> counts, double sum)
    {
        var own = _tenants.TryGetValue(tenant.Value, out var known) ? known : _tenants.GetOrAdd(_tenants.Count < MaxTenants ? tenant.Value : "", static (_, buckets) => new Counts(buckets), Buckets);
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
        foreach (var (tenant, own) in _tenants)
        {
            var label = tenant.Length > 0 ? $"tenant=\"{tenant}\"" : OfOthers;
            lock (own)
            {
                long count = 0;
                for (var i = 0; i < own.Of.Length; i++)
                {
                    count += own.Of[i];
                    var bound = i < bounds.Length ? bounds[i].ToString(CultureInfo.InvariantCulture) : "+Inf";
                    page.Append(CultureInfo.InvariantCulture, $"{name}_bucket{{{label},le=\"{bound}\"}} {count}\n");
                }

                page.Append(CultureInfo.InvariantCulture, $"{name}_sum{{{label}}} {own.Sum}\n{name}_count{{{label}}} {count}\n");
            }
        }
    }

    private sealed class Counts(int buckets)
    {
        public long[] Of { get; } = new long[buckets];

        public double Sum { get; set; }
    }
}
