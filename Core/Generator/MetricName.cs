using System.Text;

namespace OrleansTempo.Core.Generator;

/// <summary>
/// A series' metric name (<c>traces_spanmetrics_latency_bucket</c>) and the family it belongs to
/// (<c>traces_spanmetrics_latency</c>, a histogram). One instance per name, made when a processor starts.
/// </summary>
public sealed class MetricName
{
    public MetricName(string family, MetricType type, string suffix = "")
    {
        Family = family;
        Type = type;
        Name = family + suffix;
        Utf8 = Encoding.UTF8.GetBytes(Name);
        WireLabel = LabelSet.EncodeLabel("__name__"u8, Utf8);
    }

    public string Family { get; }

    public MetricType Type { get; }

    public string Name { get; }

    public byte[] Utf8 { get; }

    /// <summary>The label <c>__name__</c> as a field of a remote write <c>TimeSeries</c>, tag and length included.</summary>
    public byte[] WireLabel { get; }
}
