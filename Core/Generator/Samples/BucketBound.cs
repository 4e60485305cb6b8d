using System.Text;

namespace OrleansTempo.Core.Generator.Samples;

/// <summary>The upper bound of a histogram bucket and its label <c>le</c>, printed as the shortest decimal (<c>0.002</c>, <c>+Inf</c>).</summary>
public sealed class BucketBound
{
    public BucketBound(double value)
    {
        Value = value;
        Text = PlainDecimal.Format(value);
        WireLabel = LabelSet.EncodeLabel("le"u8, Encoding.UTF8.GetBytes(Text));
    }

    public double Value { get; }

    public string Text { get; }

    /// <summary>The label as a field of a remote write <c>TimeSeries</c>, tag and length included.</summary>
    public byte[] WireLabel { get; }
}
