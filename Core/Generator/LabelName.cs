using System.Text;

namespace OrleansTempo.Core.Generator;

/// <summary>Attribute names as Prometheus label names.</summary>
internal static class LabelName
{
    /// <summary>The names of <c>intrinsic_dimensions</c>; an attribute that sanitises to one of them gets <c>__</c> in front.</summary>
    public static readonly IReadOnlySet<string> Intrinsic =
        new HashSet<string>(StringComparer.Ordinal) { "service", "span_name", "span_kind", "status_code", "status_message" };

    public static readonly IReadOnlySet<string> IntrinsicJobAndInstance =
        new HashSet<string>(Intrinsic, StringComparer.Ordinal) { "job", "instance" };

    /// <summary>Every character outside <c>[a-zA-Z0-9_]</c> replaced by <c>_</c>.</summary>
    public static string Sanitize(string name)
    {
        var text = new StringBuilder(name.Length);
        foreach (var rune in name.EnumerateRunes())
            text.Append(rune.IsAscii && (char.IsAsciiLetterOrDigit((char)rune.Value) || rune.Value == '_') ? (char)rune.Value : '_');
        return text.ToString();
    }

    /// <summary>Sanitised, with <c>__</c> in front where it would equal one of <paramref name="reserved"/>.</summary>
    public static string Sanitize(string name, IReadOnlySet<string> reserved)
    {
        var sanitized = Sanitize(name);
        return reserved.Contains(sanitized) ? "__" + sanitized : sanitized;
    }
}
