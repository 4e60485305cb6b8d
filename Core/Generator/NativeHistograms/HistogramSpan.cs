namespace OrleansTempo.Core.Generator.NativeHistograms;

/// <summary>A run of buckets of a native histogram that follow one another, as remote write carries it.</summary>
/// <param name="Offset">Of the first run the index of its first bucket; of any other the buckets left out since the run before.</param>
/// <param name="Length">How many buckets it has.</param>
public readonly record struct HistogramSpan(int Offset, int Length);
