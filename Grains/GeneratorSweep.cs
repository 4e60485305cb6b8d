using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using OrleansTempo.Core;
using OrleansTempo.Core.Continuity;
using OrleansTempo.Core.Generator;
using OrleansTempo.Grains.Interfaces;

namespace OrleansTempo.Grains;

/// <summary>
/// Looks for metrics-generators that nobody runs: those of tenants that have sent no span since their silo died. Once woken, a generator keeps
/// sending its series until they go stale, and sends what was waiting. Every silo looks; a claim that has changed since the last look has an owner.
/// It also counts what dead silos had in their queues for them.
/// </summary>
internal sealed partial class GeneratorSweep(IGrainFactory grains, GrainEngine engine, ILogger logger)
{
    /// <summary>How often it sweeps.</summary>
    public static readonly TimeSpan Period = TimeSpan.FromSeconds(30);

    private const int WakesAtOnce = 16;

    private readonly TaskCompletionSource _firstSweep = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Dictionary<(TenantId Tenant, string Shard), string>? _seen;

    /// <summary>Completes once the first sweep is done and everything it woke is awake, or once the sweep has ended.</summary>
    public Task FirstSweep => _firstSweep.Task;

    /// <summary>Sweeps until cancelled.</summary>
    /// <param name="waiting">Tenants with samples waiting to be sent, which are woken first.</param>
    /// <param name="cancellationToken">Ends it, without an exception.</param>
    public async Task RunAsync(IReadOnlyList<TenantId> waiting, CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(Period, engine.Time);
        try
        {
            await WakeAsync(waiting, cancellationToken).ConfigureAwait(false);
            do
            {
                await SweepAsync(cancellationToken).ConfigureAwait(false);
                _firstSweep.TrySetResult();
            }
            while (await timer.WaitForNextTickAsync(cancellationToken).ConfigureAwait(false));
        }
        catch (OperationCanceledException)
        {
        }
        finally
        {
            _firstSweep.TrySetResult();
        }
    }

    /// <summary>Sweeps once, and wakes generators whose claim is unchanged since the last sweep; the first time, all of them.</summary>
    private async Task SweepAsync(CancellationToken cancellationToken)
    {
        try
        {
            var claims = (await WriterClaim.ListAsync(engine.Store, cancellationToken).ConfigureAwait(false)).Where(static c => c.NeedsOwner).ToList();
            var asleep = new ConcurrentBag<ListedClaim>();
            var options = new ParallelOptions { MaxDegreeOfParallelism = WakesAtOnce, CancellationToken = cancellationToken };
            await Parallel.ForEachAsync(claims.Where(NeedsWaking), options, async (claim, cancellation) =>
            {
                if (!await TryWakeAsync(claim.Tenant, claim.Shard, cancellation).ConfigureAwait(false) && IsExclusivelyOwned(claim))
                    asleep.Add(claim);
            }).ConfigureAwait(false);
            _seen = claims.Except(asleep).ToDictionary(static c => (c.Tenant, c.Shard), static c => c.ETag);
            await engine.Queued.SweepAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (IOException e)
        {
            LogSweepFailed(logger, e.Message, Period.TotalSeconds);
        }
    }

    /// <summary>Wakes tenants with samples waiting to be sent.</summary>
    private Task WakeAsync(IReadOnlyList<TenantId> tenants, CancellationToken cancellationToken) => Parallel.ForEachAsync(
        tenants,
        new ParallelOptions { MaxDegreeOfParallelism = WakesAtOnce, CancellationToken = cancellationToken },
        async (tenant, cancellation) => await TryWakeAsync(tenant, GeneratorShard.None.ToString(), cancellation).ConfigureAwait(false));

    // An exclusive owner does not renew its claim, but every claim that was live at the start has been woken, and belongs to this process.
    private bool IsExclusivelyOwned(ListedClaim claim) => engine.IsExclusive && claim.IsLive;

    private bool NeedsWaking(ListedClaim claim)
    {
        if (_seen is null)
            return true;
        var isKnown = _seen.TryGetValue((claim.Tenant, claim.Shard), out var etag);
        return IsExclusivelyOwned(claim) ? !isKnown : isKnown && etag == claim.ETag;
    }

    private async Task<bool> TryWakeAsync(TenantId tenant, string shard, CancellationToken cancellationToken)
    {
        var part = shard == GeneratorShard.None.ToString() ? "" : shard;
        try
        {
            await grains.GetGrain<IMetricsGeneratorGrain>(GrainKeys.OfGenerator(tenant, part)).WakeAsync().WaitAsync(cancellationToken).ConfigureAwait(false);
            return true;
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            LogNotWoken(logger, tenant, shard, CallFailure.Reason(e), Period.TotalSeconds);
            return false;
        }
    }

    [LoggerMessage(3003, LogLevel.Warning, "Cannot look for metrics-generators that no silo runs: {Reason}; the next attempt is in {Seconds} s")]
    private static partial void LogSweepFailed(ILogger logger, string reason, double seconds);

    [LoggerMessage(3004, LogLevel.Warning, "Metrics-generator {Tenant} ({Shard}) could not be woken: {Reason}; the next attempt is in {Seconds} s")]
    private static partial void LogNotWoken(ILogger logger, TenantId tenant, string shard, string reason, double seconds);
}
