using Microsoft.Extensions.Logging;
using OrleansTempo.Core;
using OrleansTempo.Core.RemoteWrite;
using OrleansTempo.Core.Storage;
using OrleansTempo.Grains.Interfaces;

namespace OrleansTempo.Grains;

/// <summary>
/// Looks for metrics-generators that nobody runs: of tenants from whom no span comes since their silo has gone. One that is woken sends its
/// series on, until they go stale in order. Every silo looks; a claim that has changed since it looked last has an owner.
/// </summary>
internal sealed partial class GeneratorSweep(IGrainFactory grains, IObjectStore store, TimeProvider time, ILogger logger)
{
    /// <summary>How often it looks.</summary>
    public static readonly TimeSpan Period = TimeSpan.FromSeconds(30);

    private Dictionary<(TenantId Tenant, string Shard), string> _seen = [];

    /// <summary>Looks until it is cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(Period, time);
        try
        {
            do
                await SweepAsync(cancellationToken).ConfigureAwait(false);
            while (await timer.WaitForNextTickAsync(cancellationToken).ConfigureAwait(false));
        }
        catch (OperationCanceledException)
        {
        }
    }

    /// <summary>Looks once, and wakes those whose claim stands as it did the last time; the first time, all of them.</summary>
    public async Task SweepAsync(CancellationToken cancellationToken)
    {
        try
        {
            var isFirst = _seen.Count == 0;
            var seen = new Dictionary<(TenantId, string), string>();
            foreach (var claim in await WriterClaim.ListAsync(store, cancellationToken).ConfigureAwait(false))
            {
                if (!claim.NeedsOwner)
                    continue;
                seen[(claim.Tenant, claim.Shard)] = claim.ETag;
                if (isFirst || _seen.GetValueOrDefault((claim.Tenant, claim.Shard)) == claim.ETag)
                    await WakeAsync(claim, cancellationToken).ConfigureAwait(false);
            }

            _seen = seen;
        }
        catch (IOException e)
        {
            SweepFailed(logger, e.Message, Period.TotalSeconds);
        }
    }

    private async Task WakeAsync(ListedClaim claim, CancellationToken cancellationToken)
    {
        try
        {
            await grains.GetGrain<IMetricsGeneratorGrain>(GrainKeys.OfGenerator(claim.Tenant, GeneratorClaims.PartOf(claim.Shard))).WakeAsync().WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            NotWoken(logger, claim.Tenant, claim.Shard, e.Message, Period.TotalSeconds);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "metrics-generators that nobody runs could not be looked for: {Reason}; next time in {Seconds} s")]
    private static partial void SweepFailed(ILogger logger, string reason, double seconds);

    [LoggerMessage(Level = LogLevel.Warning, Message = "metrics-generator {Tenant} ({Shard}) could not be woken: {Reason}; next try in {Seconds} s")]
    private static partial void NotWoken(ILogger logger, TenantId tenant, string shard, string reason, double seconds);
}
