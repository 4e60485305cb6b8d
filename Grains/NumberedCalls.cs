using Microsoft.Extensions.Logging;
using Orleans.Serialization;
using OrleansTempo.Core;
using OrleansTempo.Core.Continuity;
using OrleansTempo.Grains.Interfaces;

namespace OrleansTempo.Grains;

/// <summary>
/// One queue's calls to one metrics-generator grain: one at a time, and each until it is known whether it was counted, so that a generator that
/// moves, or that is restored after a crash, gets every span once.
/// <code>
///   push 7 ─┬─ answered ──────────────────────────────────────────► counted
///           └─ failed ─► ask, until there is an answer ─┬─ counted ─► counted
///                 ▲      or there is no more time       ├─ unknown ─► perhaps lost: the generator crashed
///                 └──────── not counted ────────────────┘
/// </code>
/// </summary>
internal sealed partial class NumberedCalls(IMetricsGeneratorGrain grain, TenantId tenant, TempoMetrics metrics, TimeProvider time, ILogger logger)
{
    private static readonly TimeSpan s_firstPause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan s_longestPause = TimeSpan.FromSeconds(1);
    private static readonly AskAnswer s_counted = new() { State = PushState.Counted };

    private readonly Guid _queue = Guid.NewGuid();
    private readonly KeyValuePair<string, object?> _tenantTag = new("tenant", tenant.Value);
    private long _number;

    // Since it last gave up, it has not reached the grain. Each call is then attempted once, so that the other shards of the tenant do not wait.
    private bool _hasGivenUp;

    /// <summary>Pushes spans.</summary>
    /// <param name="payload">The spans; the caller keeps a lease of their batches until this completes.</param>
    /// <param name="spans">Their number.</param>
    /// <param name="hurry">Cancelled when there is no more time.</param>
    public async Task<CallResult> PushAsync(SpanPayload payload, int spans, CancellationToken hurry)
    {
        if (hurry.IsCancellationRequested)
            return new CallResult(IsDropped: true, HasFailed: false);
        var number = ++_number;
        var began = time.GetTimestamp();
        var failures = 0;
        while (true)
        {
            var started = time.GetTimestamp();
            metrics.GeneratorPushes.Add(1);
            var (_, failure) = await TryAsync(() => PushOnceAsync(payload, number), hurry).ConfigureAwait(false);
            metrics.RecordCall("/tempopb.MetricsGenerator/PushSpans", failure is null, time.GetElapsedTime(started));
            if (failure is null)
                return Answered(failures > 0);

            metrics.GeneratorPushFailures.Add(1);
            if (failures++ == 0 && !_hasGivenUp)
                LogCallFailed(logger, tenant, CountedPushes.Patience.TotalSeconds, CallFailure.Reason(failure));
            switch (await AskAsync(number, began, hurry).ConfigureAwait(false))
            {
                case PushState.Counted:
                    return Answered(hasFailed: true);
                case PushState.Unknown:
                    metrics.GeneratorSpansLost.Add(spans, _tenantTag);
                    LogPerhapsLost(logger, tenant, spans);
                    _hasGivenUp = false;
                    return new CallResult(IsDropped: false, HasFailed: true);
                case null:
                    _hasGivenUp = true;
                    return new CallResult(IsDropped: true, HasFailed: true);
            }
        }
    }

    private CallResult Answered(bool hasFailed)
    {
        if (hasFailed || _hasGivenUp)
            LogReachedAgain(logger, tenant);
        _hasGivenUp = false;
        return new CallResult(IsDropped: false, hasFailed);
    }

    // Null if there is no more time, or the grain runs in a silo of a version that cannot tell.
    private async Task<PushState?> AskAsync(long number, long began, CancellationToken hurry)
    {
        for (var pause = s_firstPause; !_hasGivenUp && !hurry.IsCancellationRequested && time.GetElapsedTime(began) < CountedPushes.Patience; pause = Min(pause * 2, s_longestPause))
        {
            await Task.Delay(pause, time, hurry).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            var (answer, failure) = await TryAsync(() => grain.AskAsync(_queue, number), hurry).ConfigureAwait(false);
            if (answer is not null)
                return answer.State;
            if (failure is SerializerException)
                return null;
        }

        return null;
    }

    private static TimeSpan Min(TimeSpan one, TimeSpan other) => one < other ? one : other;

    private async Task<AskAnswer> PushOnceAsync(SpanPayload payload, long number)
    {
        await grain.PushAsync(payload, _queue, number).ConfigureAwait(false);
        return s_counted;
    }

    // A grain call throws whatever the grain or the runtime throws.
    private static async Task<(AskAnswer? Answer, Exception? Failure)> TryAsync(Func<Task<AskAnswer>> call, CancellationToken hurry)
    {
        try
        {
            return (await call().WaitAsync(hurry).ConfigureAwait(false), null);
        }
        catch (Exception e)
        {
            return (null, e);
        }
    }

    [LoggerMessage(3001, LogLevel.Warning, "Tenant {Tenant}: the metrics-generator cannot be reached. Its spans wait in the queue, each call for {Seconds} s; what finds no room or waits longer is left out of the metrics, and counted: {Reason}")]
    private static partial void LogCallFailed(ILogger logger, TenantId tenant, double seconds, string reason);

    [LoggerMessage(3009, LogLevel.Information, "Tenant {Tenant}: the metrics-generator can be reached again")]
    private static partial void LogReachedAgain(ILogger logger, TenantId tenant);

    [LoggerMessage(3010, LogLevel.Warning, "Tenant {Tenant}: the metrics-generator ended without notice during a call; at most {Spans} spans are missing from the metrics")]
    private static partial void LogPerhapsLost(ILogger logger, TenantId tenant, int spans);
}

/// <summary>How a call ended.</summary>
/// <param name="IsDropped">Whether it was given up, so that its spans are left out of the metrics unless it still arrives.</param>
/// <param name="HasFailed">Whether an attempt failed, so that somebody may still read the spans.</param>
internal readonly record struct CallResult(bool IsDropped, bool HasFailed);
