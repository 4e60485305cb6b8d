using System.Net;
using Microsoft.Extensions.Logging;
using OrleansTempo.Core;
using OrleansTempo.Core.Distributor;
using OrleansTempo.Core.Otlp;
using OrleansTempo.Core.Overrides;
using OrleansTempo.Server;
using OrleansTempo.Server.Api;
using OrleansTempo.Server.Configuration;
using OrleansTempo.Server.Logging;

namespace OrleansTempo.Standalone;

/// <summary>
/// Everything in one process, from the first line to the last:
/// <code>
///   start:  overrides ─► trace store, mailboxes ─► distributor ─► server listens ─► log replayed ─► ready
///   stop:   not ready, pushes refused ─► requests in flight end ─► mailboxes drain ─► last collection sent ─► log closed ─► exit
///                                        └ after a second: a collection of what is there
/// </code>
/// </summary>
internal static partial class StandaloneHost
{
    private static readonly TimeSpan s_usualDrain = TimeSpan.FromSeconds(1);

    /// <summary>Runs until <paramref name="stop"/> is cancelled.</summary>
    /// <returns>The process's exit code: 0 after an orderly stop, 1 where it could not start.</returns>
    public static async Task<int> RunAsync(
        TempoOptions options,
        IReadOnlyList<ConfigurationProblem> warnings,
        IReadOnlyDictionary<string, string> environment,
        bool demo,
        CancellationToken stop)
    {
        using var loggerFactory = ConsoleLogging.Create(options.Server);
        var logger = loggerFactory.CreateLogger("OrleansTempo");
        foreach (var warning in warnings)
            ConfigurationWarning(logger, warning);

        RequestBuffer.MaxOutstandingBytes = options.Distributor.MaxInflightBytes;
        var time = TimeProvider.System;
        using var metrics = new TempoMetrics();
        if (!TryOpenOverrides(options, environment, metrics, time, loggerFactory, logger, out var overrides))
            return 1;
        using var disposeOverrides = overrides as IDisposable;

        // A signal stops the process, and so does /shutdown.
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(stop);
        TempoServer server;
        TraceStore? traces = null;
        GeneratorMailboxes mailboxes;
        Distributor distributor;
        try
        {
            traces = await TraceStore.OpenAsync(options, overrides, stopping.Cancel, metrics, time, logger);
            mailboxes = new GeneratorMailboxes(options.MetricsGenerator, overrides, metrics, time, logger);
            distributor = new Distributor(tenant => LimitsOf(options.Distributor, overrides.For(tenant)), traces.Ingesters, mailboxes, metrics, time);
            server = new TempoServer(
                ListenerMapping.ToServerOptions(options) with { TraceIdLabelName = TraceIdLabelName(options) },
                new TempoServerParts
                {
                    Push = new TracePush(distributor, mailboxes, time),
                    Series = mailboxes,
                    Traces = traces,
                    Ingester = traces,
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
            CannotStart(logger, e.Message);
            if (traces is not null)
                await traces.DisposeAsync();
            return 1;
        }

        using (mailboxes)
        await using (traces)
        await using (server)
        {
            stop = stopping.Token;
            if (await ReplayAsync(traces, stop))
                server.MarkReady();
            StartUpSummary.Write(logger, options, server.Addresses, mailboxes.RemoteUrls, demo);
            var traffic = demo && server.Addresses.TryGetValue("otlp/http", out var otlp)
                ? DemoTraffic.RunAsync((IPEndPoint)otlp, time, stop)
                : Task.CompletedTask;
            await Task.Delay(Timeout.Infinite, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await traffic;

            Stopping(logger);
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

        Stopped(logger);
        return 0;
    }

    // False where the process is told to stop before it is through: what is left is replayed at the next start.
    private static async Task<bool> ReplayAsync(TraceStore traces, CancellationToken stop)
    {
        try
        {
            await traces.StartAsync(stop);
            return true;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return false;
        }
    }

    private static bool TryOpenOverrides(
        TempoOptions options,
        IReadOnlyDictionary<string, string> environment,
        TempoMetrics metrics,
        TimeProvider time,
        ILoggerFactory loggerFactory,
        ILogger logger,
        out IOverrides overrides)
    {
        if (options.Overrides.PerTenantOverrideConfig.Length == 0)
        {
            overrides = new StaticOverrides(options.Overrides.Defaults);
            return true;
        }

        var opened = FileOverrides.Open(options.Overrides, options.MetricsGenerator, environment, metrics, time, loggerFactory.CreateLogger<FileOverrides>());
        foreach (var problem in opened.Errors)
            ConfigurationError(logger, problem);
        foreach (var problem in opened.Warnings)
            ConfigurationWarning(logger, problem);
        overrides = (IOverrides?)opened.Value ?? new StaticOverrides(options.Overrides.Defaults);
        return opened.Succeeded;
    }

    private static IngestionLimits LimitsOf(DistributorOptions distributor, TenantOverrides tenant) => new()
    {
        RateLimitBytes = tenant.Ingestion.RateLimitBytes,
        BurstSizeBytes = tenant.Ingestion.BurstSizeBytes,
        MaxAttributeBytes = tenant.Ingestion.MaxAttributeBytes > 0 ? tenant.Ingestion.MaxAttributeBytes : distributor.MaxAttributeBytes,
        RetryAfter = tenant.Ingestion.RetryInfoEnabled ? distributor.RetryAfterOnResourceExhausted : TimeSpan.Zero,
    };

    private static string TraceIdLabelName(TempoOptions options) =>
        options.Overrides.Defaults.MetricsGenerator.TraceIdLabelName is { Length: > 0 } name ? name : GeneratorSettings.DefaultTraceIdLabelName;

    [LoggerMessage(Level = LogLevel.Warning, Message = "configuration: {Problem}")]
    private static partial void ConfigurationWarning(ILogger logger, ConfigurationProblem problem);

    [LoggerMessage(Level = LogLevel.Error, Message = "configuration: {Problem}")]
    private static partial void ConfigurationError(ILogger logger, ConfigurationProblem problem);

    [LoggerMessage(Level = LogLevel.Critical, Message = "cannot start: {Reason}")]
    private static partial void CannotStart(ILogger logger, string reason);

    [LoggerMessage(Level = LogLevel.Information, Message = "stopping: no new spans, draining, collecting and sending a last time")]
    private static partial void Stopping(ILogger logger);

    [LoggerMessage(Level = LogLevel.Information, Message = "stopped")]
    private static partial void Stopped(ILogger logger);
}
