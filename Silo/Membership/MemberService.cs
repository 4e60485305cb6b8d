using Microsoft.Extensions.Logging;
using OrleansTempo.Grains.Interfaces;
using OrleansTempo.Silo.Balance;

namespace OrleansTempo.Silo.Membership;

/// <summary>
/// Answers the other silos: describes this one for their <see cref="MemberCheck"/>, says for their <see cref="GrainBalancer"/> what it has to do, and
/// replaces those that cannot write their logs.
/// </summary>
internal sealed partial class MemberService(
    GrainId id, Orleans.Runtime.Silo silo, ILoggerFactory loggerFactory, MemberDescription description, GrainBalancer balancer, LogCheck log, IClusterMembershipService membership)
    : GrainService(id, silo, loggerFactory), IClusterMember
{
    private readonly ILogger _logger = loggerFactory.CreateLogger("OrleansTempo");

    public Task<MemberDescription> DescribeAsync() => Task.FromResult(description);

    public Task<MemberLoad> LoadAsync() => Task.FromResult(balancer.Load);

    public Task<bool> CanLogAsync() => log.CanLogAsync();

    public async Task<bool> ReplaceAsync(SiloAddress caller)
    {
        if (!await log.CanLogAsync() || !await membership.TryKill(caller))
            return false;
        LogReplaced(_logger, caller);
        return true;
    }

    [LoggerMessage(5009, LogLevel.Warning, "Silo {Silo} cannot write its write-ahead log, but this one can: it is declared dead, and ends by itself")]
    private static partial void LogReplaced(ILogger logger, SiloAddress silo);
}

/// <param name="CanLogAsync">Finds out whether this process can write its write-ahead log now.</param>
internal sealed record LogCheck(Func<Task<bool>> CanLogAsync);
