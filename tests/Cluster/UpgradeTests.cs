using OrleansTempo.Cluster.Harness;
using Xunit.Abstractions;

namespace OrleansTempo.Cluster;

/// <summary>The build before this and this one in one cluster.</summary>
[Trait("Category", "Long")]
public sealed class UpgradeTests(ITestOutputHelper output)
{
    [MachinesTheory(takesPreviousBuild: true)]
    [InlineData(StoreKind.Azure)]
    [InlineData(StoreKind.Postgres)]
    internal async Task Silos_of_the_build_before_are_replaced_one_by_one_and_come_back_one_by_one(StoreKind store)
    {
        using var previous = await PreviousBuild.MakeAsync();
        var report = await ClusterEvent.UpgradeFrom(previous.Program).ExecuteAsync(store);
        output.WriteLine($"{report}");
        Assert.True(report.MissingTraces == 0, $"{report}");
        Assert.Empty(report.OrderComplaints);
        Assert.True(report.AllReady, $"{report}");
    }
}
