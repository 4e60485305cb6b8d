using System.Globalization;

namespace OrleansTempo.Harness.Clusters;

/// <summary>What became of everything that was acknowledged while something happened to a cluster.</summary>
internal sealed record ClusterReport
{
    public required IReadOnlyList<Tenant> Tenants { get; init; }

    /// <summary>Counter resets over all series, as <c>resets()</c> counts them.</summary>
    public required int Resets { get; init; }

    /// <summary>Lines of Prometheus' log.</summary>
    public required IReadOnlyList<string> OrderComplaints { get; init; }

    /// <summary>Acknowledged traces.</summary>
    public required int Traces { get; init; }

    /// <summary>Acknowledged traces that a silo does not find whole, added up over the silos.</summary>
    public required int MissingTraces { get; init; }

    /// <summary>The longest that a request took until it was acknowledged, through whichever silo.</summary>
    public required TimeSpan Longest { get; init; }

    /// <summary>The longest that a silo took for an answer.</summary>
    public required TimeSpan LongestAnswer { get; init; }

    /// <summary>Refusals without a word about when to come again.</summary>
    public required int BadRefusals { get; init; }

    /// <summary>The texts of all refusals.</summary>
    public required IReadOnlyList<string> Refusals { get; init; }

    /// <summary>Requests acknowledged a second, until the event.</summary>
    public required double RateBefore { get; init; }

    /// <summary>Requests acknowledged a second, in the worst ten seconds since.</summary>
    public required double LowestRate { get; init; }

    /// <summary>How long after the beginning of the event a trace from before it was last not found whole through a ready silo.</summary>
    public required TimeSpan UntilFound { get; init; }

    /// <summary>Answers meanwhile that were not whole and did not say so.</summary>
    public required int SilentlyIncomplete { get; init; }

    /// <summary>Tenants of whom a request was not acknowledged for two minutes.</summary>
    public required int GaveUp { get; init; }

    /// <summary>Whether all silos were ready in the end.</summary>
    public required bool AllReady { get; init; }

    /// <summary>How long new silos took until each had its share of the generators; 0 where there were none.</summary>
    public required TimeSpan UntilShared { get; init; }

    /// <summary>Silos that ended by themselves and were started again.</summary>
    public required int Restarts { get; init; }

    public required IReadOnlyList<string> Notes { get; init; }

    /// <summary>At most so many spans are missing from the metrics after crashes, as the silos say, over all tenants.</summary>
    public required double Lost { get; init; }

    /// <summary>Acknowledged spans that are neither in the metrics nor counted as dropped or lost, over all tenants.</summary>
    public double Unaccounted => Math.Max(0, Missing - Lost);

    // What dead silos had in their queues is counted without tenant.
    private double Missing => Tenants.Sum(static tenant => Math.Max(0, tenant.Acknowledged - tenant.Dropped - tenant.Counted));

    /// <summary>Spans in the metrics that were neither acknowledged nor in requests that got no answer.</summary>
    public double CountedTwice => Tenants.Sum(static tenant => Math.Max(0, tenant.Counted - tenant.Acknowledged - tenant.Resent));

    public static IReadOnlyList<string> Columns { get; } =
    [
        "spans acknowledged", "traces not whole", "resets", "out of order", "spans dropped, and said so", "spans missing", "said to be missing at most", "spans missing, unsaid", "counted twice",
        "longest answer s", "longest until acknowledged s", "requests/s before", "worst 10 s", "found again after s", "incomplete, unsaid", "shared after s", "restarts", "tenants that gave up",
    ];

    public IReadOnlyList<string> Cells =>
    [
        Number(Tenants.Sum(static tenant => tenant.Acknowledged)),
        Number(MissingTraces),
        Number(Resets),
        Number(OrderComplaints.Count),
        Number(Tenants.Sum(static tenant => tenant.Dropped)),
        Number(Missing),
        Number(Lost),
        Number(Unaccounted),
        Number(CountedTwice),
        Tenths(LongestAnswer.TotalSeconds),
        Tenths(Longest.TotalSeconds),
        Tenths(RateBefore),
        Tenths(LowestRate),
        Tenths(UntilFound.TotalSeconds),
        Number(SilentlyIncomplete),
        Tenths(UntilShared.TotalSeconds),
        Number(Restarts),
        Number(GaveUp),
    ];

    public override string ToString() =>
        string.Join('\n', Columns.Zip(Cells, static (column, cell) => $"{column}: {cell}").Concat(Tenants.Select(static tenant => tenant.ToString())).Concat(OrderComplaints.Take(5)).Concat(Refusals.Take(20)).Concat(Notes));

    private static string Number(double value) => value.ToString("N0", CultureInfo.InvariantCulture);

    private static string Tenths(double value) => value.ToString("N1", CultureInfo.InvariantCulture);

    /// <summary>Spans of one tenant.</summary>
    /// <param name="Name">The tenant.</param>
    /// <param name="Acknowledged">In acknowledged requests.</param>
    /// <param name="Resent">In requests that got no answer, and were sent again.</param>
    /// <param name="Dropped">Counted as dropped on the way to the metrics.</param>
    /// <param name="Counted">The increase of the tenant's counters.</param>
    internal sealed record Tenant(string Name, long Acknowledged, long Resent, double Dropped, double Counted);
}
