using OrleansTempo.Core.Configuration.Generator;

namespace OrleansTempo.Core.Tests.Continuity.Simulation;

/// <summary>What can happen in a run, and so what must hold in it.</summary>
/// <param name="Name">For a human.</param>
/// <param name="Mode">What the owners leave for one another.</param>
/// <param name="IsExclusive">Whether there is never more than one owner, and no lease.</param>
/// <param name="Crashes">Whether owners crash, and the directory fails, so that there are several at once.</param>
/// <param name="StoreFails">Whether the store fails, sometimes after it has done what it was told.</param>
internal sealed record SimulationCase(string Name, SnapshotMode Mode, bool IsExclusive, bool Crashes, bool StoreFails)
{
    public static IReadOnlyList<SimulationCase> All { get; } =
    [
        new("orderly hand-overs", SnapshotMode.OnStop, IsExclusive: false, Crashes: false, StoreFails: false),
        new("crashes and two owners", SnapshotMode.OnStop, IsExclusive: false, Crashes: true, StoreFails: false),
        new("crashes, two owners and a failing store", SnapshotMode.OnStop, IsExclusive: false, Crashes: true, StoreFails: true),
        new("records, crashes and two owners", SnapshotMode.EveryCollection, IsExclusive: false, Crashes: true, StoreFails: false),
        new("records, crashes, two owners and a failing store", SnapshotMode.EveryCollection, IsExclusive: false, Crashes: true, StoreFails: true),
        new("one owner that crashes", SnapshotMode.OnStop, IsExclusive: true, Crashes: true, StoreFails: false),
        new("one owner that crashes and a failing store", SnapshotMode.OnStop, IsExclusive: true, Crashes: true, StoreFails: true),
        new("records and one owner that crashes", SnapshotMode.EveryCollection, IsExclusive: true, Crashes: true, StoreFails: false),
        new("no snapshots", SnapshotMode.Off, IsExclusive: false, Crashes: true, StoreFails: true),
    ];

    public bool IsOrderly => !Crashes && !StoreFails;
}
