using System.Text;

namespace OrleansTempo.Core.Objects;

/// <summary>
/// Encodes a tenant's ID as one segment of an object's name: as <see cref="EscapedSegment"/> does, and if that would be too long for a file name, as
/// <c>=</c> and base32. The escaped form never has a <c>=</c>.
/// </summary>
public static class TenantFolder
{
    private const char Base32Mark = '=';
    private const string Base32Digits = "abcdefghijklmnopqrstuvwxyz234567";

    public static string Of(TenantId tenant)
    {
        var folder = EscapedSegment.Of(tenant.Value);
        return folder.Length <= EscapedSegment.MaxLength ? folder : Base32(tenant.Value);
    }

    /// <summary>The tenant of a folder; false for a name that <see cref="Of"/> never returns.</summary>
    public static bool TryRead(string folder, out TenantId tenant)
    {
        var text = folder.StartsWith(Base32Mark) ? FromBase32(folder) : FromPercent(folder);
        return TenantId.TryParse(text, out tenant, out _) && Of(tenant) == folder;
    }

    // A text that is not an encoding decodes to something, which does not encode to the same folder.
    private static string FromPercent(string folder)
    {
        var text = new StringBuilder(folder.Length);
        for (var i = 0; i < folder.Length; i++)
        {
            if (folder[i] == '%' && i + 2 < folder.Length && char.IsAsciiHexDigit(folder[i + 1]) && char.IsAsciiHexDigit(folder[i + 2]))
            {
                text.Append((char)Convert.ToByte(folder.Substring(i + 1, 2), 16));
                i += 2;
            }
            else
            {
                text.Append(folder[i]);
            }
        }

        return text.ToString();
    }

    private static string Base32(string text)
    {
        var folder = new StringBuilder().Append(Base32Mark);
        int bits = 0, held = 0;
        foreach (var c in text)
        {
            bits = (bits << 8) | c;
            for (held += 8; held >= 5; held -= 5)
                folder.Append(Base32Digits[(bits >> (held - 5)) & 31]);
            bits &= (1 << held) - 1;
        }

        if (held > 0)
            folder.Append(Base32Digits[(bits << (5 - held)) & 31]);
        return folder.ToString();
    }

    private static string FromBase32(string folder)
    {
        var text = new StringBuilder();
        int bits = 0, held = 0;
        foreach (var c in folder.AsSpan(1))
        {
            bits = (bits << 5) | (Base32Digits.IndexOf(c) & 31);
            held += 5;
            if (held < 8)
                continue;
            held -= 8;
            text.Append((char)(bits >> held));
            bits &= (1 << held) - 1;
        }

        return text.ToString();
    }
}
