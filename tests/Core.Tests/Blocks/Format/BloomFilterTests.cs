using OrleansTempo.Core.Blocks.Format;

namespace OrleansTempo.Core.Tests.Blocks.Format;

public sealed class BloomFilterTests
{
    // Computed independently of the code: blocks written with this hash must stay readable for ever.
    [Theory]
    [InlineData(1, new ulong[] { 0, 1 }, "1000000000008000000000080800000000001000000020000001000000000010")]
    [InlineData(1, new ulong[] { 0x0102030405060708, 0x090A0B0C0D0E0F10 }, "0400000000004000000000020008000000200000010000000000400004000000")]
    [InlineData(2, new ulong[] { ulong.MaxValue, ulong.MaxValue, 0, 1 }, "000000000000000000000000000000000000000000000000000000000000000011000000000280000000040808000040800010000000A0008001000000001010")]
    [InlineData(3, new ulong[] { 0x0102030405060708, 0x090A0B0C0D0E0F10, ulong.MaxValue, ulong.MaxValue, 1, 0 }, "000100000000200000000100080000000000008000002000080000000000100004000000000040000000000200080000002000000100000000004000040000000100000000020000000004000000004080000000000080008000000000001000")]
    public void The_filter_keeps_its_stored_format(int buckets, ulong[] traces, string hex)
    {
        var filter = new byte[buckets * 32];
        for (var i = 0; i < traces.Length; i += 2)
            BloomFilter.Add(filter, new TraceId(traces[i], traces[i + 1]));

        Assert.Equal(hex, Convert.ToHexString(filter));
    }

    [Theory]
    [InlineData(0, 32)]
    [InlineData(1, 32)]
    [InlineData(10, 32)]
    [InlineData(11, 64)]
    [InlineData(40_000, 120_000)]
    public void A_filter_has_24_bits_a_trace(long traces, int bytes)
    {
        Assert.Equal(bytes, BloomFilter.Create(traces).Length);
        Assert.True(BloomFilter.IsFilter(BloomFilter.Create(traces)));
        Assert.False(BloomFilter.IsFilter(new byte[bytes + 1]));
        Assert.False(BloomFilter.IsFilter([]));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Added_IDs_are_found_and_few_others_however_the_IDs_are_generated(bool areRandom)
    {
        var random = new Random(1);
        TraceId[] ids = [.. Enumerable.Range(1, 200_000).Select(i => areRandom ? new TraceId((ulong)random.NextInt64(), (ulong)random.NextInt64()) : new TraceId(0, (ulong)i))];
        var filter = BloomFilter.Create(100_000);
        foreach (var id in ids[..100_000])
            BloomFilter.Add(filter, id);

        Assert.All(ids[..100_000], id => Assert.True(BloomFilter.MayContain(filter, id)));
        Assert.InRange(ids[100_000..].Count(id => BloomFilter.MayContain(filter, id)), 1, 60);
    }
}
