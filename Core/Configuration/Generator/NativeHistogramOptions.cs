namespace OrleansTempo.Core.Configuration.Generator;

/// <summary>Which form a tenant's histograms have, and how fine its native ones are.</summary>
public sealed record NativeHistogramOptions
{
    public const double DefaultBucketFactor = 1.1;
    public const int DefaultMaxBucketNumber = 100;

    public static readonly TimeSpan DefaultMinResetDuration = TimeSpan.FromMinutes(15);

    public HistogramMode Mode { get; init; } = HistogramMode.Classic;

    /// <summary>A bucket's upper bound is at most so many times its lower; more than 1.</summary>
    public double BucketFactor { get; init; } = DefaultBucketFactor;

    /// <summary>With more buckets than this a histogram becomes coarser, until it is reset.</summary>
    public int MaxBucketNumber { get; init; } = DefaultMaxBucketNumber;

    /// <summary>How long a histogram counts at least before it is reset for having had too many buckets.</summary>
    public TimeSpan MinResetDuration { get; init; } = DefaultMinResetDuration;

    public bool HasClassic => Mode != HistogramMode.Native;

    public bool HasNative => Mode != HistogramMode.Classic;
}

/// <summary>Which form a histogram has: classic buckets, one series each, a native histogram in one series, or both beside each other.</summary>
public enum HistogramMode
{
    [Words("classic", "")]
    Classic,
    Native,
    Both,
}
