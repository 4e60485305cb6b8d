using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace OrleansTempo.Core;

/// <summary>
/// A regular expression in RE2 syntax, as configuration files for Tempo and Prometheus use it, on .NET's non-backtracking engine: like RE2,
/// it takes time linear in the text, and has no look-around or back references. Where the two interpret the same characters differently
/// (ASCII-only <c>\d \w \s</c>, named groups counted with the others, <c>$</c> only at the very end, POSIX classes, <c>\Q…\E</c>,
/// <c>(?U)</c>), the pattern is translated first. Remaining differences: scripts (<c>\p{Greek}</c>) are errors, a character beyond U+FFFF is
/// two characters for <c>.</c> and negated classes, and <c>\b</c> also knows letters outside ASCII.
/// </summary>
public sealed class Re2
{
    // Go's limit, so that nobody can ask for a machine of any size.
    private const int MaxRepeats = 1000;

    // The general categories, which have the same names in .NET.
    private static readonly HashSet<string> s_categories =
    [
        "C", "Cc", "Cf", "Co", "Cs", "L", "Ll", "Lm", "Lo", "Lt", "Lu", "M", "Mc", "Me", "Mn", "N", "Nd", "Nl", "No",
        "P", "Pc", "Pd", "Pe", "Pf", "Pi", "Po", "Ps", "S", "Sc", "Sk", "Sm", "So", "Z", "Zl", "Zp", "Zs",
    ];

    // Two characters for each range, in order.
    private static readonly Dictionary<string, string> s_classes = new()
    {
        ["alnum"] = "09AZaz",
        ["alpha"] = "AZaz",
        ["ascii"] = "\u0000\u007F",
        ["blank"] = "\t\t  ",
        ["cntrl"] = "\u0000\u001F\u007F\u007F",
        ["digit"] = "09",
        ["graph"] = "!~",
        ["lower"] = "az",
        ["print"] = " ~",
        ["punct"] = "!/:@[`{~",
        ["space"] = "\t\r  ",
        ["upper"] = "AZ",
        ["word"] = "09AZ__az",
        ["xdigit"] = "09AFaf",

        // Without a vertical tab, unlike [:space:].
        ["s"] = "\t\n\f\r  ",
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

    /// <summary>Compiles a pattern that may match anywhere, as in a filter policy; on failure <paramref name="error"/> says what is wrong.</summary>
    public static bool TryCompile(string pattern, [NotNullWhen(true)] out Re2? regex, out string error) =>
        TryCompile(pattern, "", "", out regex, out error);

    /// <summary>Compiles a pattern that must match the whole text, including line breaks, as in relabelling.</summary>
    public static bool TryCompileAnchored(string pattern, [NotNullWhen(true)] out Re2? regex, out string error) =>
        TryCompile(pattern, @"\A(?s:", @")\z", out regex, out error);

    public bool IsMatch(string text) => _regex.IsMatch(text);

    public Match Match(string text) => _regex.Match(text);

    /// <summary>The number of the group with that name or number; null if there is none.</summary>
    public int? GroupNumber(string name)
    {
        if (_groups.TryGetValue(name, out var named))
            return named;

        // As in Go, "01" is not a number.
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

        // The flags to restore at the end of a group, and how often the item before it is repeated.
        private readonly Stack<(bool Multiline, bool Ungreedy, long Repeats)> _groups = [];
        private bool _multiline;
        private bool _ungreedy;
        private long _repeats = 1;
        private long _repeatsOfLast = 1;
        private int _at;

        public Dictionary<string, int> Groups { get; } = [];

        public int GroupCount { get; private set; }

        public string Run()
        {
            while (_at < pattern.Length)
            {
                var c = pattern[_at];
                if (c is '*' or '+' or '?' || (c == '{' && RepeatLength() > 0))
                {
                    Repeat();
                    continue;
                }

                if (c != ')')
                    _repeatsOfLast = 1;
                switch (c)
                {
                    case '\\':
                        Escape();
                        break;
                    case '[':
                        Class();
                        break;
                    case '(':
                        Open();
                        break;
                    case ')':
                        Close();
                        break;
                    case '$':
                        _output.Append(_multiline ? "$" : @"\z");
                        _at++;
                        break;
                    default:
                        _output.Append(Literal(NextCodePoint()));
                        break;
                }
            }

            return _output.ToString();
        }

        // A quantifier, whose greediness (?U) inverts.
        private void Repeat()
        {
            var length = pattern[_at] == '{' ? RepeatLength() : 1;
            var quantifier = pattern.Substring(_at, length);
            _at += length;
            var isLazy = _at < pattern.Length && pattern[_at] == '?';
            if (isLazy)
                _at++;
            if (length > 1)
            {
                var most = quantifier[1..^1].Split(',').Where(static n => n.Length > 0).Max(static n => n.Length > 4 ? int.MaxValue : int.Parse(n, CultureInfo.InvariantCulture));
                _repeatsOfLast *= Math.Max(1, most);
                if (_repeatsOfLast > MaxRepeats)
                    throw new ArgumentException($"'{quantifier}' repeats more than {MaxRepeats} times, those within it included");
            }

            _repeats = Math.Max(_repeats, _repeatsOfLast);
            _output.Append(quantifier);
            if (isLazy != _ungreedy)
                _output.Append('?');
        }

        // Of {2}, {2,} and {2,3}; anything else in braces is text.
        private int RepeatLength()
        {
            var at = _at + 1;
            var digits = Digits();
            if (digits > 0 && at < pattern.Length && pattern[at] == ',')
            {
                at++;
                Digits();
            }

            return digits > 0 && at < pattern.Length && pattern[at] == '}' ? at + 1 - _at : 0;

            int Digits()
            {
                var start = at;
                while (at < pattern.Length && char.IsAsciiDigit(pattern[at]))
                    at++;
                return at - start;
            }
        }

        private int NextCodePoint()
        {
            if (!char.IsHighSurrogate(pattern[_at]) || _at + 1 == pattern.Length || !char.IsLowSurrogate(pattern[_at + 1]))
                return pattern[_at++];
            _at += 2;
            return char.ConvertToUtf32(pattern[_at - 2], pattern[_at - 1]);
        }

        // A character beyond the first plane is two characters for .NET; a quantifier after it must apply to both.
        private static string Literal(int codePoint) => codePoint > char.MaxValue ? $"(?:{char.ConvertFromUtf32(codePoint)})" : ((char)codePoint).ToString();

        // An escape outside a class.
        private void Escape()
        {
            if (ClassEscape() is { } members)
                AppendClass(isNegated: false, members, []);
            else if (LiteralEscape() is { } codePoint)
                _output.Append(codePoint > char.MaxValue ? Literal(codePoint) : string.Create(CultureInfo.InvariantCulture, $@"\u{codePoint:X4}"));
            else if (pattern[_at + 1] is 'A' or 'z' or 'b' or 'B')
                Copy(2);
            else if (pattern[_at + 1] == 'Q')
                Quote();
            else
                throw new ArgumentException($@"invalid escape sequence '\{pattern[_at + 1]}'");
        }

        private void Copy(int length)
        {
            _output.Append(pattern, _at, length);
            _at += length;
        }

        private void Quote()
        {
            var start = _at + 2;
            var end = pattern.IndexOf(@"\E", start, StringComparison.Ordinal);
            _output.Append(Regex.Escape(end < 0 ? pattern[start..] : pattern[start..end]));
            _at = end < 0 ? pattern.Length : end + 2;
        }

        // What an escape for several characters adds to a class, empty for nothing; null, with nothing read, if it is no such escape.
        private string? ClassEscape()
        {
            if (_at + 1 >= pattern.Length)
                throw new ArgumentException("trailing backslash at end of expression");

            var c = pattern[_at + 1];
            if (c is 'p' or 'P')
                return UnicodeClass();
            string? members = c switch
            {
                'd' => Members("digit"),
                'D' => Others("digit"),
                'w' => Members("word"),
                'W' => Others("word"),
                's' => Members("s"),
                'S' => Others("s"),
                _ => null,
            };
            if (members is not null)
                _at += 2;
            return members;
        }

        // \pL, \p{Lu}, \p{^Lu}
        private string UnicodeClass()
        {
            var isNegated = pattern[_at + 1] == 'P';
            var name = _at + 2 < pattern.Length ? pattern.Substring(_at + 2, 1) : "";
            _at += 3;
            if (name == "{")
            {
                var end = pattern.IndexOf('}', _at);
                if (end < 0)
                    throw new ArgumentException(@"\p{ without }");
                name = pattern[_at..end];
                _at = end + 1;
            }

            if (name.StartsWith('^'))
            {
                name = name[1..];
                isNegated = !isNegated;
            }

            if (name == "Any")
                return isNegated ? "" : @"\u0000-\uFFFF";
            if (!s_categories.Contains(name))
                throw new ArgumentException($@"'\p{{{name}}}' is not supported; of Unicode's properties the general categories are, such as L, Lu or Nd");
            return $@"\{(isNegated ? 'P' : 'p')}{{{name}}}";
        }

        // The character that an escape stands for; null, with nothing read, if it stands for something else.
        private int? LiteralEscape()
        {
            var c = pattern[_at + 1];
            if (c == 'x')
                return HexEscape();
            if (c is >= '0' and <= '7')
                return OctalEscape();
            int? codePoint = c switch
            {
                'a' => '\a',
                'f' => '\f',
                't' => '\t',
                'n' => '\n',
                'r' => '\r',
                'v' => '\v',
                _ => char.IsAscii(c) && !char.IsAsciiLetterOrDigit(c) ? c : null,
            };
            if (codePoint is not null)
                _at += 2;
            return codePoint;
        }

        private int HexEscape()
        {
            string digits;
            _at += 2;
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

            if (!int.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var point) || point is < 0 or > 0x10FFFF or (>= 0xD800 and <= 0xDFFF))
                throw new ArgumentException($@"'\x' needs two hexadecimal digits, or a code point in braces, not '{digits}'");
            return point;
        }

        private int OctalEscape()
        {
            if (pattern[_at + 1] != '0' && (_at + 2 >= pattern.Length || pattern[_at + 2] is < '0' or > '7'))
                throw new ArgumentException($@"'\{pattern[_at + 1]}': back references are not RE2 syntax");
            var point = 0;
            var end = Math.Min(_at + 4, pattern.Length);
            for (_at++; _at < end && pattern[_at] is >= '0' and <= '7'; _at++)
                point = (point * 8) + (pattern[_at] - '0');
            return point;
        }

        private void Class()
        {
            var members = new StringBuilder();
            var beyond = new List<string>();
            _at++;
            var isNegated = _at < pattern.Length && pattern[_at] == '^';
            if (isNegated)
                _at++;

            for (var start = _at; _at < pattern.Length;)
            {
                var c = pattern[_at];
                if (c == ']' && _at > start)
                {
                    _at++;
                    AppendClass(isNegated, members.ToString(), beyond);
                    return;
                }

                // As in Go, a hyphen at the start of a member is a literal.
                if (c == '[' && _at + 1 < pattern.Length && pattern[_at + 1] == ':' && pattern.IndexOf(":]", _at + 2, StringComparison.Ordinal) is > 0 and var end)
                {
                    members.Append(NamedClass(pattern[(_at + 2)..end]));
                    _at = end + 2;
                }
                else if (c == '\\' && ClassEscape() is { } several)
                {
                    members.Append(several);
                }
                else
                {
                    AddMember(members, beyond);
                }
            }

            throw new ArgumentException("[ without ]");
        }

        // A character or a range of characters.
        private void AddMember(StringBuilder members, List<string> beyond)
        {
            var first = ClassCharacter();
            var last = first;
            if (_at + 1 < pattern.Length && pattern[_at] == '-' && pattern[_at + 1] != ']')
            {
                _at++;
                last = ClassCharacter();
            }

            if (last < first)
                throw new ArgumentException("a range in a class ends before it begins");
            if (last <= char.MaxValue)
                AppendRange(members, first, last);
            else if (first == last)
                beyond.Add(char.ConvertFromUtf32(first));
            else
                throw new ArgumentException("a range with characters beyond U+FFFF is not supported");
        }

        private int ClassCharacter()
        {
            if (pattern[_at] != '\\')
                return NextCodePoint();
            if (_at + 1 >= pattern.Length)
                throw new ArgumentException("trailing backslash at end of expression");
            return LiteralEscape() ?? throw new ArgumentException($@"invalid escape sequence '\{pattern[_at + 1]}' in a class");
        }

        private void AppendClass(bool isNegated, string members, List<string> beyond)
        {
            if (beyond.Count == 0)
                _output.Append(members.Length > 0 ? $"[{(isNegated ? "^" : "")}{members}]" : isNegated ? @"[\u0000-\uFFFF]" : @"[^\u0000-\uFFFF]");
            else if (isNegated)
                throw new ArgumentException("a negated class with characters beyond U+FFFF is not supported");
            else
                _output.Append("(?:").AppendJoin('|', members.Length > 0 ? beyond.Prepend($"[{members}]") : beyond).Append(')');
        }

        private static string NamedClass(string name)
        {
            var isNegated = name.StartsWith('^');
            var key = isNegated ? name[1..] : name;
            if (key.Length < 2 || !s_classes.ContainsKey(key))
                throw new ArgumentException($"[:{name}:] is not a character class");
            return isNegated ? Others(key) : Members(key);
        }

        private static string Members(string name)
        {
            var ranges = s_classes[name];
            var members = new StringBuilder();
            for (var i = 0; i < ranges.Length; i += 2)
                AppendRange(members, ranges[i], ranges[i + 1]);
            return members.ToString();
        }

        private static string Others(string name)
        {
            var ranges = s_classes[name];
            var members = new StringBuilder();
            var next = 0;
            for (var i = 0; i < ranges.Length; i += 2)
            {
                AppendRange(members, next, ranges[i] - 1);
                next = ranges[i + 1] + 1;
            }

            AppendRange(members, next, char.MaxValue);
            return members.ToString();
        }

        private static void AppendRange(StringBuilder members, int first, int last)
        {
            if (first <= last)
                members.Append(CultureInfo.InvariantCulture, $@"\u{first:X4}-\u{last:X4}");
        }

        private void Open()
        {
            _at++;
            if (_at >= pattern.Length || pattern[_at] != '?')
            {
                GroupCount++;
                OpenGroup("(");
                return;
            }

            var nameStart = pattern.AsSpan(_at).StartsWith("?P<") ? _at + 3 : pattern.AsSpan(_at).StartsWith("?<") ? _at + 2 : -1;
            if (nameStart < 0)
            {
                OpenFlags();
                return;
            }

            var end = pattern.IndexOf('>', nameStart);
            var name = end < 0 ? "" : pattern[nameStart..end];
            if (name.Length == 0 || !name.All(static c => char.IsLetterOrDigit(c) || c == '_'))
                throw new ArgumentException("a group's name consists of letters, digits and _, and ends with >");
            if (!Groups.TryAdd(name, ++GroupCount))
                throw new ArgumentException($"two groups are called '{name}'");
            _at = end + 1;
            OpenGroup("(");
        }

        // (?i:...), (?i), (?i-s), (?:...); .NET knows all these flags except U.
        private void OpenFlags()
        {
            var (multiline, ungreedy) = (_multiline, _ungreedy);
            var flags = new StringBuilder();
            var (sets, hasFlag) = (true, false);
            for (_at++; _at < pattern.Length; _at++)
            {
                var c = pattern[_at];
                if (c is ':' or ')' && (sets || hasFlag))
                {
                    _at++;
                    if (flags is [.., '-'])
                        flags.Length--;
                    if (c == ':')
                        OpenGroup($"(?{flags}:");
                    else if (flags.Length > 0)
                        _output.Append(CultureInfo.InvariantCulture, $"(?{flags})");
                    (_multiline, _ungreedy) = (multiline, ungreedy);
                    return;
                }

                hasFlag = c != '-';
                switch (c)
                {
                    case '-' when sets:
                        sets = false;
                        break;
                    case 'U':
                        ungreedy = sets;
                        continue;
                    case 'm':
                        multiline = sets;
                        break;
                    case 'i' or 's':
                        break;
                    default:
                        throw new ArgumentException($"'(?{c}' is not supported; flags are i, m, s, U");
                }

                flags.Append(c);
            }

            throw new ArgumentException("(? without )");
        }

        private void OpenGroup(string opening)
        {
            _output.Append(opening);
            _groups.Push((_multiline, _ungreedy, _repeats));
            _repeats = 1;
        }

        // One closing parenthesis too many is left to .NET to report, or closes the group around the whole pattern.
        private void Close()
        {
            _output.Append(')');
            _at++;
            _repeatsOfLast = _repeats;
            if (_groups.TryPop(out var group))
                (_multiline, _ungreedy, _repeats) = (group.Multiline, group.Ungreedy, Math.Max(group.Repeats, _repeats));
        }
    }
}
