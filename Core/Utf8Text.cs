namespace OrleansTempo.Core;

/// <summary>UTF-8 text as bytes.</summary>
internal static class Utf8Text
{
    /// <summary>At most <paramref name="maxBytes"/> bytes of the text, never ending inside a character; 0 for no limit.</summary>
    public static ReadOnlySpan<byte> Cut(ReadOnlySpan<byte> text, int maxBytes)
    {
        if (maxBytes <= 0 || text.Length <= maxBytes)
            return text;
        var end = maxBytes;
        while (end > 0 && (text[end] & 0xC0) == 0x80)
            end--;
        return text[..end];
    }
}
