using OrleansTempo.Core.Generator.Samples;

namespace OrleansTempo.Core.Generator.NativeHistograms;

/// <summary>
/// One sample of a native histogram with integer counts, as remote write carries it. There are no negative buckets, because only
/// non-negative values are observed here. Bucket i of schema s ends at 2^(i / 2^s), inclusive.
/// </summary>
public readonly ref struct NativeHistogramPoint
{
    public required ulong Count { get; init; }

    /// <summary>The sum of the observations; for a stale series the staleness marker, bit pattern <see cref="SeriesPoint.StaleMarkerBits"/>.</summary>
    public required double Sum { get; init; }

    /// <summary>The resolution, from -4 to 8.</summary>
    public required int Schema { get; init; }

    /// <summary>Values up to this one count as zero.</summary>
    public required double ZeroThreshold { get; init; }

    public required ulong ZeroCount { get; init; }

    public ReadOnlySpan<HistogramSpan> PositiveSpans { get; init; }

    /// <summary>The count of each bucket minus the count of the bucket before it, across all runs in order.</summary>
    public ReadOnlySpan<long> PositiveDeltas { get; init; }

    /// <summary>Exemplars since the last collection, ascending in time; most samples have none.</summary>
    public ReadOnlySpan<HistogramExemplar> Exemplars { get; init; }
}

/// <summary>A run of consecutive buckets of a native histogram, as remote write carries it.</summary>
/// <param name="Offset">For the first run the index of its first bucket; for any other the number of buckets skipped since the previous run.</param>
/// <param name="Length">The number of buckets.</param>
public readonly record struct HistogramSpan(int Offset, int Length);
