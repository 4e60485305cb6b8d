using System.Globalization;
using System.Text;

namespace OrleansTempo.Core.Generator;

/// <summary>The upper bound of a histogram bucket and its label <c>le</c>, printed as the shortest decimal (<c>0.002</c>, <c>+Inf</c>).</summary>
public sealed class BucketBound
{
    public BucketBound(double value)
    {
        Value = value;
        Text = Format(value);
        WireLabel = LabelSet.EncodeLabel("le"u8, Encoding.UTF8.GetBytes(Text));
    }

    public double Value { get; }

    public string Text { get; }

    /// <summary>The label as a field of a remote write <c>TimeSeries</c>, tag and length included.</summary>
    public byte[] WireLabel { get; }

    /// <summary>The shortest decimal that reads back as <paramref name="value"/>, never in exponent form.</summary>
    public static string Format(double value)
    {
        if (double.IsPositiveInfinity(value))
            return "+Inf";
        if (double.IsNegativeInfinity(value))
            return "-Inf";
        if (double.IsNaN(value))
            return "NaN";

        var text = value.ToString("R", CultureInfo.InvariantCulture);
        return text.Contains('E') ? ExpandExponent(text) : text;
    }

    // "-1.5E-07" -> "-0.00000015": the digits are right already, only the point moves.
    private static string ExpandExponent(string text)
    {
        var negative = text[0] == '-';
        var e = text.IndexOf('E');
        var mantissa = text.AsSpan(negative ? 1 : 0, e - (negative ? 1 : 0));
        var exponent = int.Parse(text.AsSpan(e + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        var point = mantissa.IndexOf('.');
        var digits = mantissa.ToString().Replace(".", "");
        var position = (point < 0 ? digits.Length : point) + exponent;

        var plain = position <= 0
            ? "0." + new string('0', -position) + digits
            : position >= digits.Length
                ? digits + new string('0', position - digits.Length)
                : digits[..position] + "." + digits[position..];
        return negative ? "-" + plain : plain;
    }
}
