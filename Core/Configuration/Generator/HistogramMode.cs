namespace OrleansTempo.Core.Configuration.Generator;

/// <summary>Which form a histogram has: classic buckets, one series each, a native histogram in one series, or both beside each other.</summary>
public enum HistogramMode
{
    Classic,
    Native,
    Both,
}
