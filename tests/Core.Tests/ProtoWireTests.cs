using System.Buffers;

namespace OrleansTempo.Core.Tests;

public sealed class ProtoWireTests
{
    [Theory]
    [InlineData(0, 1)]
    [InlineData(0x7F, 1)]
    [InlineData(0x80, 2)]
    [InlineData(0x3FFF, 2)]
    [InlineData(0x4000, 3)]
    [InlineData(uint.MaxValue, 5)]
    [InlineData(ulong.MaxValue >> 1, 9)]
    [InlineData(ulong.MaxValue, 10)]
    public void A_number_comes_back_from_as_many_bytes_as_it_takes(ulong number, int length)
    {
        var output = new ArrayBufferWriter<byte>();
        ProtoWire.WriteVarint(output, number);
        var bytes = output.WrittenSpan;
        int tried = 0, read = 0;

        Assert.Equal(length, bytes.Length);
        Assert.Equal(length, ProtoWire.VarintLength(number));
        Assert.True(ProtoWire.TryReadVarint(bytes, ref tried, out var value));
        Assert.Equal((number, length), (value, tried));
        Assert.Equal(number, ProtoWire.ReadVarint(bytes, ref read));
        Assert.Equal(length, read);
        Assert.Equal(number, ProtoWire.ReadVarint(bytes));
    }

    [Fact]
    public void What_is_cut_off_or_too_long_is_not_read_and_the_position_tells_which()
    {
        byte[] cutOff = [0xFF, 0xFF], tooLong = [.. Enumerable.Repeat((byte)0x80, 11), 1];
        int ofCutOff = 0, ofTooLong = 0, atEnd = 2;

        Assert.False(ProtoWire.TryReadVarint(cutOff, ref ofCutOff, out _));
        Assert.False(ProtoWire.TryReadVarint(tooLong, ref ofTooLong, out _));
        Assert.False(ProtoWire.TryReadVarint(cutOff, ref atEnd, out _));
        Assert.Equal((2, ProtoWire.MaxVarintBytes, 2), (ofCutOff, ofTooLong, atEnd));
        Assert.Throws<InvalidDataException>(() => ProtoWire.ReadVarint(cutOff));
        Assert.Equal(0ul, ProtoWire.ReadVarint([]));
    }
}
