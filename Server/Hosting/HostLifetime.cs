using System.Net;
using Microsoft.Extensions.Logging;

namespace OrleansTempo.Server.Hosting;

/// <summary>Serves between the start and the stop of a host, and logs both.</summary>
public static partial class HostLifetime
{
    /// <summary>Logs the start-up summary, sends the demo traffic if requested, and waits until <paramref name="stop"/> is cancelled.</summary>
    public static async Task ServeAsync(
        TempoCommandLine commandLine, TempoServer server, IReadOnlyList<string> remoteUrls, TimeProvider time, ILogger logger, CancellationToken stop)
    {
        StartUpSummary.Write(logger, commandLine.Options, server, remoteUrls, commandLine.Demo);
        var traffic = commandLine.Demo && server.Addresses.FirstOrDefault(static a => a.Key.EndsWith("/http", StringComparison.Ordinal)).Value is IPEndPoint otlp
            ? DemoTraffic.RunAsync(otlp, time, stop)
            : Task.CompletedTask;
        await Task.Delay(Timeout.Infinite, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await traffic;
    }

    [LoggerMessage(2001, LogLevel.Critical, "Cannot start: {Reason}")]
    public static partial void LogCannotStart(ILogger logger, string reason);

    [LoggerMessage(2002, LogLevel.Information, "Stopping: no new spans are taken, queues are drained, and metrics are collected and sent one last time")]
    public static partial void LogStopping(ILogger logger);

    [LoggerMessage(2003, LogLevel.Information, "Stopped")]
    public static partial void LogStopped(ILogger logger);
}
