using Microsoft.Extensions.Logging;
using OrleansTempo.Core.Ingester.Log;

namespace OrleansTempo.Silo.Membership;

/// <summary>
/// Ends a silo of a cluster that cannot write its write-ahead log while another one can write its own: its grains then run where spans can be kept.
/// If no other can, the store is down for all, and ending would only reset metrics: the silo keeps its grains, refuses spans, and waits. When the store
/// is back, some find out a moment before the others; so a silo that can read from it again gets a little longer.
/// <code>
///   log written ──► not for 6 s ──► asks the others, again every 2 s ─┬─► one can ─► can this one read? ─┬─► no ─► declared dead, ends
///        ▲                                                            │                                  └─► yes ─► the same after 8 s
///        │                                                            └─► none can ─► waits
///        └──────────────────────── log written again ─────────────────────┘
/// </code>
/// </summary>
/// <param name="store">What this silo and the others can do.</param>
/// <param name="end">Ends the process; takes the reason.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">The process's log.</param>
internal sealed partial class LogWatch(StoreAccess store, Action<string> end, TimeProvider time, ILogger logger)
{
    private static readonly TimeSpan s_period = TimeSpan.FromSeconds(1);

    // Longer than a moment, and well before others would adopt the stream.
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(6);

    private static readonly TimeSpan s_betweenQuestions = TimeSpan.FromSeconds(2);

    // Longer than two renewals take, of which the first may have begun before the store was back.
    private static readonly TimeSpan s_recovery = TimeSpan.FromSeconds(8);

    private long? _asked;
    private long? _othersCanSince;
    private bool _isLogged;

    /// <summary>Runs until <paramref name="stop"/>, or until it has ended the process.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        using var timer = new PeriodicTimer(s_period, time);
        try
        {
            while (await timer.WaitForNextTickAsync(stop))
            {
                if (await HasEndedAsync(stop))
                    return;
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
        }
    }

    /// <summary>Looks once; true if it has ended the process.</summary>
    internal async Task<bool> HasEndedAsync(CancellationToken stop)
    {
        if (store.Trouble() is not { } now)
        {
            (_isLogged, _othersCanSince) = (false, null);
            return false;
        }

        if (now.Lasts < s_patience || (_asked is { } last && time.GetElapsedTime(last) < s_betweenQuestions))
            return false;
        _asked = time.GetTimestamp();
        if (!await store.AnyOtherCanLogAsync(stop))
        {
            _othersCanSince = null;
            if (!_isLogged)
                LogNobodyCan(logger, now.Lasts.TotalSeconds, now.Reason);
            _isLogged = true;
            return false;
        }

        _othersCanSince ??= time.GetTimestamp();
        var mayRecover = await store.CanReadAsync() && time.GetElapsedTime(_othersCanSince.Value) < s_recovery;
        if (mayRecover || store.Trouble() is not { } still || await store.ReplaceAsync(stop) is not { } other)
            return false;
        end($"its write-ahead log could not be written for {still.Lasts.TotalSeconds:F0} s ({still.Reason}), and silo {other}, which can write its own, replaces it");
        return true;
    }

    [LoggerMessage(5010, LogLevel.Error, "The write-ahead log could not be written for {Seconds:F0} s, and no other silo can be asked that can write its own. This silo keeps its grains and refuses spans until it can; check that the object store can be reached: {Reason}")]
    private static partial void LogNobodyCan(ILogger logger, double seconds, string reason);
}

/// <summary>How the silos of a cluster reach their store.</summary>
/// <param name="Trouble">Why this silo's log cannot be written now; null if it can.</param>
/// <param name="CanReadAsync">Whether this silo can read from the store.</param>
/// <param name="AnyOtherCanLogAsync">Whether another silo can write its own log.</param>
/// <param name="ReplaceAsync">Asks the others to replace this silo; returns the one that does, or null.</param>
internal sealed record StoreAccess(
    Func<WalTrouble?> Trouble, Func<Task<bool>> CanReadAsync, Func<CancellationToken, Task<bool>> AnyOtherCanLogAsync, Func<CancellationToken, Task<string?>> ReplaceAsync);
