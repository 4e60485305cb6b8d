namespace OrleansTempo.Core.Generator;

/// <summary>One metric of an entity: where its values lie among the entity's, and what its series are called.</summary>
internal sealed class MetricSlot
{
    private MetricSlot(MetricType type, MetricName value, MetricName? sum, MetricName? bucket, BucketBound[] buckets, double[] bounds)
    {
        Type = type;
        Name = value;
        SumName = sum;
        BucketName = bucket;
        Buckets = buckets;
        Bounds = bounds;
    }

    public MetricType Type { get; }

    /// <summary>The series of a counter or gauge; a histogram's <c>_count</c>.</summary>
    public MetricName Name { get; }

    public MetricName? SumName { get; }

    public MetricName? BucketName { get; }

    /// <summary>A histogram's buckets, <c>+Inf</c> last; empty otherwise.</summary>
    public BucketBound[] Buckets { get; }

    /// <summary>The bounds of <see cref="Buckets"/> without <c>+Inf</c>, ascending.</summary>
    public double[] Bounds { get; }

    /// <summary>The first of the slot's values among the entity's: a counter's or gauge's own, or a histogram's sum with its buckets (not cumulative) behind it.</summary>
    public int FirstValue { get; set; }

    /// <summary>The first of the slot's exemplars among the entity's, one per bucket.</summary>
    public int FirstExemplar { get; set; }

    public int ValueCount => Type == MetricType.Histogram ? 1 + Buckets.Length : 1;

    /// <summary>How many series the slot is: a histogram's <c>_count</c>, <c>_sum</c> and buckets, or 1.</summary>
    public int SeriesCount => Type == MetricType.Histogram ? 2 + Buckets.Length : 1;

    public static MetricSlot Counter(string name) => new(MetricType.Counter, new MetricName(name, MetricType.Counter), null, null, [], []);

    public static MetricSlot Gauge(string name) => new(MetricType.Gauge, new MetricName(name, MetricType.Gauge), null, null, [], []);

    public static MetricSlot Histogram(string name, IEnumerable<double> bounds)
    {
        var ascending = bounds.Where(b => !double.IsPositiveInfinity(b)).Order().Distinct().ToArray();
        return new(
            MetricType.Histogram,
            new MetricName(name, MetricType.Histogram, "_count"),
            new MetricName(name, MetricType.Histogram, "_sum"),
            new MetricName(name, MetricType.Histogram, "_bucket"),
            [.. ascending.Append(double.PositiveInfinity).Select(b => new BucketBound(b))],
            ascending);
    }

    /// <summary>Whether values counted for the other slot go on in this one: the same series.</summary>
    public bool IsSameAs(MetricSlot other) =>
        Type == other.Type && Name.Name == other.Name.Name && Bounds.AsSpan().SequenceEqual(other.Bounds);
}
