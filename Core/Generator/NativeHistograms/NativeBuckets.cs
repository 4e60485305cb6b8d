using System.Diagnostics;

namespace OrleansTempo.Core.Generator.NativeHistograms;

/// <summary>
/// Finds the bucket of a value in a native histogram, as Prometheus defines it: bucket i of schema s ends at 2^(i / 2^s),
/// inclusive, and starts where bucket i - 1 ends. Schema 0 doubles from bucket to bucket, each higher schema halves the step of
/// the one below, and two buckets of a schema form one bucket of the next coarser schema.
/// </summary>
internal static class NativeBuckets
{
    public const int MinSchema = -4;
    public const int MaxSchema = 8;

    /// <summary>2^-128; a value that is not above it counts as zero.</summary>
    public const double ZeroThreshold = 2.938735877055719e-39;

    private const int MantissaBits = 52;
    private const int ExponentBias = 1023;
    private const long MantissaMask = (1L << MantissaBits) - 1;

    // For each schema from 1 on, the bounds from 1 to below 2, as mantissa bits, which sort as the numbers do.
    private static readonly long[][] s_bounds = [[], .. Enumerable.Range(1, MaxSchema).Select(Bounds)];

    /// <summary>The coarsest schema whose buckets grow by at most this factor, which must be greater than 1; the finest schema if none is fine enough.</summary>
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

        // Counts the bounds below the value.
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

    /// <summary>The bucket of the next coarser schema that contains this bucket.</summary>
    public static int Coarser(int index) => (index + 1) >> 1;

    /// <summary>The power of two that a non-negative value falls into, counted from 0; spreads values of any size over few places.</summary>
    public static int DoublingOf(double value) => (int)(BitConverter.DoubleToUInt64Bits(value) >> MantissaBits);

    private static long[] Bounds(int schema) =>
        [.. Enumerable.Range(0, 1 << schema).Select(i => BitConverter.DoubleToInt64Bits(Math.Pow(2, i / (double)(1 << schema))) & MantissaMask)];
}
