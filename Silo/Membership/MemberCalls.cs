using Orleans.Runtime.Services;
using OrleansTempo.Grains.Interfaces;

namespace OrleansTempo.Silo.Membership;

/// <summary>Asks the other active silos of the cluster, all at once, about their write-ahead logs.</summary>
internal sealed class MemberCalls(IServiceProvider services, ISiloStatusOracle oracle, TimeProvider time) : GrainServiceClient<IClusterMember>(services)
{
    // A silo that is cut off as well does not answer at all.
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(5);

    /// <summary>Whether any can write its own log now.</summary>
    public async Task<bool> AnyCanLogAsync(CancellationToken cancellationToken) => await FirstAsync(static member => member.CanLogAsync(), cancellationToken) is not null;

    /// <summary>Asks to replace this silo.</summary>
    /// <returns>A silo that does; null if none does.</returns>
    public Task<string?> ReplaceAsync(CancellationToken cancellationToken)
    {
        var here = oracle.SiloAddress;
        return FirstAsync(member => member.ReplaceAsync(here), cancellationToken);
    }

    // The first silo that says yes; null if none does.
    private async Task<string?> FirstAsync(Func<IClusterMember, Task<bool>> question, CancellationToken cancellationToken)
    {
        var asked = oracle.GetActiveSilos().Where(silo => !silo.Equals(oracle.SiloAddress)).Select(silo => AskAsync(silo, question, cancellationToken)).ToList();
        while (asked.Count > 0)
        {
            var answered = await Task.WhenAny(asked);
            if (await answered is { } other)
                return other;
            asked.Remove(answered);
        }

        return null;
    }

    private async Task<string?> AskAsync(SiloAddress silo, Func<IClusterMember, Task<bool>> question, CancellationToken cancellationToken)
    {
        try
        {
            return await question(GetGrainService(silo)).WaitAsync(s_patience, time, cancellationToken) ? silo.ToString() : null;
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            // It cannot be reached, or is of a version that does not know the question.
            return null;
        }
    }
}
