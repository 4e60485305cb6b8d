using OrleansTempo.Core.Blocks.Format.Pages;

namespace OrleansTempo.Core.Tests.Blocks.Format.Pages;

public sealed class PageCompressionTests
{
    [Theory]
    [InlineData(0, 0)]
    [InlineData(10, 0)]
    [InlineData(5000, 0)]
    [InlineData(5000, 255)]
    [InlineData(200_000, 3)]
    public void Columns_of_any_content_come_back(int length, int highest)
    {
        var random = new Random(length);
        var columns = Columns(_ => [.. Enumerable.Range(0, length).Select(_ => (byte)random.Next(highest + 1))]);
        var page = new ColumnBuffer();

        PageCompression.Write(columns, page);

        var reader = new ColumnReader(page.Bytes);
        var headers = columns.Select(_ => (Codec: 0, Raw: 0, Stored: 0)).ToArray();
        for (var i = 0; i < headers.Length; i++)
            headers[i] = (reader.ReadByte(), reader.ReadCount(int.MaxValue), reader.ReadCount(int.MaxValue));
        for (var i = 0; i < headers.Length; i++)
        {
            var raw = new byte[headers[i].Raw];
            PageCompression.Read((byte)headers[i].Codec, reader.ReadBytes(headers[i].Stored), raw);
            Assert.Equal(columns[i].Bytes.ToArray(), raw);
            Assert.True(headers[i].Stored <= headers[i].Raw);
        }

        Assert.Equal(0, reader.Left);
    }

    [Fact]
    public void Compressible_columns_are_compressed_and_others_stored_raw()
    {
        var random = new Random(1);
        var alike = Write(Columns(_ => new byte[10_000]));
        var noise = Write(Columns(_ =>
        {
            var bytes = new byte[10_000];
            random.NextBytes(bytes);
            return bytes;
        }));

        // All except the IDs and times, which are never worth compressing.
        Assert.InRange(alike, 20_000, 60_000);
        Assert.InRange(noise, 110_000, 110_100);

        static int Write(ColumnBuffer[] columns)
        {
            var page = new ColumnBuffer();
            PageCompression.Write(columns, page);
            return page.Length;
        }
    }

    [Theory]
    [InlineData(2, "00", 1)]
    [InlineData(255, "", 0)]
    [InlineData(PageCompression.Stored, "0102", 1)]
    [InlineData(PageCompression.Stored, "01", 2)]
    [InlineData(PageCompression.Brotli, "FFFFFFFF", 10)]
    [InlineData(PageCompression.Brotli, "", 1)]
    public void Bytes_that_no_codec_wrote_are_refused(byte codec, string hex, int rawLength) =>
        Assert.Throws<InvalidDataException>(() => PageCompression.Read(codec, Convert.FromHexString(hex), new byte[rawLength]));

    [Fact]
    public void A_compressed_column_of_another_length_is_refused()
    {
        var compressed = new byte[1000];
        Assert.True(System.IO.Compression.BrotliEncoder.TryCompress(new byte[5000], compressed, out var length));

        PageCompression.Read(PageCompression.Brotli, compressed.AsSpan(0, length), new byte[5000]);
        Assert.Throws<InvalidDataException>(() => PageCompression.Read(PageCompression.Brotli, compressed.AsSpan(0, length), new byte[4999]));
        Assert.Throws<InvalidDataException>(() => PageCompression.Read(PageCompression.Brotli, compressed.AsSpan(0, length), new byte[5001]));
    }

    private static ColumnBuffer[] Columns(Func<int, byte[]> content) =>
    [
        .. Enumerable.Range(0, PageBuilder.ColumnCount).Select(i =>
        {
            var column = new ColumnBuffer();
            column.WriteBytes(content(i));
            return column;
        }),
    ];
}
