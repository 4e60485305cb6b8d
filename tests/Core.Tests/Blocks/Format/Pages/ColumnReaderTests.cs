using OrleansTempo.Core.Blocks.Format.Pages;

namespace OrleansTempo.Core.Tests.Blocks.Format.Pages;

public sealed class ColumnReaderTests
{
    [Fact]
    public void What_a_column_buffer_wrote_is_read()
    {
        ulong[] numbers = [0, 1, 127, 128, 300, uint.MaxValue, long.MaxValue, ulong.MaxValue];
        var buffer = new ColumnBuffer();
        foreach (var number in numbers)
            buffer.WriteVarint(number);
        buffer.WriteByte(7);
        buffer.WriteUInt32(0x01020304);
        buffer.WriteUInt64BigEndian(0x0102030405060708);
        new TraceId(1, 2).Write(buffer.Append(TraceId.Length));
        buffer.WriteBytes("end"u8);

        var reader = new ColumnReader(buffer.Bytes);

        foreach (var number in numbers)
            Assert.Equal(number, reader.ReadVarint());
        Assert.Equal((7, 0x01020304U, 0x0102030405060708UL), (reader.ReadByte(), reader.ReadUInt32(), reader.ReadUInt64BigEndian()));
        Assert.Equal(new TraceId(1, 2), reader.ReadTraceId());
        Assert.Equal(3, reader.Left);
        Assert.Equal("end"u8.ToArray(), reader.ReadBytes(3).ToArray());
        Assert.Equal(0, reader.Left);
    }

    [Theory]
    [InlineData(0, "00", 0)]
    [InlineData(300, "AC02", 300)]
    [InlineData(299, "AC02", null)]
    [InlineData(0, "01", null)]
    [InlineData(-1, "00", null)]
    [InlineData(int.MaxValue, "FFFFFFFF07", int.MaxValue)]
    [InlineData(int.MaxValue, "8080808008", null)]
    [InlineData(int.MaxValue, "FFFFFFFFFFFFFFFFFF01", null)]
    [InlineData(int.MaxValue, "FFFFFFFFFFFFFFFFFFFF01", null)]
    [InlineData(int.MaxValue, "80", null)]
    [InlineData(int.MaxValue, "", null)]
    public void An_impossible_count_is_refused(int most, string hex, int? expected)
    {
        var bytes = Convert.FromHexString(hex);

        if (expected is { } count)
            Assert.Equal(count, new ColumnReader(bytes).ReadCount(most));
        else
            Assert.Throws<InvalidDataException>(() => new ColumnReader(bytes).ReadCount(most));
    }

    [Fact]
    public void Any_bytes_are_read_or_refused_as_invalid_data()
    {
        var random = new Random(3);
        for (var i = 0; i < 20_000; i++)
        {
            var bytes = new byte[random.Next(40)];
            random.NextBytes(bytes);
            try
            {
                var reader = new ColumnReader(bytes);
                while (true)
                {
                    switch (random.Next(6))
                    {
                        case 0: reader.ReadVarint(); break;
                        case 1: reader.ReadBytes(reader.ReadCount(reader.Left)); break;
                        case 2: reader.ReadByte(); break;
                        case 3: reader.ReadUInt32(); break;
                        case 4: reader.ReadUInt64BigEndian(); break;
                        default: reader.ReadBytes(random.Next(-5, 50)); break;
                    }
                }
            }
            catch (InvalidDataException)
            {
            }
        }
    }
}
