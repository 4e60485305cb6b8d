using Orleans.Runtime.Services;
using OrleansTempo.Grains.Interfaces;

namespace OrleansTempo.Silo.Balance;

/// <summary>Asks each silo's <see cref="IClusterMember"/>.</summary>
internal sealed class MemberLoads(IServiceProvider services, IClusterMembershipService membership) : GrainServiceClient<IClusterMember>(services), IMemberLoads
{
    public async Task<IReadOnlyDictionary<SiloAddress, MemberLoad?>> AskAsync(CancellationToken cancellationToken)
    {
        var silos = membership.CurrentSnapshot.Members.Values.Where(static member => member.Status == SiloStatus.Active).Select(static member => member.SiloAddress).ToList();
        var loads = await Task.WhenAll(silos.Select(silo => AskAsync(silo, cancellationToken)));
        return silos.Zip(loads).ToDictionary(static s => s.First, static s => s.Second);
    }

    private async Task<MemberLoad?> AskAsync(SiloAddress silo, CancellationToken cancellationToken)
    {
        try
        {
            return await GetGrainService(silo).LoadAsync().WaitAsync(cancellationToken);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            return null;
        }
    }
}
