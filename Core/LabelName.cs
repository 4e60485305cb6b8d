using System.Text;

namespace OrleansTempo.Core;

/// <summary>Converts attribute names to Prometheus label names.</summary>
public static class LabelName
{
    /// <summary>The names of <c>intrinsic_dimensions</c>; an attribute that sanitises to one of them gets the prefix <c>__</c>.</summary>
    public static readonly IReadOnlySet<string> Intrinsic =
        new HashSet<string>(StringComparer.Ordinal) { "service", "span_name", "span_kind", "status_code", "status_message" };

    public static readonly IReadOnlySet<string> IntrinsicJobAndInstance =
        new HashSet<string>(Intrinsic, StringComparer.Ordinal) { "job", "instance" };

    /// <summary>Whether every Prometheus accepts this label name: <c>[a-zA-Z_][a-zA-Z0-9_]*</c>.</summary>
    public static bool IsValid(string name)
    {
        foreach (var c in name)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c != '_')
                return false;
        }

        return name.Length > 0 && !char.IsAsciiDigit(name[0]);
    }

    /// <summary>Whether the series itself uses this name: a second label with it would make a remote end refuse the whole request.</summary>
    public static bool IsReserved(string name) => name is "__name__" or "le";

    /// <summary>As <see cref="IsValid(string)"/>, for UTF-8.</summary>
    public static bool IsValid(ReadOnlySpan<byte> name)
    {
        foreach (var b in name)
        {
            if (!char.IsAsciiLetterOrDigit((char)b) && b != '_')
                return false;
        }

        return name.Length > 0 && !char.IsAsciiDigit((char)name[0]);
    }

    /// <summary>
    /// Makes a valid label name: replaces every character outside <c>[a-zA-Z0-9_]</c> with <c>_</c>, and adds the prefix <c>_</c> to a name
    /// that starts with a digit or is empty.
    /// </summary>
    public static string Sanitize(string name)
    {
        var text = new StringBuilder(name.Length);
        if (name.Length == 0 || char.IsAsciiDigit(name[0]))
            text.Append('_');
        foreach (var rune in name.EnumerateRunes())
            text.Append(rune.IsAscii && (char.IsAsciiLetterOrDigit((char)rune.Value) || rune.Value == '_') ? (char)rune.Value : '_');
        return text.ToString();
    }

    /// <summary>As <see cref="Sanitize(string)"/>, with the prefix <c>__</c> if the result equals one of <paramref name="reserved"/>.</summary>
    public static string Sanitize(string name, IReadOnlySet<string> reserved)
    {
        var sanitized = Sanitize(name);
        return reserved.Contains(sanitized) ? "__" + sanitized : sanitized;
    }
}
