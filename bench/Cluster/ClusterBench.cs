using OrleansTempo.Harness.Clusters;

namespace OrleansTempo.Bench.Cluster;

/// <summary>Lets things happen to clusters of real silos on machines of their own, and prints what became of everything that was acknowledged.</summary>
internal static class ClusterBench
{
    /// <param name="events">What happens, each to a new cluster.</param>
    /// <param name="stores">With which stores.</param>
    /// <param name="details">Whether to print everything that there is to say, too.</param>
    public static async Task<int> ExecuteAsync(IReadOnlyList<ClusterEvent> events, IReadOnlyList<StoreKind> stores, bool details)
    {
        var reports = new List<(string Name, ClusterReport Report)>();
        foreach (var (store, happening) in from happening in events from store in stores select (store, happening))
        {
            if (MachineCluster.MissingFor(store) is { } missing)
            {
                Console.Error.WriteLine($"{happening.Name}, {store}: {missing}");
                return 1;
            }

            var report = await happening.ExecuteAsync(store);
            reports.Add(($"{happening.Name}, {store}", report));
            if (details)
                Console.WriteLine($"{happening.Name}, {store}\n{report}\n");
        }

        Console.WriteLine(MarkdownTable.Header(["event, store", .. ClusterReport.Columns]));
        foreach (var (name, report) in reports)
            Console.WriteLine(MarkdownTable.Row([name, .. report.Cells]));
        return 0;
    }
}
