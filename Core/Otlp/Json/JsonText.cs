using System.Buffers.Text;
using System.Text;
using System.Text.Unicode;

namespace OrleansTempo.Core.Otlp.Json;

/// <summary>
/// Decodes the text of a JSON string, whatever a sender put into it. JavaScript's length limits cut emoji into half a surrogate pair, and older
/// programs send other encodings. Invalid characters become U+FFFD, because the spans matter more than the one character.
/// </summary>
internal static class JsonText
{
    // Every byte may be invalid on its own, and U+FFFD takes three bytes.
    private const int MaxGrowth = 3;

    private const int EscapeBytes = 6;

    /// <summary>The maximum number of bytes that <see cref="Decode"/> writes for <paramref name="raw"/>: an escape is longer than its character.</summary>
    /// <exception cref="FormatException">They would not fit into an array.</exception>
    public static int MaxDecodedLength(ReadOnlySpan<byte> raw)
    {
        if (Utf8.IsValid(raw))
            return raw.Length;
        return raw.Length <= Array.MaxLength / MaxGrowth ? raw.Length * MaxGrowth : throw new FormatException("the string is not valid UTF-8 and is too long to repair");
    }

    /// <summary>Writes a string's text in UTF-8. Never fails, and takes time proportional to the string's length.</summary>
    /// <param name="raw">The text between the quotation marks; a JSON reader has checked that its escapes are well formed.</param>
    /// <param name="target">Holds at least <see cref="MaxDecodedLength"/> bytes.</param>
    /// <returns>The bytes written.</returns>
    public static int Decode(ReadOnlySpan<byte> raw, Span<byte> target)
    {
        var written = 0;
        while (true)
        {
            var escape = raw.IndexOf((byte)'\\');
            Copy(escape < 0 ? raw : raw[..escape], target, ref written);
            if (escape < 0)
                return written;
            raw = raw[escape..];
            if (raw[1] == 'u')
            {
                ReadEscapedRune(ref raw).TryEncodeToUtf8(target[written..], out var bytes);
                written += bytes;
                continue;
            }

            target[written++] = raw[1] switch
            {
                (byte)'b' => (byte)'\b',
                (byte)'f' => (byte)'\f',
                (byte)'n' => (byte)'\n',
                (byte)'r' => (byte)'\r',
                (byte)'t' => (byte)'\t',
                var itself => itself,
            };
            raw = raw[2..];
        }
    }

    private static void Copy(ReadOnlySpan<byte> text, Span<byte> target, ref int written)
    {
        if (Utf8.IsValid(text))
        {
            text.CopyTo(target[written..]);
            written += text.Length;
            return;
        }

        while (!text.IsEmpty)
        {
            // Invalid bytes decode to U+FFFD.
            Rune.DecodeFromUtf8(text, out var rune, out var consumed);
            text = text[consumed..];
            rune.TryEncodeToUtf8(target[written..], out var bytes);
            written += bytes;
        }
    }

    // A surrogate pair is one character. Half a pair is invalid, and what follows it stands on its own.
    private static Rune ReadEscapedRune(ref ReadOnlySpan<byte> raw)
    {
        var unit = ReadUnit(raw);
        raw = raw[EscapeBytes..];
        if (char.IsHighSurrogate(unit) && raw.StartsWith("\\u"u8) && ReadUnit(raw) is var low && char.IsLowSurrogate(low))
        {
            raw = raw[EscapeBytes..];
            return new Rune(unit, low);
        }

        return Rune.TryCreate(unit, out var rune) ? rune : Rune.ReplacementChar;
    }

    private static char ReadUnit(ReadOnlySpan<byte> escape)
    {
        Utf8Parser.TryParse(escape[2..EscapeBytes], out int unit, out _, 'x');
        return (char)unit;
    }
}
