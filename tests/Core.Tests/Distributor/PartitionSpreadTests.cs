using OrleansTempo.Core.Distributor;
using OrleansTempo.Core.Ingester;
using OrleansTempo.Core.Tests.Ingester;

namespace OrleansTempo.Core.Tests.Distributor;

public sealed class PartitionSpreadTests
{
    private static readonly TimeSpan s_second = TimeSpan.FromSeconds(1);

    private readonly ManualTimeProvider _time = new();

    [Theory]
    [InlineData(8, 1, 1)]
    [InlineData(8, 20_000, 1)]
    [InlineData(8, 20_001, 2)]
    [InlineData(8, 100_000, 8)]
    [InlineData(8, 10_000_000, 8)]
    [InlineData(6, 60_000, 4)]
    [InlineData(6, 100_000, 6)]
    [InlineData(1, 10_000_000, 1)]
    public void A_tenant_is_spread_over_as_many_partitions_as_its_spans_per_second_need(int partitions, int spans, int expected)
    {
        var spread = new PartitionSpread(partitions, _time);

        spread.Count(spans);

        Assert.Equal(expected, spread.Partitions);
    }

    [Fact]
    public void The_spread_grows_at_once_and_shrinks_one_step_per_half_minute_of_quiet()
    {
        var spread = new PartitionSpread(8, _time);
        spread.Count(500_000);
        Assert.Equal(8, spread.Partitions);

        var steps = new List<int>();
        for (var second = 0; second < 120; second++)
        {
            _time.Advance(s_second);
            spread.Count(1000);
            steps.Add(spread.Partitions);
        }

        Assert.Equal([8, 4, 2, 1], steps.Distinct());
        Assert.InRange(steps.IndexOf(4), 29, 31);
        Assert.InRange(steps.IndexOf(1), 89, 91);
    }

    [Fact]
    public void A_burst_in_a_quiet_period_keeps_the_spread_from_shrinking()
    {
        var spread = new PartitionSpread(8, _time);
        for (var second = 0; second < 200; second++)
        {
            spread.Count(second % 20 == 0 ? 200_000 : 10);
            _time.Advance(s_second);
        }

        Assert.Equal(8, spread.Partitions);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(6)]
    [InlineData(8)]
    [InlineData(64)]
    [InlineData(100)]
    public void A_trace_is_in_one_of_its_candidates_whatever_the_number_was(int partitions)
    {
        var random = new Random(partitions);
        for (var i = 0; i < 1000; i++)
        {
            var trace = new TraceId((ulong)random.NextInt64(), (ulong)random.NextInt64());
            var candidates = PartitionSpread.Candidates(trace, partitions);

            Assert.Equal(candidates.Distinct(), candidates);
            Assert.InRange(candidates.Count, 1, 2 + System.Numerics.BitOperations.Log2((uint)partitions));
            for (var used = 1; used < partitions; used *= 2)
                Assert.Contains(TraceSplit.PartitionOf(trace, used), candidates);
            Assert.Contains(TraceSplit.PartitionOf(trace, partitions), candidates);
        }
    }
}
