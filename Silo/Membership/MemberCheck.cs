using Microsoft.Extensions.Logging;
using Orleans.Runtime.Services;
using OrleansTempo.Grains;
using OrleansTempo.Grains.Interfaces;

namespace OrleansTempo.Silo.Membership;

/// <summary>
/// Compares this silo with every active silo of its cluster, and stops it from working if they differ: silos with separate local
/// directories as stores cannot see each other's claims, logs and blocks, and each would work as if it were alone.
/// <code>
///   joins ─► compared with the active ones ─► active, takes grains ─► compared once more ─► listens
///                                                                     └ with those that started at the same time
/// </code>
/// </summary>
internal sealed partial class MemberCheck(
    IServiceProvider services, IClusterMembershipService membership, ILocalSiloDetails here, MemberDescription description, ILogger logger)
    : GrainServiceClient<IClusterMember>(services), ILifecycleParticipant<ISiloLifecycle>
{
    public void Participate(ISiloLifecycle lifecycle) =>
        lifecycle.Subscribe(nameof(MemberCheck), ServiceLifecycleStage.ApplicationServices, CompareAsync);

    /// <summary>Compares with all active silos at once.</summary>
    /// <exception cref="ArgumentException">A silo is configured differently; the message names both silos and the setting.</exception>
    public async Task CompareAsync(CancellationToken cancellationToken)
    {
        await membership.Refresh(cancellationToken: cancellationToken);
        var others = membership.CurrentSnapshot.Members.Values
            .Where(member => member.Status == SiloStatus.Active && !member.SiloAddress.Equals(here.SiloAddress))
            .Select(member => CompareAsync(member.SiloAddress, cancellationToken));
        await Task.WhenAll(others);
    }

    /// <summary>The difference that keeps two silos from working together; null for none.</summary>
    internal static string? Difference(string silo, MemberDescription mine, string otherSilo, MemberDescription other)
    {
        if (mine.StoreId != other.StoreId)
        {
            return $"storage.trace is {mine.Store} in silo {silo} but a different store, {other.Store}, in silo {otherSilo} of the same cluster; "
                + "all silos of a cluster need the same store: a directory that all of them mount, or a blob container";
        }

        return mine.Partitions == other.Partitions
            ? null
            : $"ingester.partitions is {mine.Partitions} in silo {silo} but {other.Partitions} in silo {otherSilo}; all silos of a cluster need the same number";
    }

    private async Task CompareAsync(SiloAddress silo, CancellationToken cancellationToken)
    {
        MemberDescription other;
        try
        {
            other = await GetGrainService(silo).DescribeAsync().WaitAsync(cancellationToken);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            // A silo that has just died but is still in the table, or one of a version that does not describe itself.
            LogNotCompared(silo, CallFailure.Reason(e));
            return;
        }

        if (Difference($"{here.SiloAddress}", description, $"{silo}", other) is { } difference)
            throw new ArgumentException(difference);
    }

    [LoggerMessage(5001, LogLevel.Warning, "Silo {Silo} does not say which object store it uses, so this silo cannot tell whether both use the same: {Reason}")]
    private partial void LogNotCompared(SiloAddress silo, string reason);
}
