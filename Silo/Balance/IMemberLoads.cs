using OrleansTempo.Grains.Interfaces;

namespace OrleansTempo.Silo.Balance;

/// <summary>What the silos of the cluster have to do.</summary>
internal interface IMemberLoads
{
    /// <summary>Asks all active silos, this one among them; one that does not answer, or is of a version that cannot, has null.</summary>
    Task<IReadOnlyDictionary<SiloAddress, MemberLoad?>> AskAsync(CancellationToken cancellationToken);
}
