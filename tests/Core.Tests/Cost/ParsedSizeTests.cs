using OrleansTempo.Core.Otlp.Buffers;
using OrleansTempo.Core.Otlp.Reading;

namespace OrleansTempo.Core.Tests.Cost;

/// <summary>What is made of a request counts with its bytes in <c>max_inflight_bytes</c>, and is bounded by them.</summary>
public sealed class ParsedSizeTests
{
    public static TheoryData<string, Func<int, byte[]>> Empties { get; } = new()
    {
        { "spans", AttackBodies.EmptySpans },
        { "resources", AttackBodies.EmptyResources },
        { "attributes without a key", AttackBodies.KeylessAttributes },
    };

    [Theory]
    [MemberData(nameof(Empties))]
    public void Megabytes_of_what_is_empty_are_refused_by_name_for_good_before_they_are_read(string of, Func<int, byte[]> body)
    {
        var memory = new RequestMemory(1 << 30);
        var request = body(10_000_000);
        var before = GC.GetAllocatedBytesForCurrentThread();

        var refused = Assert.Throws<RequestMemoryException>(() => SpanBatch.TryRead(memory.Copy(request), 0, out _, out _));

        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.False(refused.CanFit, of);
        Assert.Contains("most of them are empty", refused.Message);
        Assert.True(allocated < 12L * request.Length, $"{of}: {allocated} bytes were allocated for {request.Length}");
        Assert.Equal(0, memory.OutstandingBytes);
    }

    [Fact]
    public void The_smallest_spans_that_can_be_taken_are_never_too_many_for_their_bytes()
    {
        // Each with a scope and a resource of its own: there is nothing that takes more memory for its bytes and says something.
        var span = AttackBodies.Field(1, AttackBodies.Field(2, AttackBodies.Field(2, [.. AttackBodies.Field(1, [.. new byte[15], 1]), .. AttackBodies.Field(2, [.. new byte[7], 1])])));
        var request = new byte[500_000 * span.Length];
        for (var i = 0; i < request.Length; i += span.Length)
            span.CopyTo(request, i);

        Assert.True(SpanBatch.TryRead(new RequestMemory(1 << 30).Copy(request), 0, out var batch, out _));

        Assert.Equal(500_000, batch.Spans.Length);
        batch.Release();
    }

    [Fact]
    public void Eighty_kilobytes_of_anything_are_taken()
    {
        foreach (var request in new[] { AttackBodies.EmptySpans(40_000), AttackBodies.EmptyScopes(40_000), AttackBodies.EmptyResources(40_000), AttackBodies.KeylessAttributes(40_000) })
        {
            Assert.True(SpanBatch.TryRead(new RequestMemory(1 << 30).Copy(request), 0, out var batch, out _));
            batch.Release();
        }
    }

    [Fact]
    public void What_is_read_counts_until_the_last_lease_is_released()
    {
        var memory = new RequestMemory(1 << 30);
        Assert.True(SpanBatch.TryRead(memory.Copy(AttackBodies.Ordinary(100_000)), 0, out var batch, out _));
        var records = memory.OutstandingBytes - batch.Bytes.Length;
        batch.Lease();
        batch.Release();

        // Some 500 spans with four attributes each.
        Assert.InRange(memory.OutstandingBytes, batch.Bytes.Length + 80_000, batch.Bytes.Length + 400_000);
        Assert.True(records > 80_000, $"{records}");
        batch.Release();
        Assert.Equal(0, memory.OutstandingBytes);
    }

    [Fact]
    public void A_request_for_which_others_leave_no_room_may_come_again_and_one_that_never_fits_may_not()
    {
        // 8 MB of records.
        var request = AttackBodies.EmptySpans(70_000);
        var memory = new RequestMemory(32 << 20);
        var others = memory.Rent(26 << 20);

        var full = Assert.Throws<RequestMemoryException>(() => SpanBatch.TryRead(memory.Copy(request), 0, out _, out _));
        others.Return();

        Assert.True(full.CanFit);
        Assert.Contains("try again later", full.Message);
        Assert.True(SpanBatch.TryRead(memory.Copy(request), 0, out var batch, out _));
        batch.Release();
        Assert.Equal(0, memory.OutstandingBytes);

        var small = new RequestMemory(4 << 20);
        var never = Assert.Throws<RequestMemoryException>(() => SpanBatch.TryRead(small.Copy(request), 0, out _, out _));
        Assert.False(never.CanFit);
        Assert.Contains("all requests together may hold only 4194304 (distributor.max_inflight_bytes, or a quarter of the process's memory); send smaller batches, or raise the limit", never.Message);
        Assert.Equal(0, small.OutstandingBytes);
    }

    [Fact]
    public void A_buffer_that_outgrows_all_memory_may_not_come_again()
    {
        var memory = new RequestMemory(3 << 10);
        var buffer = memory.Rent(1 << 10);

        Assert.True(Assert.Throws<RequestMemoryException>(() => memory.Rent(2560)).CanFit);
        Assert.False(Assert.Throws<RequestMemoryException>(() => memory.Rent(4 << 10)).CanFit);
        Assert.False(Assert.Throws<RequestMemoryException>(() => buffer.GetMemory(2500)).CanFit);
        buffer.Return();
        Assert.Equal(0, memory.OutstandingBytes);
    }

    [Fact]
    public void An_abandoned_batch_counts_no_more_nor_do_its_records()
    {
        var memory = new RequestMemory(1 << 30);
        Assert.True(SpanBatch.TryRead(memory.Copy(AttackBodies.EmptySpans(10_000)), 0, out var batch, out _));

        batch.Abandon();

        Assert.Equal(0, memory.OutstandingBytes);
    }

    [Fact]
    public void What_the_log_has_is_read_whatever_it_takes()
    {
        var request = AttackBodies.EmptySpans(1_000_000);
        var buffer = RequestBuffer.RentUncounted(request.Length);
        request.CopyTo(buffer.Array, 0);
        buffer.Length = request.Length;

        Assert.True(SpanBatch.TryRead(buffer, 0, out var batch, out _));

        Assert.Equal(1_000_000, batch.Spans.Length);
        batch.Release();
    }

    [Fact]
    public void Cutting_values_allocates_nothing_that_is_not_counted()
    {
        var memory = new RequestMemory(1 << 30);
        byte[] request = [.. AttackBodies.Ordinary(1_000_000), .. AttackBodies.EmptySpans(30_000)];
        Assert.True(SpanBatch.TryRead(memory.Copy(request), 8, out var batch, out _));
        Assert.True(batch.OversizedAttributes > 0);
        OtlpTruncation.Truncate(batch, 8, memory, out _).Return();
        var before = GC.GetAllocatedBytesForCurrentThread();

        var shorter = OtlpTruncation.Truncate(batch, 8, memory, out _);

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 10_000);
        shorter.Return();
        batch.Release();
    }
}
