using OrleansTempo.Core.Generator.Samples;

namespace OrleansTempo.Core.Generator.NativeHistograms;

/// <summary>
/// One sample of a native histogram with integer counts, as remote write carries it: only what is not negative is observed here, so
/// there are no negative buckets. Bucket i of schema s ends at 2^(i / 2^s), inclusively.
/// </summary>
public readonly ref struct NativeHistogramPoint
{
    public required ulong Count { get; init; }

    /// <summary>Of a stale series the staleness marker, bit pattern <see cref="SeriesPoint.StaleMarkerBits"/>.</summary>
    public required double Sum { get; init; }

    /// <summary>-4 to 8.</summary>
    public required int Schema { get; init; }

    /// <summary>What is observed up to this counts as zero.</summary>
    public required double ZeroThreshold { get; init; }

    public required ulong ZeroCount { get; init; }

    public ReadOnlySpan<HistogramSpan> PositiveSpans { get; init; }

    /// <summary>Each bucket's count less that of the bucket before it, runs following one another.</summary>
    public ReadOnlySpan<long> PositiveDeltas { get; init; }

    /// <summary>Since the last collection, ascending in time; none in most.</summary>
    public ReadOnlySpan<HistogramExemplar> Exemplars { get; init; }
}

/// <summary>A run of buckets of a native histogram that follow one another, as remote write carries it.</summary>
/// <param name="Offset">Of the first run the index of its first bucket; of any other the buckets left out since the run before.</param>
/// <param name="Length">How many buckets it has.</param>
public readonly record struct HistogramSpan(int Offset, int Length);
