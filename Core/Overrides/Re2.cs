using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace OrleansTempo.Core.Overrides;

/// <summary>
/// Regular expressions as configuration files made for Tempo and Prometheus mean them: RE2 syntax, linear time. The few
/// places where .NET would read the same pattern differently are rewritten; what neither can do in linear time
/// (look-around, back references) is refused by both.
/// </summary>
public static class Re2
{
    private const string Digits = "0-9";
    private const string Word = "0-9A-Za-z_";
    private const string Space = @"\t\n\f\r ";

    private static readonly Dictionary<string, string> PosixClasses = new()
    {
        ["alnum"] = "0-9A-Za-z",
        ["alpha"] = "A-Za-z",
        ["ascii"] = @"\x00-\x7F",
        ["blank"] = @"\t ",
        ["cntrl"] = @"\x00-\x1F\x7F",
        ["digit"] = Digits,
        ["graph"] = "!-~",
        ["lower"] = "a-z",
        ["print"] = " -~",
        ["punct"] = @"!-/:-@\[-`{-~",
        ["space"] = @"\t\n\v\f\r ",
        ["upper"] = "A-Z",
        ["word"] = Word,
        ["xdigit"] = "0-9A-Fa-f",
    };

    /// <summary>A pattern that may match anywhere, as in a filter policy; on failure <paramref name="error"/> says what is wrong with it.</summary>
    public static bool TryCompile(string pattern, [NotNullWhen(true)] out Regex? regex, out string error) =>
        TryCompile(pattern, "", "", out regex, out error);

    /// <summary>A pattern that must match from end to end, line breaks included, as in relabelling.</summary>
    public static bool TryCompileAnchored(string pattern, [NotNullWhen(true)] out Regex? regex, out string error) =>
        TryCompile(pattern, @"\A(?s:", @")\z", out regex, out error);

    private static bool TryCompile(string pattern, string before, string after, [NotNullWhen(true)] out Regex? regex, out string error)
    {
        try
        {
            regex = new Regex(before + Translate(pattern) + after, RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
            error = "";
            return true;
        }
        catch (ArgumentException e)
        {
            regex = null;
            error = e.Message;
        }
        catch (NotSupportedException)
        {
            regex = null;
            error = "look-around, back references and atomic groups are not RE2 syntax";
        }

        return false;
    }

    // Named groups, POSIX classes, \z, \Q..\E and `$` are spelt differently; \d, \s and \w are ASCII in RE2.
    private static string Translate(string pattern)
    {
        var result = new StringBuilder(pattern.Length + 16);
        var multiline = false;
        var i = 0;
        while (i < pattern.Length)
        {
            var c = pattern[i];
            if (c == '\\' && i + 1 < pattern.Length)
            {
                i = Escape(pattern, i, result, inClass: false);
            }
            else if (c == '[')
            {
                i = Class(pattern, i, result);
            }
            else if (c == '(' && Follows(pattern, i, "(?P<"))
            {
                result.Append("(?<");
                i += 4;
            }
            else if (c == '(' && Follows(pattern, i, "(?") && !Follows(pattern, i, "(?<"))
            {
                var end = pattern.AsSpan(i).IndexOfAny(':', ')');
                var flags = end < 0 ? pattern.AsSpan(i) : pattern.AsSpan(i, end);
                if (flags.Contains('U'))
                    throw new ArgumentException("the flag U (ungreedy) is not supported: write x*? instead of x*");
                multiline |= flags.IndexOf('m') is >= 0 and var m && (flags.IndexOf('-') is var minus && (minus < 0 || m < minus));
                result.Append("(?");
                i += 2;
            }
            else if (c == '$')
            {
                result.Append(multiline ? "$" : @"\z");
                i++;
            }
            else
            {
                result.Append(c);
                i++;
            }
        }

        return result.ToString();
    }

    private static int Escape(string pattern, int i, StringBuilder result, bool inClass)
    {
        var c = pattern[i + 1];
        var set = c switch { 'd' => Digits, 'w' => Word, 's' => Space, _ => null };
        if (set is not null)
        {
            result.Append(inClass ? set : $"[{set}]");
            return i + 2;
        }

        var notSet = c switch { 'D' => Digits, 'W' => Word, 'S' => Space, _ => null };
        if (notSet is not null)
        {
            if (inClass)
                throw new ArgumentException($@"\{c} inside [...] is not supported: list the characters instead");
            result.Append($"[^{notSet}]");
            return i + 2;
        }

        if (c == 'Q' && !inClass)
        {
            var end = pattern.IndexOf(@"\E", i + 2, StringComparison.Ordinal);
            var literal = end < 0 ? pattern[(i + 2)..] : pattern[(i + 2)..end];
            result.Append(Regex.Escape(literal));
            return end < 0 ? pattern.Length : end + 2;
        }

        if (Follows(pattern, i + 1, "x{") && pattern.IndexOf('}', i) is > 0 and var close)
        {
            if (!ushort.TryParse(pattern.AsSpan(i + 3, close - i - 3), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var code))
                throw new ArgumentException($"{pattern[i..(close + 1)]} is not a character between \\x{{0}} and \\x{{FFFF}}");
            result.Append($@"\u{code:X4}");
            return close + 1;
        }

        if (c is 'p' or 'P' && i + 2 < pattern.Length && pattern[i + 2] != '{')
        {
            result.Append($@"\{c}{{{pattern[i + 2]}}}");
            return i + 3;
        }

        result.Append('\\').Append(c);
        return i + 2;
    }

    private static int Class(string pattern, int i, StringBuilder result)
    {
        result.Append('[');
        i++;
        if (i < pattern.Length && pattern[i] == '^')
        {
            result.Append('^');
            i++;
        }

        // A bracket that comes first is a literal.
        if (i < pattern.Length && pattern[i] == ']')
        {
            result.Append(@"\]");
            i++;
        }

        while (i < pattern.Length && pattern[i] != ']')
        {
            if (Follows(pattern, i, "[:") && pattern.IndexOf(":]", i, StringComparison.Ordinal) is > 0 and var end)
            {
                var name = pattern[(i + 2)..end];
                if (!PosixClasses.TryGetValue(name, out var members))
                    throw new ArgumentException($"[:{name}:] is not a known class; allowed are {string.Join(", ", PosixClasses.Keys)}");
                result.Append(members);
                i = end + 2;
            }
            else if (pattern[i] == '\\' && i + 1 < pattern.Length)
            {
                i = Escape(pattern, i, result, inClass: true);
            }
            else
            {
                // .NET would take an inner bracket for a class subtraction.
                if (pattern[i] == '[')
                    result.Append('\\');
                result.Append(pattern[i]);
                i++;
            }
        }

        if (i < pattern.Length)
        {
            result.Append(']');
            i++;
        }

        return i;
    }

    private static bool Follows(string pattern, int i, string text) => string.CompareOrdinal(pattern, i, text, 0, text.Length) == 0;
}
