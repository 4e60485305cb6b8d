using OrleansTempo.Core.Blocks.Format.Pages;
using OrleansTempo.Core.Ingester.Live;

namespace OrleansTempo.Core.Tests.Ingester.Live;

public sealed class RowArenaTests
{
    [Theory]
    [InlineData(1, 200)]
    [InlineData(2, 5000)]
    [InlineData(3, 400_000)]
    public void Rows_of_any_length_come_back_and_none_disturbs_another(int seed, int longest)
    {
        var random = new Random(seed);
        using var arena = new RowArena();
        var rows = new List<(uint Reference, SpanRow Row, byte[] Tail)>();
        for (var i = 0; i < 300; i++)
        {
            var tail = new byte[random.Next(3) == 0 ? 0 : random.Next(longest)];
            random.NextBytes(tail);
            var inlineLength = random.Next(tail.Length + 1);
            var row = new SpanRow
            {
                SpanId = (ulong)random.NextInt64(),
                ParentSpanId = (ulong)i,
                StartTimeUnixNano = ulong.MaxValue - (ulong)i,
                DurationNano = ulong.MaxValue,
                Shape = i,
                InlineLength = inlineLength,
                OtherLength = tail.Length - inlineLength,
                Previous = i == 0 ? 0 : rows[^1].Reference,
            };
            var reference = arena.Add(row, out var target);
            tail.CopyTo(target);
            rows.Add((reference, row, tail));
        }

        Assert.All(rows, r =>
        {
            Assert.Equal(r.Row, arena.Read(r.Reference, out var inline, out var other));
            Assert.Equal(r.Tail[..r.Row.InlineLength], inline.ToArray());
            Assert.Equal(r.Tail[r.Row.InlineLength..], other.ToArray());
        });
        Assert.Equal(300, rows.Select(r => r.Reference).Distinct().Count());
        Assert.DoesNotContain(rows, r => r.Reference == 0);
    }

    [Fact]
    public void Rows_after_one_that_is_larger_than_a_chunk_are_found()
    {
        // 300 KB get an array of 320 KB, whose remainder is beyond the range of a reference.
        using var arena = new RowArena();
        arena.Add(new SpanRow { OtherLength = 300_000 }, out _);

        var references = Enumerable.Range(1, 100).Select(i => (Id: (ulong)i, Reference: arena.Add(new SpanRow { SpanId = (ulong)i, OtherLength = 100 }, out _))).ToArray();

        Assert.All(references, r => Assert.Equal(r.Id, arena.Read(r.Reference, out _, out _).SpanId));
    }

    [Fact]
    public void A_few_rows_take_little_memory_and_many_hardly_more_than_their_own()
    {
        var arena = new RowArena();
        Assert.Equal(0, arena.MemoryBytes);
        arena.Add(new SpanRow { OtherLength = 100 }, out _);
        Assert.Equal(1024, arena.MemoryBytes);

        for (var i = 0; i < 100_000; i++)
            arena.Add(new SpanRow { OtherLength = 152 }, out _);

        Assert.InRange(arena.MemoryBytes, 20_000_000, 20_600_000);
        arena.Dispose();
        Assert.Equal(0, arena.MemoryBytes);
    }
}
