using OrleansTempo.Core.Generator.NativeHistograms;
using OrleansTempo.Core.Generator.Samples;

namespace OrleansTempo.Core.Generator.Registry;

/// <summary>One metric of an entity: where its values are among the entity's values, and the names of its series.</summary>
internal sealed class MetricSlot
{
    /// <summary>How many exemplars a native histogram without classic buckets keeps between two collections.</summary>
    public const int OwnExemplars = 10;

    private MetricSlot(MetricType type, MetricName value, MetricName? sum, MetricName? bucket, BucketBound[] buckets, double[] bounds, NativeHistogramSettings? native = null)
    {
        Type = type;
        Name = value;
        SumName = sum;
        BucketName = bucket;
        Buckets = buckets;
        Bounds = bounds;
        Native = native;
    }

    public MetricType Type { get; }

    /// <summary>The name of a counter, a gauge or a native histogram; for a classic histogram its <c>_count</c>.</summary>
    public MetricName Name { get; }

    public MetricName? SumName { get; }

    public MetricName? BucketName { get; }

    /// <summary>A classic histogram's buckets, <c>+Inf</c> last; empty otherwise.</summary>
    public BucketBound[] Buckets { get; }

    /// <summary>The bounds of <see cref="Buckets"/> without <c>+Inf</c>, ascending.</summary>
    public double[] Bounds { get; }

    /// <summary>The settings of a native histogram; null for any other metric.</summary>
    public NativeHistogramSettings? Native { get; }

    /// <summary>The index of the slot's first value among the entity's values. A counter or gauge has one value; a histogram has its sum, followed by its buckets (not cumulative).</summary>
    public int FirstValue { get; private set; }

    /// <summary>
    /// The index of the slot's first exemplar among the entity's exemplars. A classic histogram has one per bucket, which a native
    /// histogram beside it shares; a native histogram on its own has <see cref="OwnExemplars"/>.
    /// </summary>
    public int FirstExemplar { get; private set; }

    public int ExemplarCount { get; private set; }

    /// <summary>Whether it is a native histogram without a classic one beside it, so that it keeps its own exemplars.</summary>
    public bool KeepsOwnExemplars { get; private set; }

    /// <summary>The index of the slot among the entity's native histograms.</summary>
    public int NativePosition { get; private set; }

    public int ValueCount => Native is not null ? 0 : Type == MetricType.Histogram ? 1 + Buckets.Length : 1;

    /// <summary>The number of series of the slot: <c>_count</c>, <c>_sum</c> and the buckets of a classic histogram, otherwise 1.</summary>
    public int SeriesCount => Native is null && Type == MetricType.Histogram ? 2 + Buckets.Length : 1;

    public static MetricSlot Counter(string name) => new(MetricType.Counter, MetricName.Of(name, MetricType.Counter), null, null, [], []);

    public static MetricSlot Gauge(string name) => new(MetricType.Gauge, MetricName.Of(name, MetricType.Gauge), null, null, [], []);

    public static MetricSlot Histogram(string name, IEnumerable<double> bounds)
    {
        var buckets = HistogramBuckets.Of(bounds);
        return new(
            MetricType.Histogram,
            MetricName.Of(name, MetricType.Histogram, "_count"),
            MetricName.Of(name, MetricType.Histogram, "_sum"),
            MetricName.Of(name, MetricType.Histogram, "_bucket"),
            buckets.All,
            buckets.Bounds);
    }

    public static MetricSlot NativeHistogram(string name, NativeHistogramSettings settings) =>
        new(MetricType.Histogram, MetricName.Of(name, MetricType.Histogram), null, null, [], [], settings);

    /// <summary>Assigns the slots their places in an entity.</summary>
    /// <returns>The number of values, exemplars and native histograms of such an entity.</returns>
    public static (int Values, int Exemplars, int Natives) LayOut(ReadOnlySpan<MetricSlot> slots)
    {
        int values = 0, exemplars = 0, natives = 0;
        MetricSlot? former = null;
        foreach (var slot in slots)
        {
            slot.FirstValue = values;
            values += slot.ValueCount;
            if (slot.Native is not null && former is { Buckets.Length: > 0 } classic && classic.Name.Family == slot.Name.Family)
            {
                (slot.FirstExemplar, slot.ExemplarCount) = (classic.FirstExemplar, classic.ExemplarCount);
            }
            else
            {
                slot.KeepsOwnExemplars = slot.Native is not null;
                (slot.FirstExemplar, slot.ExemplarCount) = (exemplars, slot.KeepsOwnExemplars ? OwnExemplars : slot.Buckets.Length);
                exemplars += slot.ExemplarCount;
            }

            if (slot.Native is not null)
                slot.NativePosition = natives++;
            former = slot;
        }

        return (values, exemplars, natives);
    }

    /// <summary>Whether both slots are the same series, so that the values of one can continue in the other.</summary>
    public bool IsSameAs(MetricSlot other) =>
        Type == other.Type && Name.Name == other.Name.Name && Bounds.AsSpan().SequenceEqual(other.Bounds) && Native?.Schema == other.Native?.Schema;
}
