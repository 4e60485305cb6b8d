using OrleansTempo.Core.Configuration.Generator;

namespace OrleansTempo.Core.Generator;

/// <summary>How a metric's native histograms count.</summary>
/// <param name="Schema">How fine they are before they have too many buckets; see <see cref="NativeBuckets"/>.</param>
/// <param name="MaxBuckets">With more than this they become coarser.</param>
/// <param name="MinResetMs">How long they count at least before they are reset, in milliseconds.</param>
internal sealed record NativeHistogramSettings(int Schema, int MaxBuckets, long MinResetMs)
{
    public static NativeHistogramSettings Of(NativeHistogramOptions options) =>
        new(NativeBuckets.SchemaFor(options.BucketFactor), options.MaxBucketNumber, (long)options.MinResetDuration.TotalMilliseconds);
}
