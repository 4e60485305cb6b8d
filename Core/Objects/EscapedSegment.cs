using System.Collections.Frozen;
using System.Text;

namespace OrleansTempo.Core.Objects;

/// <summary>
/// Encodes any text as one segment of an object's name. The characters of common names stay; everything else, including upper case, is
/// percent-encoded as UTF-8, so that no two texts share a file on a case-insensitive file system:
/// <code>
/// team-a    team-a
/// Team.A    %54eam%2e%41
/// con       %63on            (Windows has no file of that name)
/// </code>
/// </summary>
public static class EscapedSegment
{
    /// <summary>The maximum length of a file name; a text longer than a third of it may exceed this when encoded.</summary>
    public const int MaxLength = 255;

    private static readonly FrozenSet<string> s_devices = FrozenSet.Create(
        ["con", "prn", "aux", "nul", .. Enumerable.Range(0, 10).SelectMany(static i => new[] { $"com{i}", $"lpt{i}" })]);

    public static string Of(string text)
    {
        var segment = new StringBuilder(text.Length);
        foreach (var unit in Encoding.UTF8.GetBytes(text))
        {
            if (IsPlain((char)unit) && !(segment.Length == 0 && s_devices.Contains(text)))
                segment.Append((char)unit);
            else
                segment.Append('%').Append(unit.ToString("x2"));
        }

        return segment.ToString();
    }

    private static bool IsPlain(char c) => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '-' or '_';
}
