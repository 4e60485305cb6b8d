using OrleansTempo.Core.Ingester;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Core.Tests.Otlp;

namespace OrleansTempo.Core.Tests.Ingester;

public sealed class TraceSplitTests
{
    public static TheoryData<int> PartitionCounts => [.. Enumerable.Range(1, 40), 63, 64, 65, 100, 127, 128, 255, 256, 257, 341, 511, 512, 513, 700, 1000, 1022, 1023, 1024];

    [Theory]
    [MemberData(nameof(PartitionCounts))]
    public void Every_span_is_in_the_one_partition_that_owns_its_trace(int partitions)
    {
        var random = new Random(partitions);
        using var batch = TestBatch.Of(Enumerable.Range(0, 2000).Select(_ => new TraceId((ulong)random.NextInt64(), (ulong)random.NextInt64())));
        var split = new TraceSplit();

        split.Split(batch.Batch, partitions);

        var seen = new bool[2000];
        for (var partition = 0; partition < partitions; partition++)
        {
            foreach (var span in split.Spans(partition))
            {
                Assert.False(seen[span]);
                seen[span] = true;
                Assert.Equal(partition, TraceSplit.PartitionOf(TraceIdOf(batch.Batch, span), partitions));
            }
        }

        Assert.DoesNotContain(false, seen);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(8)]
    [InlineData(1024)]
    public void Spans_of_a_trace_are_adjacent_and_in_order(int partitions)
    {
        // Twenty traces with mixed spans; so few that no two of them share a bucket.
        var traces = Enumerable.Range(0, 20).Select(i => new TraceId(0, (ulong)i + 1)).ToArray();
        Assert.Equal(20, traces.Select(t => TraceSplit.PartitionOf(t, TraceSplit.MaxPartitions)).Distinct().Count());
        using var batch = TestBatch.Of(Enumerable.Range(0, 200).Select(i => traces[i * 7 % 20]));
        var split = new TraceSplit();

        split.Split(batch.Batch, partitions);

        for (var partition = 0; partition < partitions; partition++)
        {
            var spans = split.Spans(partition).ToArray();
            var changes = spans.Zip(spans.Skip(1)).Count(pair => TraceIdOf(batch.Batch, pair.First) != TraceIdOf(batch.Batch, pair.Second));
            Assert.Equal(Math.Max(0, spans.Select(s => TraceIdOf(batch.Batch, s)).Distinct().Count() - 1), changes);
            foreach (var trace in spans.GroupBy(s => TraceIdOf(batch.Batch, s)))
                Assert.Equal(trace.Order(), trace);
        }
    }

    [Theory]
    [InlineData("random")]
    [InlineData("counting up")]
    [InlineData("counting up in the high half")]
    [InlineData("low half alone")]
    public void Partitions_are_evenly_filled_whatever_the_trace_IDs(string kind)
    {
        const int count = 100_000;
        var random = new Random(1);
        foreach (var partitions in (int[])[2, 3, 8, 12, 100])
        {
            var traces = new int[partitions];
            for (var i = 0; i < count; i++)
            {
                traces[TraceSplit.PartitionOf(
                    kind switch
                    {
                        "random" => new TraceId((ulong)random.NextInt64() << 1, (ulong)random.NextInt64() << 1),
                        "counting up" => new TraceId(0, (ulong)i + 1),
                        "counting up in the high half" => new TraceId((ulong)i + 1, 0),
                        _ => new TraceId(0, (ulong)random.NextInt64()),
                    },
                    partitions)]++;
            }

            Assert.All(traces, n => Assert.InRange(n, count / partitions * 0.8, count / partitions * 1.2));
        }
    }

    [Fact]
    public void One_split_serves_batch_after_batch_larger_and_smaller()
    {
        var random = new Random(7);
        var split = new TraceSplit();
        foreach (var (spans, partitions) in ((int, int)[])[(100, 8), (5000, 3), (1, 8), (0, 8), (300, 1024), (40, 1)])
        {
            using var batch = TestBatch.Of(Enumerable.Range(0, spans).Select(_ => new TraceId(1, (ulong)random.NextInt64())));
            split.Split(batch.Batch, partitions);

            var all = Enumerable.Range(0, partitions).SelectMany(p => split.Spans(p).ToArray());

            Assert.Equal(Enumerable.Range(0, spans), all.Order());
        }
    }

    // Computed independently of the code: another silo, or the next version, must send a trace to the same partition.
    [Theory]
    [InlineData(0, 1, 8, 2)]
    [InlineData(0x0102030405060708, 0x090A0B0C0D0E0F10, 8, 0)]
    [InlineData(0x0102030405060708, 0x090A0B0C0D0E0F10, 1000, 107)]
    [InlineData(0xFFFFFFFFFFFFFFFF, 0xFFFFFFFFFFFFFFFF, 8, 4)]
    public void A_trace_keeps_its_partition(ulong high, ulong low, int partitions, int partition) =>
        Assert.Equal(partition, TraceSplit.PartitionOf(new TraceId(high, low), partitions));

    private static TraceId TraceIdOf(SpanBatch batch, int span) => TraceId.Read(batch.Bytes.Slice(batch.Spans[span].TraceId.Offset, TraceId.Length));
}
