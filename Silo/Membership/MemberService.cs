using Microsoft.Extensions.Logging;
using OrleansTempo.Grains.Interfaces;

namespace OrleansTempo.Silo.Membership;

/// <summary>Describes this silo to the others, for their <see cref="MemberCheck"/>.</summary>
internal sealed class MemberService(GrainId id, Orleans.Runtime.Silo silo, ILoggerFactory loggerFactory, MemberDescription description)
    : GrainService(id, silo, loggerFactory), IClusterMember
{
    public Task<MemberDescription> DescribeAsync() => Task.FromResult(description);
}
