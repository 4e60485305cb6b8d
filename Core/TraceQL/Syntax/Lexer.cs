using System.Globalization;
using System.Text;
using OrleansTempo.Core.TraceQL.Semantics;

namespace OrleansTempo.Core.TraceQL.Syntax;

/// <summary>Cuts a query's text into tokens, one at a time.</summary>
internal sealed class Lexer(string text)
{
    // The longest first, for each beginning.
    private static readonly string[] s_symbols =
    [
        "!<<", "!>>", "&<<", "&>>",
        "!=", "!~", "!<", "!>", "=~", "<=", "<<", ">=", ">>", "&&", "&<", "&>", "&~", "||",
        "{", "}", "(", ")", ",", "|", "=", "<", ">", "!", "~", "+", "-", "*", "/", "%", "^",
    ];

    private static readonly Dictionary<string, AttributeScope> s_attributeScopes = new()
    {
        ["span"] = AttributeScope.Span,
        ["resource"] = AttributeScope.Resource,
        ["event"] = AttributeScope.Event,
        ["link"] = AttributeScope.Link,
        ["instrumentation"] = AttributeScope.Instrumentation,
    };

    private static readonly HashSet<string> s_intrinsicScopes = ["trace", "span", "event", "link", "instrumentation"];

    private int _at;

    /// <summary>Whether a character may stand in an attribute's name without quotes.</summary>
    public static bool IsNameCharacter(char c) => !char.IsWhiteSpace(c) && !"{}()=~!<>&|^,".Contains(c);

    public Token Next()
    {
        SkipSpace();
        var start = _at;
        if (start == text.Length)
            return new Token(TokenKind.End, "", start);
        var c = text[start];
        if (c == '"')
            return ReadString();
        if (c == '`')
            return ReadRawString();
        if (char.IsAsciiDigit(c) || (c == '.' && char.IsAsciiDigit(Peek(1))))
            return ReadNumber();
        if (c == '.')
            return ReadAttribute(start, AttributeScope.Any);
        if (char.IsLetter(c) || c == '_')
            return ReadWord();
        foreach (var symbol in s_symbols)
        {
            if (string.CompareOrdinal(text, start, symbol, 0, symbol.Length) != 0)
                continue;
            _at += symbol.Length;
            return new Token(TokenKind.Symbol, symbol, start);
        }

        throw new QuerySyntaxException(start, $"syntax error: unexpected {Rune.GetRuneAt(text, start)}");
    }

    private char Peek(int distance) => _at + distance < text.Length ? text[_at + distance] : '\0';

    // White space and comments.
    private void SkipSpace()
    {
        while (_at < text.Length)
        {
            if (char.IsWhiteSpace(text[_at]))
            {
                _at++;
            }
            else if (text[_at] == '/' && Peek(1) == '/')
            {
                var end = text.IndexOf('\n', _at);
                _at = end < 0 ? text.Length : end + 1;
            }
            else if (text[_at] == '/' && Peek(1) == '*')
            {
                var end = text.IndexOf("*/", _at + 2, StringComparison.Ordinal);
                if (end < 0)
                    throw new QuerySyntaxException(_at, "syntax error: comment without an end, expecting */");
                _at = end + 2;
            }
            else
            {
                return;
            }
        }
    }

    private Token ReadString()
    {
        var start = _at++;
        while (Peek(0) != '"')
        {
            if (_at == text.Length || text[_at] == '\n')
                throw new QuerySyntaxException(start, "syntax error: string without an end, expecting \"");
            _at += text[_at] == '\\' && _at + 1 < text.Length ? 2 : 1;
        }

        var value = QuotedText.Read(text.AsSpan(start + 1, _at - start - 1), out var errorAt, out var error);
        if (error is not null)
            throw new QuerySyntaxException(start + 1 + errorAt, $"syntax error: {error}");
        _at++;
        return new Token(TokenKind.String, text[start.._at], start) { Value = Value.String(value) };
    }

    // Like Go's, without carriage returns.
    private Token ReadRawString()
    {
        var start = _at;
        var end = text.IndexOf('`', start + 1);
        if (end < 0)
            throw new QuerySyntaxException(start, "syntax error: string without an end, expecting `");
        _at = end + 1;
        return new Token(TokenKind.String, text[start.._at], start) { Value = Value.String(text[(start + 1)..end].Replace("\r", "")) };
    }

    private Token ReadNumber()
    {
        var start = _at;
        SkipDigits();
        var isFloat = Peek(0) == '.';
        if (isFloat)
        {
            _at++;
            SkipDigits();
        }

        if (TryReadDuration(start) is { } duration)
            return duration;
        if (Peek(0) is 'e' or 'E' && (char.IsAsciiDigit(Peek(1)) || (Peek(1) is '+' or '-' && char.IsAsciiDigit(Peek(2)))))
        {
            isFloat = true;
            _at += 2;
            SkipDigits();
        }

        var number = text[start.._at];
        if (char.IsLetterOrDigit(Peek(0)) || Peek(0) == '_')
            throw new QuerySyntaxException(start, $"syntax error: {new Token(TokenKind.Number, number + Peek(0), start)}... is neither a number nor a duration");
        if (isFloat)
        {
            var value = double.Parse(number, CultureInfo.InvariantCulture);
            return double.IsFinite(value) ? new Token(TokenKind.Number, number, start) { Value = Value.Float(value) } : throw TooLarge(start);
        }

        return long.TryParse(number, CultureInfo.InvariantCulture, out var whole) ? new Token(TokenKind.Number, number, start) { Value = Value.Integer(whole) } : throw TooLarge(start);
    }

    private static QuerySyntaxException TooLarge(int offset) => new(offset, "the number is too large");

    private void SkipDigits()
    {
        while (char.IsAsciiDigit(Peek(0)))
            _at++;
    }

    // A number and units directly behind it.
    private Token? TryReadDuration(int start)
    {
        var end = _at;
        while (end < text.Length && (char.IsAsciiDigit(text[end]) || "nsumhdwyµμ.".Contains(text[end])))
            end++;
        if (end == _at || !DurationText.TryRead(text[start..end], out var nanoseconds))
            return null;
        _at = end;
        return new Token(TokenKind.Duration, text[start..end], start) { Value = Value.Duration(nanoseconds) };
    }

    private Token ReadWord()
    {
        var start = _at;
        while (char.IsLetterOrDigit(Peek(0)) || Peek(0) == '_')
            _at++;
        var word = text[start.._at];
        if (Peek(0) == ':' && s_intrinsicScopes.Contains(word))
        {
            _at++;
            return new Token(TokenKind.Scope, text[start.._at], start);
        }

        if (Peek(0) != '.')
            return new Token(TokenKind.Word, word, start);
        if (s_attributeScopes.TryGetValue(word, out var scope))
            return ReadAttribute(start, scope);
        return word == "parent" ? throw FieldParser.ParentRefused(start) : new Token(TokenKind.Word, word, start);
    }

    // From the point on: characters of names, and parts in quotes, whose only escapes are of quotes and backslashes.
    private Token ReadAttribute(int start, AttributeScope scope)
    {
        _at++;
        var nameStart = _at;
        var name = new StringBuilder();
        while (_at < text.Length && IsNameCharacter(text[_at]))
        {
            if (text[_at] == '"')
                ReadQuotedPart(name);
            else
                name.Append(text[_at++]);
        }

        if (_at == nameStart)
            throw new QuerySyntaxException(_at, $"syntax error: unexpected {(_at == text.Length ? "end of query" : $"'{Rune.GetRuneAt(text, _at)}'")}, expecting the name of an attribute");
        return new Token(TokenKind.Attribute, text[start.._at], start) { Attribute = new AttributeField(scope, name.ToString()) };
    }

    private void ReadQuotedPart(StringBuilder name)
    {
        var start = _at++;
        while (Peek(0) != '"')
        {
            if (_at < text.Length && text[_at] == '\\')
            {
                _at++;
                if (Peek(0) is not ('\\' or '"'))
                    throw new QuerySyntaxException(_at - 1, "syntax error: in the name of an attribute only \\\" and \\\\ are escapes");
            }

            if (_at == text.Length)
                throw new QuerySyntaxException(start, "syntax error: name without an end, expecting \"");
            name.Append(text[_at++]);
        }

        _at++;
    }
}
