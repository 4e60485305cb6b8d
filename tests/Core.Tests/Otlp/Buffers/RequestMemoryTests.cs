using Google.Protobuf;
using OrleansTempo.Core.Otlp.Buffers;

namespace OrleansTempo.Core.Tests.Otlp.Buffers;

public sealed class RequestMemoryTests
{
    [Fact]
    public void All_buffers_together_hold_no_more_than_the_limit()
    {
        var memory = new RequestMemory(5 << 10);
        var first = memory.Rent(4 << 10);
        var second = memory.Rent(1);
        Assert.Equal(5 << 10, memory.OutstandingBytes);

        var full = Assert.Throws<RequestMemoryException>(() => memory.Rent(1));
        Assert.Equal("the requests in flight already hold the maximum of 5120 bytes (distributor.max_inflight_bytes, or a quarter of the process's memory); try again later", full.Message);
        Assert.Throws<RequestMemoryException>(() => memory.Copy("x"u8));

        second.Return();
        second.Return();
        Assert.Equal(first.Capacity, memory.OutstandingBytes);
        memory.Rent(1).Return();
    }

    [Fact]
    public void Another_memory_has_room_of_its_own()
    {
        var full = new RequestMemory(1 << 10);
        var held = full.Rent(1 << 10);
        var other = new RequestMemory(1 << 10);

        var copy = other.Copy("abc"u8);

        Assert.Equal("abc"u8, copy.Bytes);
        held.Return();
        Assert.Equal(0, full.OutstandingBytes);
        Assert.Equal(copy.Capacity, other.OutstandingBytes);
    }

    [Fact]
    public void A_buffer_that_cannot_grow_stays_as_it_is()
    {
        // A kilobyte, and two more while it is copied.
        var memory = new RequestMemory(3 << 10);
        var buffer = memory.Copy("abc"u8);
        buffer.GetMemory(1 << 10);
        Assert.Equal(2 << 10, memory.OutstandingBytes);

        Assert.Throws<RequestMemoryException>(() => buffer.GetMemory(2 << 10));

        Assert.Equal("abc"u8, buffer.Bytes);
        Assert.Equal(buffer.Capacity, memory.OutstandingBytes);
        buffer.Return();
        Assert.Equal(0, memory.OutstandingBytes);
    }

    [Fact]
    public void An_abandoned_batch_stays_readable_and_no_longer_counts()
    {
        var memory = new RequestMemory(1 << 20);
        var bytes = TestBatch.Request(TestBatch.Span(new TraceId(1, 2), 3, "kept")).ToByteArray();
        var batch = TestBatch.Of(bytes, memory).Batch;
        Assert.Equal(1 << 10, memory.OutstandingBytes);

        batch.Lease();
        batch.Abandon();
        batch.Release();

        Assert.Equal(0, memory.OutstandingBytes);
        Assert.Equal(bytes, batch.Bytes.ToArray());
    }
}
