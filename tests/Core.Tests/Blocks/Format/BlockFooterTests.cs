using OrleansTempo.Core.Blocks.Format;
using OrleansTempo.Core.Blocks.Format.Pages;

namespace OrleansTempo.Core.Tests.Blocks.Format;

public sealed class BlockFooterTests
{
    private const long FooterOffset = 5000;

    [Fact]
    public void A_written_footer_is_read_back()
    {
        var footer = Footer(40);

        var read = BlockFooter.Read(Bytes(footer), FooterOffset);

        Assert.Equal(footer.Bloom, read.Bloom);
        Assert.Equal(footer.Pages, read.Pages);
        Assert.InRange(read.MemoryBytes, 40 * 64, 40 * 100);
    }

    [Fact]
    public void Sections_that_a_later_program_adds_are_skipped()
    {
        var footer = Footer(3);
        var content = Bytes(footer)[..^4];

        var read = BlockFooter.Read(WithChecksum([3, 5, 1, 2, 3, 4, 5, .. content, 200, 0, 3, 1, 9]), FooterOffset);

        Assert.Equal(footer.Pages, read.Pages);
        Assert.Equal(footer.Bloom, read.Bloom);
    }

    [Fact]
    public void Every_bit_and_every_length_counts()
    {
        var bytes = Bytes(Footer(2));
        for (var i = 0; i < bytes.Length * 8; i++)
        {
            var damaged = bytes.ToArray();
            damaged[i / 8] ^= (byte)(1 << (i % 8));
            Assert.Throws<InvalidDataException>(() => BlockFooter.Read(damaged, FooterOffset));
        }

        for (var length = 0; length < bytes.Length; length++)
            Assert.Throws<InvalidDataException>(() => BlockFooter.Read(bytes.AsSpan(0, length), FooterOffset));
    }

    [Fact]
    public void A_footer_without_one_of_its_sections_is_refused()
    {
        Assert.Contains("Bloom", Assert.Throws<InvalidDataException>(() => BlockFooter.Read(WithChecksum([2, 1, 0]), FooterOffset)).Message);
        Assert.Contains("page index", Assert.Throws<InvalidDataException>(() => BlockFooter.Read(WithChecksum([1, 32, .. new byte[32]]), FooterOffset)).Message);
        Assert.Contains("buckets", Assert.Throws<InvalidDataException>(() => BlockFooter.Read(WithChecksum([1, 31, .. new byte[31]]), FooterOffset)).Message);
        Assert.Contains("buckets", Assert.Throws<InvalidDataException>(() => BlockFooter.Read(WithChecksum([1, 0]), FooterOffset)).Message);
    }

    [Theory]
    [InlineData(5000, 1, 1)]
    [InlineData(4990, 11, 1)]
    [InlineData(8, 10, 11)]
    [InlineData(long.MaxValue, 10, 1)]
    [InlineData(-1, 10, 1)]
    public void A_page_outside_the_block_is_refused(long offset, int length, int searchLength)
    {
        var footer = new BlockFooter { Bloom = new byte[32], Pages = [Page(0) with { Offset = offset, Length = length, SearchLength = searchLength }] };

        Assert.Contains("outside", Assert.Throws<InvalidDataException>(() => BlockFooter.Read(Bytes(footer), FooterOffset)).Message);
    }

    [Fact]
    public void Any_footer_with_a_correct_checksum_is_read_or_refused()
    {
        var random = new Random(5);
        var content = Bytes(Footer(4))[..^4];
        for (var i = 0; i < 50_000; i++)
        {
            var mutated = content.ToArray();
            for (var n = random.Next(1, 5); n > 0; n--)
                mutated[random.Next(mutated.Length)] = (byte)random.Next(256);
            try
            {
                foreach (var page in BlockFooter.Read(WithChecksum(mutated), FooterOffset).Pages)
                {
                    Assert.InRange(page.Offset, 0, FooterOffset);
                    Assert.InRange(page.Offset + page.Length, 0, FooterOffset);
                    Assert.InRange(page.SearchLength, 0, page.Length);
                }
            }
            catch (InvalidDataException)
            {
            }
        }
    }

    [Fact]
    public void The_first_page_of_a_trace_is_the_one_that_begins_with_it_or_the_last_that_begins_before_it()
    {
        PageEntry[] pages = [Page(10) with { Continues = false }, Page(20) with { Continues = true }, Page(20) with { Continues = true }, Page(30) with { Continues = false }, Page(30) with { Continues = true }];
        var footer = new BlockFooter { Bloom = [], Pages = pages };

        Assert.Equal([-1, 0, 0, 0, 2, 3, 4], new ulong[] { 9, 10, 11, 20, 21, 30, 31 }.Select(t => footer.FirstPageOf(new TraceId(0, t))));
        Assert.Equal(-1, new BlockFooter { Bloom = [], Pages = [] }.FirstPageOf(new TraceId(0, 1)));
    }

    private static BlockFooter Footer(int pages)
    {
        var bloom = new byte[64];
        new Random(1).NextBytes(bloom);
        return new BlockFooter { Bloom = bloom, Pages = [.. Enumerable.Range(0, pages).Select(i => Page((ulong)i * 1000))] };
    }

    private static PageEntry Page(ulong firstTrace) => new()
    {
        FirstTrace = new TraceId(0, firstTrace),
        Continues = firstTrace % 3 == 1,
        Offset = 8 + ((long)firstTrace % 100),
        Length = 300,
        SearchLength = 200,
        SearchChecksum = 0xDEADBEEF,
        RestChecksum = uint.MaxValue,
        Spans = 77,
        MinStart = 1_780_000_000_000_000_000 + firstTrace,
        MaxStart = 1_780_000_000_000_000_500 + firstTrace,
    };

    private static byte[] Bytes(BlockFooter footer)
    {
        var buffer = new ColumnBuffer();
        footer.Write(buffer);
        return buffer.Bytes.ToArray();
    }

    private static byte[] WithChecksum(byte[] content) => [.. content, .. BitConverter.GetBytes(Crc32C.Of(content))];
}
