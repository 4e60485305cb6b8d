using Microsoft.Extensions.Logging;
using OrleansTempo.Grains.Interfaces;
using OrleansTempo.Silo.Balance;

namespace OrleansTempo.Silo.Membership;

/// <summary>Describes this silo to the others, for their <see cref="MemberCheck"/> and their <see cref="GrainBalancer"/>.</summary>
internal sealed class MemberService(GrainId id, Orleans.Runtime.Silo silo, ILoggerFactory loggerFactory, MemberDescription description, GrainBalancer balancer)
    : GrainService(id, silo, loggerFactory), IClusterMember
{
    public Task<MemberDescription> DescribeAsync() => Task.FromResult(description);

    public Task<MemberLoad> LoadAsync() => Task.FromResult(balancer.Load);
}
