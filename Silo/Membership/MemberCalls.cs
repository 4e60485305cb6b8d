using Orleans.Runtime.Services;
using OrleansTempo.Grains.Interfaces;

namespace OrleansTempo.Silo.Membership;

/// <summary>Asks the other active silos of the cluster to replace this one.</summary>
internal sealed class MemberCalls(IServiceProvider services, ISiloStatusOracle oracle, TimeProvider time) : GrainServiceClient<IClusterMember>(services)
{
    // A silo that is cut off as well does not answer at all.
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(5);

    /// <summary>Asks all at once.</summary>
    /// <returns>A silo that replaces this one; null if none does.</returns>
    public async Task<string?> ReplaceAsync(CancellationToken cancellationToken)
    {
        var here = oracle.SiloAddress;
        var asked = oracle.GetActiveSilos().Where(silo => !silo.Equals(here)).Select(silo => ReplaceAsync(silo, here, cancellationToken)).ToList();
        while (asked.Count > 0)
        {
            var answered = await Task.WhenAny(asked);
            if (await answered is { } other)
                return other;
            asked.Remove(answered);
        }

        return null;
    }

    private async Task<string?> ReplaceAsync(SiloAddress silo, SiloAddress here, CancellationToken cancellationToken)
    {
        try
        {
            return await GetGrainService(silo).ReplaceAsync(here).WaitAsync(s_patience, time, cancellationToken) ? silo.ToString() : null;
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            // It cannot be reached, or is of a version that replaces none.
            return null;
        }
    }
}
