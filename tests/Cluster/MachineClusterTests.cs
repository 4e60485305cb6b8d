using OrleansTempo.Cluster.Harness;
using Xunit.Abstractions;

namespace OrleansTempo.Cluster;

/// <summary>
/// Clusters of silos on machines of their own, while twelve tenants push. Whatever happens, every acknowledged trace is
/// found whole through every silo, no series is written twice, every refusal says when to come again, and the metrics count nothing that was refused.
/// </summary>
[Trait("Category", "Long")]
public sealed class MachineClusterTests(ITestOutputHelper output)
{
    [MachinesTheory]
    [InlineData(StoreKind.Azure)]
    [InlineData(StoreKind.Postgres)]
    internal async Task While_nothing_happens_everything_is_counted_once(StoreKind store) => AssertContinuous(await ExecuteAsync(ClusterEvent.Nothing, store));

    private async Task<ClusterReport> ExecuteAsync(ClusterEvent happening, StoreKind store)
    {
        var report = await happening.ExecuteAsync(store);
        output.WriteLine($"{report}");
        AssertAtMost(0, report.MissingTraces, report);
        Assert.Empty(report.OrderComplaints);
        AssertAtMost(0, report.BadRefusals, report);
        AssertAtMost(0, report.CountedTwice, report);
        AssertAtMost(0, report.GaveUp, report);
        Assert.True(report.AllReady, $"{report}");
        return report;
    }

    // Counters go on, and every acknowledged span is counted: in them, or as dropped.
    private static void AssertContinuous(ClusterReport report)
    {
        AssertAtMost(0, report.Resets, report);
        AssertAtMost(0, report.Unaccounted, report);
    }

    private static void AssertAtMost(double limit, double actual, ClusterReport report) => Assert.True(actual <= limit, $"{actual} is more than {limit}\n{report}");
}
