using OrleansTempo.Core.Blocks.Format.Pages;

namespace OrleansTempo.Core.Blocks.Format;

/// <summary>
/// The end of a block, behind its pages, which says where to find what: the Bloom filter and the page index, each in a section that a reader may
/// skip.
/// <code>
///   footer:  { [section, 1 byte][varint length][bytes] }*  [CRC-32C of all that, 4 bytes]
/// </code>
/// </summary>
internal sealed class BlockFooter
{
    /// <summary>The maximum number of footer bytes per page.</summary>
    public const int MaxPageBytes = 80;

    private const byte BloomSection = 1, PagesSection = 2;

    public required byte[] Bloom { get; init; }

    public required PageEntry[] Pages { get; init; }

    /// <summary>The memory it takes, in bytes, for the footer cache.</summary>
    public long MemoryBytes => Bloom.Length + ((long)Pages.Length * System.Runtime.CompilerServices.Unsafe.SizeOf<PageEntry>()) + 128;

    /// <summary>The first page that may hold a trace, according to the index; -1 for none.</summary>
    public int FirstPageOf(TraceId trace)
    {
        int low = 0, high = Pages.Length;
        while (low < high)
        {
            var middle = (low + high) >> 1;
            if (Pages[middle].FirstTrace.CompareTo(trace) < 0)
                low = middle + 1;
            else
                high = middle;
        }

        // The first page that does not begin before the trace: if it does not begin with it, the trace can only be in the page before.
        return low < Pages.Length && Pages[low].FirstTrace == trace && !Pages[low].Continues ? low : low - 1;
    }

    public void Write(ColumnBuffer target)
    {
        var start = target.Length;
        target.WriteByte(BloomSection);
        target.WriteVarint((uint)Bloom.Length);
        target.WriteBytes(Bloom);

        var pages = new ColumnBuffer((Pages.Length * MaxPageBytes) + 16);
        pages.WriteVarint((uint)Pages.Length);
        foreach (var page in Pages)
        {
            page.FirstTrace.Write(pages.Append(TraceId.Length));
            pages.WriteVarint((ulong)page.Offset);
            pages.WriteVarint((uint)page.Length);
            pages.WriteVarint((uint)page.SearchLength);
            pages.WriteUInt32(page.SearchChecksum);
            pages.WriteUInt32(page.RestChecksum);
            pages.WriteVarint(((uint)page.Spans << 1) | (page.Continues ? 1u : 0));
            pages.WriteVarint(page.MinStart);
            pages.WriteVarint(page.MaxStart - page.MinStart);
        }

        target.WriteByte(PagesSection);
        target.WriteVarint((uint)pages.Length);
        target.WriteBytes(pages.Bytes);
        target.WriteUInt32(Crc32C.Of(target.Bytes[start..]));
    }

    /// <exception cref="InvalidDataException">The bytes are not a footer, or are damaged.</exception>
    public static BlockFooter Read(ReadOnlySpan<byte> bytes, long footerOffset)
    {
        if (bytes.Length < sizeof(uint))
            throw new InvalidDataException("the footer is truncated");
        var content = bytes[..^sizeof(uint)];
        var trailer = new ColumnReader(bytes[^sizeof(uint)..]);
        if (trailer.ReadUInt32() != Crc32C.Of(content))
            throw new InvalidDataException("the footer does not match its checksum");

        byte[]? bloom = null;
        PageEntry[]? pages = null;
        var reader = new ColumnReader(content);
        while (reader.Left > 0)
        {
            var section = reader.ReadByte();
            var body = reader.ReadBytes(reader.ReadCount(reader.Left));
            if (section == BloomSection)
                bloom = BloomFilter.IsFilter(body) ? body.ToArray() : throw new InvalidDataException("the Bloom filter is not a whole number of buckets");
            else if (section == PagesSection)
                pages = ReadPages(body, footerOffset);
        }

        return new BlockFooter
        {
            Bloom = bloom ?? throw new InvalidDataException("the footer has no Bloom filter"),
            Pages = pages ?? throw new InvalidDataException("the footer has no page index"),
        };
    }

    private static PageEntry[] ReadPages(ReadOnlySpan<byte> bytes, long footerOffset)
    {
        var reader = new ColumnReader(bytes);
        var pages = new PageEntry[reader.ReadCount(reader.Left)];
        for (var i = 0; i < pages.Length; i++)
        {
            var page = new PageEntry
            {
                FirstTrace = reader.ReadTraceId(),
                Offset = (long)reader.ReadVarint(),
                Length = reader.ReadCount(int.MaxValue),
                SearchLength = reader.ReadCount(int.MaxValue),
                SearchChecksum = reader.ReadUInt32(),
                RestChecksum = reader.ReadUInt32(),
                Continues = false,
                Spans = reader.ReadCount(int.MaxValue),
                MinStart = reader.ReadVarint(),
                MaxStart = 0,
            };
            if (page.Offset < 0 || page.Offset > footerOffset - page.Length || page.SearchLength > page.Length)
                throw new InvalidDataException($"page {i} lies outside the block");
            pages[i] = page with { Continues = (page.Spans & 1) != 0, Spans = page.Spans >> 1, MaxStart = page.MinStart + reader.ReadVarint() };
        }

        return pages;
    }
}
