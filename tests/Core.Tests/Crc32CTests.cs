using System.Text;

namespace OrleansTempo.Core.Tests;

public sealed class Crc32CTests
{
    // The check value of the CRC catalogue, and the examples of RFC 3720, appendix B.4.
    [Fact]
    public void The_checksum_is_the_standard_one()
    {
        Assert.Equal(0xE3069283u, Crc32C.Of(Encoding.ASCII.GetBytes("123456789")));
        Assert.Equal(0x8A9136AAu, Crc32C.Of(new byte[32]));
        Assert.Equal(0x62A8AB43u, Crc32C.Of([.. Enumerable.Repeat((byte)0xFF, 32)]));
        Assert.Equal(0x46DD794Eu, Crc32C.Of([.. Enumerable.Range(0, 32).Select(i => (byte)i)]));
        Assert.Equal(0u, Crc32C.Of([]));
    }

    [Fact]
    public void Appending_gives_the_checksum_of_the_whole_wherever_it_is_split()
    {
        var bytes = new byte[10_000];
        new Random(1).NextBytes(bytes);
        var whole = bytes.Aggregate(~0u, System.Numerics.BitOperations.Crc32C);

        foreach (var split in (int[])[0, 1, 7, 8, 9, 100, 3071, 3072, 3073, 9999, 10_000])
            Assert.Equal(~whole, Crc32C.Append(Crc32C.Of(bytes.AsSpan(0, split)), bytes.AsSpan(split)));
    }
}
