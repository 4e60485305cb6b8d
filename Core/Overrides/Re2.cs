using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace OrleansTempo.Core.Overrides;

/// <summary>
/// A regular expression in RE2 syntax, as configuration files made for Tempo and Prometheus mean it, on .NET's
/// non-backtracking engine: like RE2 it takes time linear in the text and has no look-around or back references. Where the
/// two read the same characters differently (ASCII-only <c>\d \w \s</c>, named groups counted with the others, <c>$</c> at
/// the very end only, POSIX classes, <c>\Q…\E</c>) the pattern is translated first.
/// </summary>
public sealed class Re2
{
    private const string NotDigit = @"\u0000-/:-\uFFFF";
    private const string NotWord = @"\u0000-/:-@\[-\^`{-\uFFFF";
    private const string NotSpace = @"\u0000-\u0008\u000B\u000E-\u001F!-\uFFFF";

    private static readonly Dictionary<string, string> s_posixClasses = new()
    {
        ["alnum"] = "0-9A-Za-z",
        ["alpha"] = "A-Za-z",
        ["ascii"] = @"\u0000-\u007F",
        ["blank"] = @"\t ",
        ["cntrl"] = @"\u0000-\u001F\u007F",
        ["digit"] = "0-9",
        ["graph"] = "!-~",
        ["lower"] = "a-z",
        ["print"] = " -~",
        ["punct"] = @"!-/:-@\[-`{-~",
        ["space"] = @"\t\n\v\f\r ",
        ["upper"] = "A-Z",
        ["word"] = "0-9A-Za-z_",
        ["xdigit"] = "0-9A-Fa-f",
    };

    private readonly Regex _regex;
    private readonly Dictionary<string, int> _groups;
    private readonly int _groupCount;

    private Re2(Regex regex, Dictionary<string, int> groups, int groupCount)
    {
        _regex = regex;
        _groups = groups;
        _groupCount = groupCount;
    }

    /// <summary>A pattern that may match anywhere, as in a filter policy; on failure <paramref name="error"/> says what is wrong with it.</summary>
    public static bool TryCompile(string pattern, [NotNullWhen(true)] out Re2? regex, out string error) =>
        TryCompile(pattern, "", "", out regex, out error);

    /// <summary>A pattern that must match from end to end, line breaks included, as in relabelling.</summary>
    public static bool TryCompileAnchored(string pattern, [NotNullWhen(true)] out Re2? regex, out string error) =>
        TryCompile(pattern, @"\A(?s:", @")\z", out regex, out error);

    public bool IsMatch(string text) => _regex.IsMatch(text);

    public Match Match(string text) => _regex.Match(text);

    /// <summary>The number of the group of that name or number; null where there is none.</summary>
    public int? GroupNumber(string name)
    {
        if (_groups.TryGetValue(name, out var named))
            return named;

        // As Go reads it: "01" is no number.
        var isNumber = name.All(char.IsAsciiDigit) && name.Length <= 8 && (name.Length == 1 || name[0] != '0');
        return isNumber && int.Parse(name, CultureInfo.InvariantCulture) is var number && number <= _groupCount ? number : null;
    }

    private static bool TryCompile(string pattern, string before, string after, [NotNullWhen(true)] out Re2? regex, out string error)
    {
        try
        {
            var translation = new Translation(pattern);
            var compiled = new Regex(before + translation.Run() + after, RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
            regex = new Re2(compiled, translation.Groups, translation.GroupCount);
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

    private sealed class Translation(string pattern)
    {
        private readonly StringBuilder _output = new();
        private bool _multiline;
        private int _at;

        public Dictionary<string, int> Groups { get; } = [];

        public int GroupCount { get; private set; }

        public string Run()
        {
            while (_at < pattern.Length)
            {
                var c = pattern[_at];
                switch (c)
                {
                    case '\\':
                        Escape(inClass: false);
                        break;
                    case '[':
                        Class();
                        break;
                    case '(':
                        Open();
                        break;
                    case '$':
                        _output.Append(_multiline ? "$" : @"\z");
                        _at++;
                        break;
                    default:
                        _output.Append(c);
                        _at++;
                        break;
                }
            }

            return _output.ToString();
        }

        private void Escape(bool inClass)
        {
            if (_at + 1 >= pattern.Length)
                throw new ArgumentException("trailing backslash at end of expression");

            var c = pattern[_at + 1];
            _at += 2;
            switch (c)
            {
                case 'd': AppendClass("0-9", inClass); break;
                case 'w': AppendClass("0-9A-Za-z_", inClass); break;
                case 's': AppendClass(@"\t\n\f\r ", inClass); break;
                case 'D': AppendClass(NotDigit, inClass); break;
                case 'W': AppendClass(NotWord, inClass); break;
                case 'S': AppendClass(NotSpace, inClass); break;
                case 'p' or 'P': UnicodeClass(c); break;
                case 'x': HexEscape(); break;
                case 'Q' when !inClass:
                    var end = pattern.IndexOf(@"\E", _at, StringComparison.Ordinal);
                    _output.Append(Regex.Escape(end < 0 ? pattern[_at..] : pattern[_at..end]));
                    _at = end < 0 ? pattern.Length : end + 2;
                    break;
                case 'A' or 'z' or 'b' or 'B' when !inClass:
                case 'a' or 'f' or 't' or 'n' or 'r' or 'v':
                    _output.Append('\\').Append(c);
                    break;
                default:
                    if (char.IsAsciiLetterOrDigit(c) || c > 0x7F)
                        throw new ArgumentException($@"invalid escape sequence '\{c}'");
                    _output.Append('\\').Append(c);
                    break;
            }
        }

        private void AppendClass(string members, bool inClass) => _output.Append(inClass ? members : $"[{members}]");

        // \pL, \p{Lu}, \p{^Lu}; .NET knows the categories, not the scripts.
        private void UnicodeClass(char letter)
        {
            string name;
            if (_at < pattern.Length && pattern[_at] == '{')
            {
                var end = pattern.IndexOf('}', _at);
                if (end < 0)
                    throw new ArgumentException(@"\p{ without }");
                name = pattern[(_at + 1)..end];
                _at = end + 1;
            }
            else
            {
                name = _at < pattern.Length ? pattern[_at++].ToString() : "";
            }

            if (name.StartsWith('^'))
            {
                name = name[1..];
                letter = letter == 'p' ? 'P' : 'p';
            }

            _output.Append('\\').Append(letter).Append('{').Append(name).Append('}');
        }

        private void HexEscape()
        {
            string digits;
            if (_at < pattern.Length && pattern[_at] == '{')
            {
                var end = pattern.IndexOf('}', _at);
                digits = end < 0 ? "" : pattern[(_at + 1)..end];
                _at = end + 1;
            }
            else
            {
                digits = pattern.Substring(_at, Math.Min(2, pattern.Length - _at));
                _at += digits.Length;
            }

            if (!int.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var point) || point > char.MaxValue)
                throw new ArgumentException($@"'\x' needs a code point of at most FFFF, not '{digits}'");
            _output.Append(CultureInfo.InvariantCulture, $@"\u{point:X4}");
        }

        private void Class()
        {
            _output.Append('[');
            _at++;
            if (_at < pattern.Length && pattern[_at] == '^')
            {
                _output.Append('^');
                _at++;
            }

            for (var first = true; _at < pattern.Length; first = false)
            {
                var c = pattern[_at];
                if (c == ']' && !first)
                {
                    _output.Append(']');
                    _at++;
                    return;
                }

                if (c == '\\')
                {
                    Escape(inClass: true);
                }
                else if (c == '[' && _at + 1 < pattern.Length && pattern[_at + 1] == ':'
                    && pattern.IndexOf(":]", _at, StringComparison.Ordinal) is > 0 and var end)
                {
                    var name = pattern[(_at + 2)..end];
                    if (!s_posixClasses.TryGetValue(name, out var members))
                        throw new ArgumentException($"[:{name}:] is not a character class that is supported");
                    _output.Append(members);
                    _at = end + 2;
                }
                else
                {
                    // .NET gives a bracket inside a class a meaning of its own.
                    if (c is '[' or ']')
                        _output.Append('\\');
                    _output.Append(c);
                    _at++;
                }
            }

            throw new ArgumentException("[ without ]");
        }

        private void Open()
        {
            _at++;
            _output.Append('(');
            if (_at >= pattern.Length || pattern[_at] != '?')
            {
                GroupCount++;
                return;
            }

            var nameStart = pattern.AsSpan(_at).StartsWith("?P<") ? _at + 3 : pattern.AsSpan(_at).StartsWith("?<") ? _at + 2 : -1;
            if (nameStart >= 0)
            {
                var end = pattern.IndexOf('>', nameStart);
                var name = end < 0 ? "" : pattern[nameStart..end];
                if (name.Length == 0 || !name.All(static c => char.IsLetterOrDigit(c) || c == '_'))
                    throw new ArgumentException("a group's name consists of letters, digits and _, and ends with >");
                if (!Groups.TryAdd(name, ++GroupCount))
                    throw new ArgumentException($"two groups are called '{name}'");
                _at = end + 1;
                return;
            }

            // (?i:...), (?i), (?i-s), (?:...)
            _output.Append('?');
            var sets = true;
            for (_at++; _at < pattern.Length; _at++)
            {
                var c = pattern[_at];
                _output.Append(c);
                sets &= c != '-';
                if (c is ':' or ')')
                {
                    _at++;
                    return;
                }

                if (c == 'm' && sets)
                    _multiline = true;
                if (c is not ('i' or 'm' or 's' or '-'))
                    throw new ArgumentException($"'(?{c}' is not supported; flags are i, m, s");
            }
        }
    }
}
