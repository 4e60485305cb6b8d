using OrleansTempo.Core.Generator.NativeHistograms;
using OrleansTempo.Core.Generator.Samples;

namespace OrleansTempo.Core.Generator.Registry;

/// <summary>One metric of an entity: where its values lie among the entity's, and what its series are called.</summary>
internal sealed class MetricSlot
{
    /// <summary>How many exemplars a native histogram keeps between two collections where there are no classic buckets to keep one each.</summary>
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

    /// <summary>The series of a counter, a gauge or a native histogram; a classic histogram's <c>_count</c>.</summary>
    public MetricName Name { get; }

    public MetricName? SumName { get; }

    public MetricName? BucketName { get; }

    /// <summary>A classic histogram's buckets, <c>+Inf</c> last; empty otherwise.</summary>
    public BucketBound[] Buckets { get; }

    /// <summary>The bounds of <see cref="Buckets"/> without <c>+Inf</c>, ascending.</summary>
    public double[] Bounds { get; }

    /// <summary>How its native histograms count; null where it is none.</summary>
    public NativeHistogramSettings? Native { get; }

    /// <summary>The first of the slot's values among the entity's: a counter's or gauge's own, or a histogram's sum with its buckets (not cumulative) behind it.</summary>
    public int FirstValue { get; private set; }

    /// <summary>
    /// The first of the slot's exemplars among the entity's: of a classic histogram one per bucket; a native one beside it has the same, and
    /// one by itself <see cref="OwnExemplars"/>.
    /// </summary>
    public int FirstExemplar { get; private set; }

    public int ExemplarCount { get; private set; }

    /// <summary>Whether it is a native histogram without a classic one beside it, which keeps exemplars itself.</summary>
    public bool KeepsOwnExemplars { get; private set; }

    /// <summary>Which of the entity's native histograms the slot is.</summary>
    public int NativePosition { get; private set; }

    public int ValueCount => Native is not null ? 0 : Type == MetricType.Histogram ? 1 + Buckets.Length : 1;

    /// <summary>How many series the slot is: a classic histogram's <c>_count</c>, <c>_sum</c> and buckets, or 1.</summary>
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

    /// <summary>Gives each of an entity's slots its places in the entity.</summary>
    /// <returns>How many values, exemplars and native histograms such an entity has.</returns>
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

    /// <summary>Whether values counted for the other slot go on in this one: the same series.</summary>
    public bool IsSameAs(MetricSlot other) =>
        Type == other.Type && Name.Name == other.Name.Name && Bounds.AsSpan().SequenceEqual(other.Bounds) && Native?.Schema == other.Native?.Schema;
}
