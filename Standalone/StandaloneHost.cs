using Microsoft.Extensions.Logging;
using OrleansTempo.Core;
using OrleansTempo.Core.Distributor;
using OrleansTempo.Core.Otlp;
using OrleansTempo.Core.Overrides;
using OrleansTempo.Core.Storage;
using OrleansTempo.Server;
using OrleansTempo.Server.Api;
using OrleansTempo.Server.Configuration;
using OrleansTempo.Server.Hosting;
using OrleansTempo.Server.Logging;
using OrleansTempo.Server.Traces;

namespace OrleansTempo.Standalone;

/// <summary>
/// Everything in one process, from the first line to the last:
/// <code>
///   start:  overrides ─► trace store, mailboxes ─► distributor ─► server listens ─► series restored ─► log replayed ─► ready
///   stop:   not ready, pushes refused ─► requests in flight end ─► mailboxes drain ─► last collection sent, series kept ─► log closed ─► exit
///                                        └ after a second: a collection of what is there
/// </code>
/// </summary>
internal static class StandaloneHost
{
    private static readonly TimeSpan s_usualDrain = TimeSpan.FromSeconds(1);

    /// <summary>Runs until <paramref name="stop"/> is cancelled.</summary>
    /// <returns>The process's exit code: 0 after an orderly stop, 1 where it could not start.</returns>
    public static async Task<int> RunAsync(TempoCommandLine commandLine, CancellationToken stop)
    {
        var options = commandLine.Options;
        using var loggerFactory = ConsoleLogging.Create(options.Server);
        var logger = loggerFactory.CreateLogger("OrleansTempo");
        ConfigurationLog.Write(logger, [], commandLine.Warnings);

        RequestBuffer.MaxOutstandingBytes = options.Distributor.MaxInflightBytes;
        var time = TimeProvider.System;
        using var metrics = new TempoMetrics();
        if (!ConfiguredOverrides.TryOpen(options, commandLine.Environment, metrics, time, loggerFactory, logger, out var overrides))
            return 1;

        // A signal stops the process, and so does /shutdown.
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(stop);
        TempoServer server;
        FileObjectStore? store = null;
        TraceStore? traces = null;
        GeneratorMailboxes mailboxes;
        Distributor distributor;
        try
        {
            store = OpenStore("storage.trace.backend", options.Storage.Trace, time, logger);
            await overrides.OpenUserConfigurableAsync(store, (key, own) => Task.FromResult<IObjectStore>(OpenStore(key, own, time, logger)), CancellationToken.None);
            var current = overrides.Current;
            traces = await TraceStore.OpenAsync(
                options, options.Storage.Trace.Wal.Type ?? WalType.File, current, store, static (ingesters, blocks) => new IngesterPartitions(ingesters, blocks), stopping.Cancel, metrics, time, logger);
            mailboxes = new GeneratorMailboxes(options.MetricsGenerator, current, store, metrics, time, logger);
            distributor = new Distributor(tenant => options.Distributor.LimitsOf(current.For(tenant)), traces.Routing, mailboxes, metrics, time);
            server = new TempoServer(
                ListenerMapping.ToServerOptions(options),
                new TempoServerParts
                {
                    Push = new TracePush(distributor, mailboxes, time),
                    Series = mailboxes,
                    RemoteWrite = mailboxes,
                    Traces = traces,
                    Ingester = traces,
                    Overrides = overrides,
                    Metrics = metrics,
                    ConfigText = () => ConfigurationPage.Render(options),
                    Services = () => [new ServiceStatus("distributor", "Running"), new ServiceStatus("ingester", "Running"), new ServiceStatus("querier", "Running"), new ServiceStatus("compactor", options.Compactor.Disabled ? "Disabled" : "Running"), new ServiceStatus("metrics-generator", "Running")],
                    LoggerFactory = loggerFactory,
                    TimeProvider = time,
                });
            await server.StartAsync(CancellationToken.None);
        }
        catch (Exception e) when (e is ArgumentException or IOException)
        {
            HostLife.CannotStart(logger, e.Message);
            if (traces is not null)
                await traces.DisposeAsync();
            await overrides.DisposeAsync();
            store?.Dispose();
            return 1;
        }

        var exitCode = 0;
        using (store)
        await using (overrides)
        using (mailboxes)
        await using (traces)
        await using (server)
        {
            stop = stopping.Token;
            var restored = await TryRestoreAsync(mailboxes, logger);
            if (!restored)
                await stopping.CancelAsync();
            if (await traces.StartAsync(stop))
                server.MarkReady();
            if (restored)
                await HostLife.ServeAsync(commandLine, server, mailboxes.RemoteUrls, time, logger, stop);
            else
                exitCode = 1;

            HostLife.Stopping(logger);
            server.BeginStopping();
            using var graceful = new CancellationTokenSource(options.Server.GracefulShutdownTimeout);
            var drained = server.StopAsync(graceful.Token);

            // A client that hangs holds this up for as long as orchestrators wait before they kill: what the others were
            // told is taken must not wait for it.
            if (await Task.WhenAny(drained, Task.Delay(s_usualDrain, time)) != drained)
                mailboxes.Collect();
            await drained;
            distributor.Stop();
            await mailboxes.StopAsync();
            await traces.FinishAsync(options.Server.GracefulShutdownTimeout);
        }

        HostLife.Stopped(logger);
        return exitCode;
    }

    // Only when nothing else can keep the process from running: what it takes from the one before, no other can take again.
    private static async Task<bool> TryRestoreAsync(GeneratorMailboxes mailboxes, ILogger logger)
    {
        try
        {
            await mailboxes.RestoreAsync();
            return true;
        }
        catch (IOException e)
        {
            // To go on would be to send of a tenant what the next start would go back behind.
            HostLife.CannotStart(logger, e.Message);
            return false;
        }
    }

    private static FileObjectStore OpenStore(string key, TraceStorageOptions storage, TimeProvider time, ILogger logger) => storage.Backend == TraceStorageOptions.LocalBackend
        ? new FileObjectStore(storage.LocalPath, time, logger)
        : throw new ArgumentException($"{key} '{storage.Backend}' is not built into this program, which keeps all it has in a directory; write 'local', or run the silo");
}
