using Microsoft.Extensions.Logging;

namespace OrleansTempo.Silo.Membership;

/// <summary>Logs a line for each other silo that joins, stops or dies, and tells who is dead.</summary>
/// <param name="membership">Knows the silos.</param>
/// <param name="here">This silo.</param>
/// <param name="noteDead">Called for each silo that was declared dead, also if it was never active.</param>
/// <param name="logger">The process's log.</param>
internal sealed partial class MembershipLog(IClusterMembershipService membership, ILocalSiloDetails here, Action<SiloAddress> noteDead, ILogger logger)
{
    /// <summary>Runs until <paramref name="stop"/>; silos that are active at the start are not logged.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        var active = Active(membership.CurrentSnapshot);
        var dead = Dead(membership.CurrentSnapshot);
        try
        {
            await foreach (var snapshot in membership.MembershipUpdates.WithCancellation(stop))
            {
                var (now, deadNow) = (Active(snapshot), Dead(snapshot));
                foreach (var silo in deadNow.Except(dead))
                    noteDead(silo);
                foreach (var silo in now.Except(active))
                    LogJoined(silo, now.Count);
                foreach (var silo in active.Except(now))
                {
                    if (snapshot.GetSiloStatus(silo) == SiloStatus.Dead)
                        LogDead(silo, now.Count);
                    else
                        LogLeft(silo, now.Count);
                }

                (active, dead) = (now, deadNow);
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
        }
    }

    private HashSet<SiloAddress> Active(ClusterMembershipSnapshot snapshot) =>
        [.. snapshot.Members.Values.Where(m => m.Status == SiloStatus.Active && !m.SiloAddress.Equals(here.SiloAddress)).Select(static m => m.SiloAddress)];

    private static HashSet<SiloAddress> Dead(ClusterMembershipSnapshot snapshot) =>
        [.. snapshot.Members.Values.Where(static m => m.Status == SiloStatus.Dead).Select(static m => m.SiloAddress)];

    [LoggerMessage(5002, LogLevel.Information, "Silo {Silo} has joined the cluster; other active silos: {Others}")]
    private partial void LogJoined(SiloAddress silo, int others);

    [LoggerMessage(5003, LogLevel.Information, "Silo {Silo} is stopping and leaves the cluster; other active silos: {Others}")]
    private partial void LogLeft(SiloAddress silo, int others);

    [LoggerMessage(5004, LogLevel.Warning, "Silo {Silo} is dead: it ended without leaving the cluster, or answers nobody; other active silos: {Others}")]
    private partial void LogDead(SiloAddress silo, int others);
}
