using System.Globalization;

namespace OrleansTempo.Core;

/// <summary>Formats numbers as the shortest decimal that parses to the same value, never with an exponent: <c>0.002</c>, <c>16.384</c>, <c>+Inf</c>.</summary>
public static class PlainDecimal
{
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

    // "-1.5E-07" -> "-0.00000015": the digits stay, only the point moves.
    private static string ExpandExponent(string text)
    {
        var sign = text[0] == '-' ? "-" : "";
        var e = text.IndexOf('E');
        var mantissa = text[sign.Length..e];
        var exponent = int.Parse(text.AsSpan(e + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        var point = mantissa.IndexOf('.');
        var digits = mantissa.Replace(".", "");
        var position = (point < 0 ? digits.Length : point) + exponent;

        if (position <= 0)
            return sign + "0." + new string('0', -position) + digits;
        if (position >= digits.Length)
            return sign + digits + new string('0', position - digits.Length);
        return sign + digits[..position] + "." + digits[position..];
    }
}
