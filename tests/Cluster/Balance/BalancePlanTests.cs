using System.Net;
using OrleansTempo.Silo.Balance;

namespace OrleansTempo.Cluster.Balance;

public sealed class BalancePlanTests
{
    private static readonly SiloAddress[] s_silos = [.. Enumerable.Range(0, 8).Select(static i => SiloAddress.New(IPAddress.Loopback, 11111 + i, 1))];

    [Theory]
    [InlineData(new[] { 12, 0, 0 }, "0>2 4, 0>1 4")]
    [InlineData(new[] { 2, 10, 0 }, "1>2 4, 1>0 2")]
    [InlineData(new[] { 6, 6, 0 }, "0>2 2, 1>2 2")]
    [InlineData(new[] { 5, 4, 4 }, "")]
    [InlineData(new[] { 4, 4, 5 }, "")]
    [InlineData(new[] { 0, 1, 0 }, "")]
    [InlineData(new[] { 2, 0, 0 }, "0>1 1")]
    [InlineData(new[] { 5, 5, 3 }, "1>2 1")]
    [InlineData(new[] { 7, 3, 3 }, "0>2 1, 0>1 1")]
    [InlineData(new[] { 0, 0, 0 }, "")]
    [InlineData(new[] { 3 }, "")]
    [InlineData(new int[] { }, "")]
    public void Each_silo_has_its_share_and_nothing_moves_that_need_not(int[] counts, string plan) => Assert.Equal(
        plan, string.Join(", ", BalancePlan.Of(Counts(counts)).Select(static m => $"{Array.IndexOf(s_silos, m.From)}>{Array.IndexOf(s_silos, m.To)} {m.Count}")));

    [Fact]
    public void Whatever_the_counts_are_the_plan_is_even_and_as_short_as_can_be_and_needs_no_other_after_it()
    {
        var random = new Random(1);
        for (var i = 0; i < 2_000; i++)
        {
            var counts = Enumerable.Range(0, random.Next(1, s_silos.Length + 1)).Select(_ => random.Next(random.Next(1, 100))).ToArray();
            var (share, more) = Math.DivRem(counts.Sum(), counts.Length);
            var least = counts.Sum(c => Math.Max(0, c - share)) - Math.Min(more, counts.Count(c => c > share));

            var plan = BalancePlan.Of(Counts(counts));
            Assert.Equal(plan, BalancePlan.Of(Counts(counts).Reverse()));
            Assert.Equal(least, plan.Sum(static m => m.Count));
            foreach (var move in plan)
            {
                counts[Array.IndexOf(s_silos, move.From)] -= move.Count;
                counts[Array.IndexOf(s_silos, move.To)] += move.Count;
            }

            Assert.All(counts, c => Assert.InRange(c, share, share + 1));
            Assert.Empty(BalancePlan.Of(Counts(counts)));
        }
    }

    [Fact]
    public void The_grains_of_a_silo_that_leaves_go_to_those_that_have_fewest() => Assert.Equal(
        [1, 1, 0, 1, 0],
        BalancePlan.Spread(Counts([2, 0]), 5).Select(static silo => Array.IndexOf(s_silos, silo)));

    private static IEnumerable<KeyValuePair<SiloAddress, int>> Counts(int[] counts) => counts.Select(static (count, i) => KeyValuePair.Create(s_silos[i], count));
}
