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

    /// <summary>
    /// As much of a text as can show in what <see cref="Cut"/> leaves of it, or of a longer one that it begins; 0 for no limit. For values that are
    /// copied for every span: what will be cut off again is not worth it, and a client may send megabytes of it.
    /// </summary>
    public static ReadOnlySpan<byte> Beginning(ReadOnlySpan<byte> text, int maxBytes) => maxBytes > 0 && text.Length > maxBytes ? text[..(maxBytes + 1)] : text;
}
