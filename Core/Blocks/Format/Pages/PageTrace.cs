namespace OrleansTempo.Core.Blocks.Format.Pages;

/// <summary>One trace of a page, and which of the page's spans are its.</summary>
internal readonly record struct PageTrace
{
    public required TraceId TraceId { get; init; }
    public required int FirstSpan { get; init; }
    public required int SpanCount { get; init; }

    /// <summary>The earliest start of a span, Unix time in nanoseconds.</summary>
    public required ulong StartTimeUnixNano { get; init; }
}
