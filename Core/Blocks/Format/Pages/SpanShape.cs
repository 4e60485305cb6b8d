namespace OrleansTempo.Core.Blocks.Format.Pages;

/// <summary>
/// The layout of a shape: what many spans share, as numbers into a <see cref="SpanDictionary"/>.
/// <code>
///   [resource][scope][name][status message][kind][status][flags][attribute]*
///   name, status message:  0 none, 1 inline, 2 × (text + 1)
///   attribute:             2 × attribute, or 2 × key + 1 where the value is inline
/// </code>
/// Inline values are stored with the span, in the shape's order. An inline attribute is what follows its key in the <c>KeyValue</c> message.
/// </summary>
internal static class SpanShape
{
    public const int Resource = 0, Scope = 1, Name = 2, StatusMessage = 3, Kind = 4, Status = 5, Flags = 6, FirstAttribute = 7;

    public const uint NoText = 0, InlineText = 1;

    public static uint OfText(int id) => ((uint)id + 1) << 1;

    public static int TextId(uint code) => (int)(code >> 1) - 1;

    public static uint OfAttribute(int id) => (uint)id << 1;

    public static uint OfKey(int id) => ((uint)id << 1) | 1;

    public static bool IsInline(uint attribute) => (attribute & 1) != 0;

    public static int IdOf(uint attribute) => (int)(attribute >> 1);

    /// <summary>How many inline values a span of this shape has.</summary>
    public static int CountInline(ReadOnlySpan<uint> shape)
    {
        var count = (shape[Name] == InlineText ? 1 : 0) + (shape[StatusMessage] == InlineText ? 1 : 0);
        foreach (var attribute in shape[FirstAttribute..])
            count += (int)(attribute & 1);
        return count;
    }
}
