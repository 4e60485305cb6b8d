using OrleansTempo.Core.Generator.NativeHistograms;

namespace OrleansTempo.Core.Generator.Samples;

/// <summary>The value of one series in one collection, as passed to an <see cref="ISeriesVisitor"/>; valid during that call only.</summary>
public readonly ref struct SeriesPoint
{
    public required LabelSet Labels { get; init; }

    public required MetricName Name { get; init; }

    /// <summary>The bound of the bucket; null if the series is not a bucket.</summary>
    public BucketBound? Bucket { get; init; }

    /// <summary>The current value; buckets are cumulative. A stale series has the staleness marker, bit pattern <see cref="StaleMarkerBits"/>.</summary>
    public required double Value { get; init; }

    /// <summary>Unix time in milliseconds.</summary>
    public required long TimestampMs { get; init; }

    /// <summary>When to send an explicit 0 before <see cref="Value"/>, as Unix time in milliseconds; 0 for none. Always earlier than <see cref="TimestampMs"/>.</summary>
    public long ZeroTimestampMs { get; init; }

    /// <summary>The 16 bytes of the exemplar's trace ID; empty for no exemplar.</summary>
    public ReadOnlySpan<byte> ExemplarTraceId { get; init; }

    public double ExemplarValue { get; init; }

    /// <summary>Unix time in milliseconds.</summary>
    public long ExemplarTimestampMs { get; init; }

    /// <summary>The NaN that tells Prometheus that a series has ended.</summary>
    public const long StaleMarkerBits = 0x7FF0000000000002;

    /// <summary>Whether the series is a native histogram. <see cref="Native"/> is then its sample, <see cref="Value"/> its sum, and an explicit 0 is a sample without observations.</summary>
    public bool IsNative { get; init; }

    public NativeHistogramPoint Native { get; init; }

    public bool IsStale => BitConverter.DoubleToInt64Bits(Value) == StaleMarkerBits;
}
