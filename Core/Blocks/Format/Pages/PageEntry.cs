namespace OrleansTempo.Core.Blocks.Format.Pages;

/// <summary>A block index's entry for one page.</summary>
internal readonly record struct PageEntry
{
    /// <summary>The ID of its first trace; its last trace is not greater than the next page's first.</summary>
    public required TraceId FirstTrace { get; init; }

    /// <summary>Whether its first trace continues from the page before.</summary>
    public required bool Continues { get; init; }

    /// <summary>Where it begins in the block's <c>data</c>.</summary>
    public required long Offset { get; init; }

    public required int Length { get; init; }

    /// <summary>How many of its first bytes a search reads.</summary>
    public required int SearchLength { get; init; }

    /// <summary>CRC-32C of the bytes that a search reads.</summary>
    public required uint SearchChecksum { get; init; }

    /// <summary>CRC-32C of the remaining bytes.</summary>
    public required uint RestChecksum { get; init; }

    public required int Spans { get; init; }

    /// <summary>The earliest start of any of its spans, Unix time in nanoseconds.</summary>
    public required ulong MinStart { get; init; }

    /// <summary>The latest start of any of its spans, Unix time in nanoseconds.</summary>
    public required ulong MaxStart { get; init; }

    /// <summary>Whether the bytes match the checksums.</summary>
    public bool Matches(ReadOnlySpan<byte> page) =>
        Crc32C.Of(page[..SearchLength]) == SearchChecksum && Crc32C.Of(page[SearchLength..]) == RestChecksum;
}

/// <summary>One trace of a page, and its range of the page's spans.</summary>
internal readonly record struct PageTrace
{
    public required TraceId TraceId { get; init; }
    public required int FirstSpan { get; init; }
    public required int SpanCount { get; init; }

    /// <summary>The earliest start of any of its spans, Unix time in nanoseconds.</summary>
    public required ulong StartTimeUnixNano { get; init; }
}
