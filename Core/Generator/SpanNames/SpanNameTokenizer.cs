using System.Text;

namespace OrleansTempo.Core.Generator.SpanNames;

/// <summary>
/// Splits a span name into the tokens by which names are compared: words, runs of spaces, URL escapes (<c>%3D</c>), and possible
/// UUIDs (hexadecimal digits and dashes, starting with a digit). Every other character is a token of its own.
/// <code>
///   GET /users/6cae3d57-f354/%3Dx ─► [GET] [ ] [/] [users] [/] [6cae3d57-f354] [/] [%3D] [x]
/// </code>
/// The end of a token does not depend on anything before it, so replacing a token leaves the others unchanged.
/// </summary>
internal static class SpanNameTokenizer
{
    /// <summary>Stands for a part in which names differ.</summary>
    public static ReadOnlySpan<byte> Parameter => "<_>"u8;

    private static readonly CharacterClass[] s_ascii = Ascii();

    /// <summary>Splits a name into tokens.</summary>
    /// <param name="name">The name, in UTF-8.</param>
    /// <param name="ends">Receives the end of each token; the first token starts at 0, every other at the end of the one before it.</param>
    /// <param name="isTemplate">Whether the name may be a template, in which <c>&lt;_&gt;</c> is one token.</param>
    /// <returns>The number of tokens; -1 if there are more than <paramref name="ends"/> can hold.</returns>
    public static int Split(ReadOnlySpan<byte> name, Span<int> ends, bool isTemplate = false)
    {
        var count = 0;
        for (var position = 0; position < name.Length; count++)
        {
            if (count == ends.Length)
                return -1;
            position = isTemplate && name[position..].StartsWith(Parameter) ? position + Parameter.Length : EndOfToken(name, position);
            ends[count] = position;
        }

        return count;
    }

    /// <summary>
    /// Whether a token is likely to differ from one name to the next: it contains a digit and otherwise only hexadecimal digits
    /// or punctuation, or more than a quarter of it is digits.
    /// </summary>
    public static bool IsData(ReadOnlySpan<byte> token)
    {
        var numbers = 0;
        var isHex = true;
        for (var position = 0; position < token.Length;)
        {
            Rune.DecodeFromUtf8(token[position..], out var rune, out var length);
            position += length;
            if (Rune.IsNumber(rune))
                numbers++;
            else if (ClassOf(rune) != CharacterClass.Hex && !Rune.IsPunctuation(rune))
                isHex = false;
        }

        return (isHex && numbers > 0) || numbers > Math.Max(token.Length / 4, 1);
    }

    private static int EndOfToken(ReadOnlySpan<byte> name, int position)
    {
        switch (Next(name, ref position))
        {
            case CharacterClass.Space:
                while (Follows(name, position, CharacterClass.Space, out var end))
                    position = end;
                return position;
            case CharacterClass.Percent:
                return EndOfEscape(name, position);
            case CharacterClass.Hex:
                return EndOfHex(name, position);
            case CharacterClass.Alphanumeric:
                return EndOfWord(name, position);
            default:
                return position;
        }
    }

    // At the end of the name, a single digit belongs to the percent sign, as any other character does there.
    private static int EndOfEscape(ReadOnlySpan<byte> name, int position)
    {
        if (position == name.Length)
            return position;
        var end = position;
        var first = Next(name, ref end);
        if (end == name.Length)
            return end;
        var second = Next(name, ref end);
        return first == CharacterClass.Hex && second == CharacterClass.Hex ? end : position;
    }

    private static int EndOfHex(ReadOnlySpan<byte> name, int position)
    {
        while (position < name.Length)
        {
            var end = position;
            switch (Next(name, ref end))
            {
                case CharacterClass.Hex:
                    position = end;
                    break;
                case CharacterClass.Dash:
                    return EndOfUuid(name, end);
                case CharacterClass.Alphanumeric:
                    return EndOfWord(name, end);
                default:
                    return position;
            }
        }

        return position;
    }

    private static int EndOfUuid(ReadOnlySpan<byte> name, int position)
    {
        while (position < name.Length)
        {
            var end = position;
            if (Next(name, ref end) is not (CharacterClass.Hex or CharacterClass.Dash))
                break;
            position = end;
        }

        return position;
    }

    private static int EndOfWord(ReadOnlySpan<byte> name, int position)
    {
        while (position < name.Length)
        {
            var end = position;
            if (Next(name, ref end) is not (CharacterClass.Hex or CharacterClass.Alphanumeric))
                break;
            position = end;
        }

        return position;
    }

    private static bool Follows(ReadOnlySpan<byte> name, int position, CharacterClass expected, out int end)
    {
        end = position;
        return position < name.Length && Next(name, ref end) == expected;
    }

    private static CharacterClass Next(ReadOnlySpan<byte> name, ref int position)
    {
        var first = name[position];
        if (first < s_ascii.Length)
        {
            position++;
            return s_ascii[first];
        }

        Rune.DecodeFromUtf8(name[position..], out var rune, out var length);
        position += length;
        return ClassOf(rune);
    }

    private static CharacterClass ClassOf(Rune rune)
    {
        if (rune.Value < s_ascii.Length)
            return s_ascii[rune.Value];
        if (rune.Value is (>= 0xFF10 and <= 0xFF19) or (>= 0xFF21 and <= 0xFF26) or (>= 0xFF41 and <= 0xFF46))
            return CharacterClass.Hex;
        if (Rune.IsLetter(rune) || Rune.IsNumber(rune))
            return CharacterClass.Alphanumeric;
        return Rune.IsWhiteSpace(rune) ? CharacterClass.Space : CharacterClass.Other;
    }

    private static CharacterClass[] Ascii()
    {
        var classes = new CharacterClass[128];
        for (var c = 0; c < classes.Length; c++)
        {
            classes[c] = (char)c switch
            {
                '-' => CharacterClass.Dash,
                '%' => CharacterClass.Percent,
                var hex when char.IsAsciiHexDigit(hex) => CharacterClass.Hex,
                var letter when char.IsAsciiLetterOrDigit(letter) => CharacterClass.Alphanumeric,
                var space when char.IsWhiteSpace(space) => CharacterClass.Space,
                _ => CharacterClass.Other,
            };
        }

        return classes;
    }
}
