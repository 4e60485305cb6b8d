using Microsoft.Extensions.Logging;
using OrleansTempo.Grains.Interfaces;

namespace OrleansTempo.Silo.Membership;

/// <summary>Answers the other silos.</summary>
internal sealed class MemberService(GrainId id, Orleans.Runtime.Silo silo, ILoggerFactory loggerFactory, MemberDescription description)
    : GrainService(id, silo, loggerFactory), IClusterMember
{
    public Task<MemberDescription> DescribeAsync() => Task.FromResult(description);
}
