using System.Buffers;
using System.Globalization;
using System.Text;

namespace OrleansTempo.Core.TraceQL.Syntax;

/// <summary>
/// Strings in double quotes with Go's escapes: <c>\n \t \\ \" \x41 \101 \u0041 \U00000041</c> and the like. <c>\x</c> and octal escapes are
/// bytes of UTF-8, the others characters.
/// </summary>
internal static class QuotedText
{
    private const string Escapes = "abfnrtv\\\"";
    private const string Escaped = "\a\b\f\n\r\t\v\\\"";

    /// <summary>Reads what stands between the quotes; <paramref name="error"/> is null, or says what is wrong at <paramref name="errorAt"/>.</summary>
    public static string Read(ReadOnlySpan<char> content, out int errorAt, out string? error)
    {
        var output = new ArrayBufferWriter<byte>(content.Length + 1);
        error = null;
        errorAt = 0;
        while (error is null && errorAt < content.Length)
        {
            var length = content[errorAt..].IndexOf('\\');
            if (length < 0)
                length = content.Length - errorAt;
            Encoding.UTF8.GetBytes(content.Slice(errorAt, length), output);
            errorAt += length;
            if (errorAt < content.Length)
                error = ReadEscape(content, ref errorAt, output);
        }

        return Encoding.UTF8.GetString(output.WrittenSpan);
    }

    /// <summary>The text in double quotes, with escapes where it needs them.</summary>
    public static string Write(string text)
    {
        var output = new StringBuilder("\"");
        foreach (var c in text)
        {
            var known = Escaped.IndexOf(c);
            if (known >= 0)
                output.Append('\\').Append(Escapes[known]);
            else if (char.IsControl(c))
                output.Append(CultureInfo.InvariantCulture, $@"\u{(int)c:x4}");
            else
                output.Append(c);
        }

        return output.Append('"').ToString();
    }

    // The escape at a backslash; moves past it if it is one.
    private static string? ReadEscape(ReadOnlySpan<char> content, ref int at, ArrayBufferWriter<byte> output)
    {
        var rest = content[(at + 1)..];
        if (rest.IsEmpty)
            return "escape without a character";
        var known = Escapes.IndexOf(rest[0]);
        if (known >= 0)
        {
            output.Write([(byte)Escaped[known]]);
            at += 2;
            return null;
        }

        var (digits, isHex, start) = rest[0] switch
        {
            'x' => (2, true, 1),
            'u' => (4, true, 1),
            'U' => (8, true, 1),
            >= '0' and <= '7' => (3, false, 0),
            _ => (0, false, 0),
        };
        if (digits == 0)
            return $@"unknown escape \{rest[0]}";
        if (!TryReadDigits(rest[start..], digits, isHex, out var value))
            return $"an escape of this kind takes {digits} {(isHex ? "hexadecimal" : "octal")} digits";
        if (digits <= 3)
        {
            if (value > byte.MaxValue)
                return "an octal escape is at most 377";
            output.Write([(byte)value]);
        }
        else
        {
            if (!Rune.IsValid(value))
                return "there is no such character";
            Span<byte> utf8 = stackalloc byte[4];
            output.Write(utf8[..new Rune(value).EncodeToUtf8(utf8)]);
        }

        at += 1 + start + digits;
        return null;
    }

    private static bool TryReadDigits(ReadOnlySpan<char> text, int count, bool isHex, out uint value)
    {
        value = 0;
        if (text.Length < count)
            return false;
        foreach (var c in text[..count])
        {
            if (isHex ? !char.IsAsciiHexDigit(c) : c is < '0' or > '7')
                return false;
            value = isHex ? (value << 4) | (uint)Convert.ToInt32(c.ToString(), 16) : (value << 3) | (uint)(c - '0');
        }

        return true;
    }
}
