using System.Runtime.CompilerServices;
using OrleansTempo.Core.Generator.Samples;

namespace OrleansTempo.Core.Generator.Registry;

/// <summary>The buckets of a classic histogram. Tenants configured with the same list share them, and they live as long as the list.</summary>
internal sealed class HistogramBuckets
{
    private static readonly ConditionalWeakTable<IEnumerable<double>, HistogramBuckets> s_byConfiguration = [];

    private HistogramBuckets(IEnumerable<double> bounds)
    {
        Bounds = [.. bounds.Where(static b => !double.IsPositiveInfinity(b)).Order().Distinct()];
        All = [.. Bounds.Append(double.PositiveInfinity).Select(static b => new BucketBound(b))];
    }

    /// <summary>The bounds, ascending, without <c>+Inf</c>.</summary>
    public double[] Bounds { get; }

    /// <summary>The buckets, <c>+Inf</c> last.</summary>
    public BucketBound[] All { get; }

    /// <param name="bounds">In any order, with or without <c>+Inf</c>; the list must not change afterwards.</param>
    public static HistogramBuckets Of(IEnumerable<double> bounds) => s_byConfiguration.GetValue(bounds, static b => new HistogramBuckets(b));
}
