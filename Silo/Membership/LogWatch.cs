using Microsoft.Extensions.Logging;
using OrleansTempo.Core.Ingester.Log;

namespace OrleansTempo.Silo.Membership;

/// <summary>
/// Ends a silo of a cluster that cannot write its write-ahead log while another one can write its own: its grains then run where spans can be kept.
/// If no other can, the store is down for all, and ending would only reset metrics: the silo keeps its grains, refuses spans, and waits.
/// <code>
///   log written ──► not for 6 s ──► asks the others, again every 2 s ─┬─► one can, and declares this silo dead ─► ends
///        ▲                                                            └─► none can ─► waits
///        └──────────────────────── log written again ─────────────────────┘
/// </code>
/// </summary>
/// <param name="trouble">Why the log cannot be written now; null if it can.</param>
/// <param name="replace">Asks the other silos to replace this one; returns the one that does, or null.</param>
/// <param name="end">Ends the process; takes the reason.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">The process's log.</param>
internal sealed partial class LogWatch(Func<WalTrouble?> trouble, Func<CancellationToken, Task<string?>> replace, Action<string> end, TimeProvider time, ILogger logger)
{
    private static readonly TimeSpan s_period = TimeSpan.FromSeconds(1);

    // Longer than a moment, and well before others would adopt the stream.
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(6);

    private static readonly TimeSpan s_betweenQuestions = TimeSpan.FromSeconds(2);

    private long? _asked;
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
        if (trouble() is not { } now)
        {
            _isLogged = false;
            return false;
        }

        if (now.Lasts < s_patience || (_asked is { } last && time.GetElapsedTime(last) < s_betweenQuestions))
            return false;
        if (await replace(stop) is { } other && trouble() is { } still)
        {
            end($"its write-ahead log could not be written for {still.Lasts.TotalSeconds:F0} s ({still.Reason}), and silo {other}, which can write its own, replaces it");
            return true;
        }

        _asked = time.GetTimestamp();
        if (!_isLogged)
            LogNobodyCan(logger, now.Lasts.TotalSeconds, now.Reason);
        _isLogged = true;
        return false;
    }

    [LoggerMessage(5010, LogLevel.Error, "The write-ahead log could not be written for {Seconds:F0} s, and no other silo can be asked that can write its own. This silo keeps its grains and refuses spans until it can; check that the object store can be reached: {Reason}")]
    private static partial void LogNobodyCan(ILogger logger, double seconds, string reason);
}
