using System.Collections.Concurrent;
using System.Text;

namespace OrleansTempo.Core.Generator.Samples;

/// <summary>
/// The metric name of a series (<c>traces_spanmetrics_latency_bucket</c>) and the family it belongs to
/// (<c>traces_spanmetrics_latency</c>, a histogram). Created when a processor starts.
/// </summary>
public sealed class MetricName
{
    // We have about twenty names of our own; the names that tenants configure must not pile up here.
    private const int MaxShared = 64;

    private static readonly ConcurrentDictionary<(string Family, MetricType Type, string Suffix), MetricName> s_shared = new();

    public MetricName(string family, MetricType type, string suffix = "")
    {
        Family = family;
        Type = type;
        Name = family + suffix;
        Utf8 = Encoding.UTF8.GetBytes(Name);
        WireLabel = LabelSet.EncodeLabel("__name__"u8, Utf8);
    }

    /// <summary>Returns a name that tenants share, unless there are too many to share.</summary>
    public static MetricName Of(string family, MetricType type, string suffix = "")
    {
        if (s_shared.TryGetValue((family, type, suffix), out var shared))
            return shared;
        var name = new MetricName(family, type, suffix);
        if (s_shared.Count < MaxShared)
            s_shared.TryAdd((family, type, suffix), name);
        return name;
    }

    public string Family { get; }

    public MetricType Type { get; }

    public string Name { get; }

    public byte[] Utf8 { get; }

    /// <summary>The label <c>__name__</c> as a field of a remote write <c>TimeSeries</c>, tag and length included.</summary>
    public byte[] WireLabel { get; }
}
