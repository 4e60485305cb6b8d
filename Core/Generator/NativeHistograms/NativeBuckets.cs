using System.Diagnostics;

namespace OrleansTempo.Core.Generator.NativeHistograms;

/// <summary>
/// Where a value falls among the buckets of a native histogram, which Prometheus defines: bucket i of schema s ends at
/// 2^(i / 2^s), inclusively, and begins where bucket i - 1 ends. So schema 0 doubles from bucket to bucket, each schema above halves
/// the step of the one below, and two buckets of one schema make one of the next coarser.
/// </summary>
internal static class NativeBuckets
{
    public const int MinSchema = -4;
    public const int MaxSchema = 8;

    /// <summary>What is not above it, 2^-128, counts as zero.</summary>
    public const double ZeroThreshold = 2.938735877055719e-39;

    private const int MantissaBits = 52;
    private const int ExponentBias = 1023;
    private const long MantissaMask = (1L << MantissaBits) - 1;

    // Per schema from 1 on, the bounds from 1 up to below 2, as the bits behind the point: they sort as the numbers do.
    private static readonly long[][] s_bounds = [[], .. Enumerable.Range(1, MaxSchema).Select(Bounds)];

    /// <summary>The coarsest schema whose buckets grow by no more than this factor, which is more than 1; as far as there is one.</summary>
    public static int SchemaFor(double bucketFactor) =>
        -(int)Math.Clamp(Math.Floor(Math.Log2(Math.Log2(bucketFactor))), -MaxSchema, -MinSchema);

    /// <summary>The bucket of a finite value above <see cref="ZeroThreshold"/>.</summary>
    public static int IndexOf(double value, int schema)
    {
        Debug.Assert(value > ZeroThreshold && double.IsFinite(value), "such a value has no bucket");
        var bits = BitConverter.DoubleToInt64Bits(value);
        var exponent = (int)(bits >> MantissaBits) - ExponentBias;
        var mantissa = bits & MantissaMask;
        if (schema <= 0)
        {
            var doubling = mantissa == 0 ? exponent : exponent + 1;
            return (doubling + (1 << -schema) - 1) >> -schema;
        }

        // How many bounds are below it.
        var bounds = s_bounds[schema];
        int low = 0, high = bounds.Length;
        while (low < high)
        {
            var middle = (low + high) >> 1;
            if (bounds[middle] < mantissa)
                low = middle + 1;
            else
                high = middle;
        }

        return (exponent << schema) + low;
    }

    /// <summary>The bucket of the next coarser schema in which a bucket is.</summary>
    public static int Coarser(int index) => (index + 1) >> 1;

    /// <summary>Which doubling a value that is not negative is in, from 0 on; for spreading values of any size over few places.</summary>
    public static int DoublingOf(double value) => (int)(BitConverter.DoubleToUInt64Bits(value) >> MantissaBits);

    private static long[] Bounds(int schema) =>
        [.. Enumerable.Range(0, 1 << schema).Select(i => BitConverter.DoubleToInt64Bits(Math.Pow(2, i / (double)(1 << schema))) & MantissaMask)];
}
