namespace OrleansTempo.Core;

/// <summary>Cuts UTF-8 text to a number of bytes.</summary>
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

    /// <summary>
    /// The part of a text that can matter to a later <see cref="Cut"/> of it, or of a longer text that starts with it; 0 for no limit. For
    /// values that are copied for every span: a client may send megabytes that would only be cut off again.
    /// </summary>
    public static ReadOnlySpan<byte> Beginning(ReadOnlySpan<byte> text, int maxBytes) => maxBytes > 0 && text.Length > maxBytes ? text[..(maxBytes + 1)] : text;
}
