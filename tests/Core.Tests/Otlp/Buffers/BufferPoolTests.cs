using OrleansTempo.Core.Otlp.Buffers;

namespace OrleansTempo.Core.Tests.Otlp.Buffers;

public sealed class BufferPoolTests
{
    [Theory]
    [InlineData(0, 1024)]
    [InlineData(1, 1024)]
    [InlineData(1024, 1024)]
    [InlineData(1025, 1280)]
    [InlineData(1280, 1280)]
    [InlineData(1281, 1536)]
    [InlineData(1793, 2048)]
    [InlineData(2048, 2048)]
    [InlineData(2049, 2560)]
    [InlineData(275_000, 327_680)]
    [InlineData(1 << 20, 1 << 20)]
    [InlineData((1 << 20) + 1, (1 << 20) + (1 << 18))]
    public void Sizes_go_up_in_quarters_of_a_power_of_two(int minimum, int length) =>
        Assert.Equal(length, new BufferPool(0).Rent(minimum).Length);

    [Fact]
    public void A_returned_array_is_rented_again_by_requests_of_its_size_only()
    {
        var pool = new BufferPool(1 << 20);
        var array = pool.Rent(1300);
        pool.Return(array);
        Assert.Equal(1536, pool.PooledBytes);

        Assert.NotSame(array, pool.Rent(1000));
        Assert.NotSame(array, pool.Rent(1600));
        Assert.Same(array, pool.Rent(1281));
        Assert.NotSame(array, pool.Rent(1281));
        Assert.Equal(0, pool.PooledBytes);
    }

    [Fact]
    public void Arrays_beyond_the_bound_are_left_to_the_garbage_collector()
    {
        var pool = new BufferPool(3000);
        var arrays = Enumerable.Range(0, 3).Select(_ => pool.Rent(1100)).ToArray();

        foreach (var array in arrays)
            pool.Return(array);

        Assert.Equal(2560, pool.PooledBytes);
        Assert.Equal(arrays[..2], [pool.Rent(1100), pool.Rent(1100)]);
    }

    [Fact]
    public void Arrays_of_other_sizes_are_not_pooled()
    {
        var pool = new BufferPool(1 << 20);

        pool.Return(new byte[1100]);
        pool.Return(new byte[10]);
        pool.Return([]);

        Assert.Equal(0, pool.PooledBytes);
    }
}
