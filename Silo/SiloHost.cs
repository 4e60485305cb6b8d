using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Runtime;
using OrleansTempo.Core;
using OrleansTempo.Core.Distributor;
using OrleansTempo.Core.Otlp;
using OrleansTempo.Core.Overrides;
using OrleansTempo.Core.Querier;
using OrleansTempo.Core.RemoteWrite;
using OrleansTempo.Core.Storage;
using OrleansTempo.Grains;
using OrleansTempo.Server;
using OrleansTempo.Server.Api;
using OrleansTempo.Server.Configuration;
using OrleansTempo.Server.Hosting;
using OrleansTempo.Server.Logging;
using OrleansTempo.Server.RemoteWrite;
using OrleansTempo.Server.Traces;
using OrleansTempo.Silo.Configuration;
using OrleansTempo.Silo.Dashboard;
using OrleansTempo.Silo.Exposition;
using OrleansTempo.Silo.Membership;
using OrleansTempo.Silo.Providers;
using OrleansTempo.Storage.Azure;

namespace OrleansTempo.Silo;

/// <summary>
/// One silo of a cluster, from the first line to the last:
/// <code>
///   start:  store, agreement ─► trace store ─► joins the cluster ─► server listens ─► log replayed ─► ready
///   stop:   not ready, pushes refused ─► requests in flight end ─► queues for generators drain
///           ─► grains hand over, leaves the cluster ─► log closed ─► exit
/// </code>
/// Where Orleans cannot go on, the process ends at once, see <see cref="SiloDeath"/>.
/// </summary>
internal sealed partial class SiloHost : IAsyncDisposable
{
    // Grains collect and send a last time, and hand over what they hold.
    private static readonly TimeSpan s_handOver = TimeSpan.FromSeconds(30);

    private readonly TempoCommandLine _commandLine;
    private readonly ConfigurationManager _configuration;
    private readonly ILoggerFactory _loggerFactory;
    private readonly ILogger _logger;
    private readonly TempoMetrics _metrics;
    private readonly ConfiguredOverrides _overrides;
    private readonly CancellationTokenSource _stop;
    private readonly RequestMemory _requests;
    private readonly TimeProvider _time = TimeProvider.System;
    private IReadOnlyList<RemoteWriteEndpoint> _endpoints = [];
    private IObjectStore? _store;
    private IHost? _host;
    private TraceStore? _traces;
    private GrainEngine? _engine;
    private MetricsPage? _metricsPage;
    private TempoServer? _server;
    private Task _sweep = Task.CompletedTask;
    private volatile bool _isStopping;

    private SiloHost(
        TempoCommandLine commandLine, ConfigurationManager configuration, ILoggerFactory loggerFactory, ILogger logger, TempoMetrics metrics, ConfiguredOverrides overrides, CancellationTokenSource stop)
    {
        _commandLine = commandLine;
        _configuration = configuration;
        _loggerFactory = loggerFactory;
        _logger = logger;
        _metrics = metrics;
        _overrides = overrides;
        _stop = stop;
        _requests = new RequestMemory(commandLine.Options.Distributor.MaxInflightBytes);
    }

    private TempoOptions Options => _commandLine.Options;

    private bool IsAlone => !OrleansDefaults.HasOthers(_configuration);

    /// <summary>Runs until <paramref name="stop"/> is cancelled.</summary>
    /// <returns>The process's exit code: 0 after an orderly stop, 1 where it could not start or had to end.</returns>
    public static async Task<int> RunAsync(TempoCommandLine commandLine, CancellationToken stop)
    {
        var options = commandLine.Options;
        ConfigurationManager? configuration = null;
        ILoggerFactory? configured = null;
        var problem = "";
        try
        {
            configuration = SiloConfiguration.Read(commandLine.Environment, AppContext.BaseDirectory, Environment.CurrentDirectory);
            configured = ConsoleLogging.Create(options.Server, logging => Adjust(logging, options.Server, configuration));
        }
        catch (Exception e) when (e is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            problem = Reason(e);
        }
        catch (InvalidOperationException e)
        {
            problem = $"the section 'Logging' of the configuration cannot be used: {Reason(e)}";
        }

        using var loggerFactory = configured ?? ConsoleLogging.Create(options.Server);
        var logger = loggerFactory.CreateLogger("OrleansTempo");
        ConfigurationLog.Write(logger, [], commandLine.Warnings);
        if (configuration is null || configured is null)
        {
            HostLife.CannotStart(logger, problem);
            return 1;
        }

        using var metrics = new TempoMetrics();
        if (!ConfiguredOverrides.TryOpen(options, commandLine.Environment, metrics, TimeProvider.System, loggerFactory, logger, out var overrides))
            return 1;

        // A signal stops the process, and so does /shutdown.
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(stop);
        await using var silo = new SiloHost(commandLine, configuration, loggerFactory, logger, metrics, overrides, stopping);
        return await silo.RunAsync();
    }

    private async Task<int> RunAsync()
    {
        TempoServer server;
        try
        {
            server = await StartAsync();
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            HostLife.Stopped(_logger);
            return 0;
        }
        catch (Exception e)
        {
            // Whatever a provider of Orleans' throws: its message is for whoever configured it, and its stack for whoever asks.
            HostLife.CannotStart(_logger, Reason(e));
            StartFailed(_logger, e);
            return 1;
        }

        await HostLife.ServeAsync(_commandLine, server, [.. _endpoints.Select(static e => e.Url)], _time, _logger, _stop.Token);

        HostLife.Stopping(_logger);
        await StopAsync(server);
        HostLife.Stopped(_logger);
        return 0;
    }

    private async Task<TempoServer> StartAsync()
    {
        var stop = _stop.Token;
        var settings = new SiloSettings();
        _configuration.GetSection(SiloSettings.Section).Bind(settings, static binder => binder.ErrorOnUnknownConfiguration = true);

        var host = _host = BuildHost(settings);
        _endpoints = RemoteWriteEndpoint.CreateAll(Options.MetricsGenerator.Storage, _time, AzureAdCredential.Create);
        if (Options.MetricsGenerator.Storage.Path is { Length: > 0 } path)
            QueueInMemory(_logger, path);
        _store = Options.Storage.Trace is { Backend: TraceStorageOptions.LocalBackend } local
            ? FileObjectStore.Open(local.LocalPath, IsAlone, "storage.trace.local.path", _time, _logger)
            : await OpenStoreAsync("storage.trace.backend", Options.Storage.Trace, stop);
        await _overrides.OpenUserConfigurableAsync(_store, (key, own) => OpenStoreAsync(key, own, stop), stop);
        await new ClusterAgreement(Options.Ingester.Partitions).JoinAsync(_store, stop);
        var grains = host.Services.GetRequiredService<IGrainFactory>();
        var traces = _traces = await TraceStore.OpenAsync(
            Options,
            IsAlone,
            _overrides.Current,
            _store,
            new TraceGrains(grains, _metrics, _logger),
            blocks => new LiveTraceSource(grains, Options.Ingester.Partitions, blocks),
            _stop.Cancel,
            _metrics,
            _time,
            _logger);
        var engine = _engine = CreateEngine(traces, grains, _store);

        await host.StartAsync(stop);
        var oracle = host.Services.GetRequiredService<ISiloStatusOracle>();
        Joined(_logger, oracle.SiloAddress, IsAlone ? "alone: Orleans:Clustering says nothing of others" : "with others", oracle.GetActiveSilos().Length);

        var server = _server = CreateServer(host.Services, settings, traces, grains, oracle);
        await server.StartAsync(stop);
        if (await traces.StartAsync(stop))
            server.MarkReady();
        _sweep = new GeneratorSweep(grains, engine, _logger).RunAsync(stop);
        return server;
    }

    private async Task StopAsync(TempoServer server)
    {
        _isStopping = true;
        server.BeginStopping();
        using (var graceful = new CancellationTokenSource(Options.Server.GracefulShutdownTimeout))
            await server.StopAsync(graceful.Token);
        await _sweep;
        _engine!.Distributor.Stop();
        using (var graceful = new CancellationTokenSource(Options.Server.GracefulShutdownTimeout))
            await _engine.Generators.DrainAsync(graceful.Token);
        await _host!.StopAsync();
        await _traces!.FinishAsync(Options.Server.GracefulShutdownTimeout);
    }

    public async ValueTask DisposeAsync()
    {
        _isStopping = true;
        if (_server is not null)
            await _server.DisposeAsync();
        _metricsPage?.Dispose();
        if (_host is not null)
            await _host.StopAsync();
        if (_traces is not null)
            await _traces.DisposeAsync();
        if (_host is IAsyncDisposable host)
            await host.DisposeAsync();
        foreach (var endpoint in _endpoints)
            endpoint.Dispose();
        await _overrides.DisposeAsync();
        (_store as IDisposable)?.Dispose();
    }

    private IHost BuildHost(SiloSettings settings)
    {
        var builder = new HostApplicationBuilder(new HostApplicationBuilderSettings
        {
            DisableDefaults = true,
            Configuration = _configuration,
            EnvironmentName = SiloConfiguration.NameOf(_commandLine.Environment),
        });
        var services = builder.Services;
        services.AddSingleton(_loggerFactory);
        services.AddSingleton<IHostLifetime, SiloLifetime>();
        services.AddSingleton<IFatalErrorHandler>(new SiloDeath(EndNow));
        services.Configure<HostOptions>(static options => options.ShutdownTimeout = s_handOver);
        services.AddSingleton(_ => _store!);
        services.AddSingleton(_ => _engine!);
        services.AddAzureServiceClients();
        builder.UseOrleans(silo =>
        {
            OrleansDefaults.Apply(silo);
            if (settings.Dashboard.Enabled)
                DashboardRoutes.AddServices(silo);
        });

        var host = builder.Build();
        host.Services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping.Register(() =>
        {
            if (!_isStopping)
                EndNow("its host has stopped");
        });
        return host;
    }

    private async Task<IObjectStore> OpenStoreAsync(string key, TraceStorageOptions options, CancellationToken stop) => options switch
    {
        { Backend: TraceStorageOptions.LocalBackend } storage => new FileObjectStore(storage.LocalPath, _time, _logger),
        { Backend: TraceStorageOptions.AzureBackend } storage => await AzureBlobObjectStore.OpenAsync(storage.Azure, stop),
        var storage => throw new ArgumentException($"{key} '{storage.Backend}' is not built into this program; write 'local' or 'azure'"),
    };

    private GrainEngine CreateEngine(TraceStore traces, IGrainFactory grains, IObjectStore store)
    {
        var overrides = _overrides.Current;
        var generators = new GeneratorForwarders(grains, Options.MetricsGenerator, overrides, _metrics, _time, _logger);
        return new GrainEngine
        {
            Ingesters = traces.Ingesters,
            Blocks = traces.Blocks,
            Distributor = new Distributor(tenant => Options.Distributor.LimitsOf(overrides.For(tenant)), traces.Router, generators, _requests, _metrics, _time),
            Query = traces.Query,
            Generators = generators,
            Store = store,
            GeneratorOptions = Options.MetricsGenerator,
            Overrides = overrides,
            Endpoints = _endpoints,
            RemoteWriteMetrics = new RemoteWriteMetrics(_metrics),
            RequestMemory = _requests,
            Metrics = _metrics,
            Time = _time,
        };
    }

    private TempoServer CreateServer(IServiceProvider services, SiloSettings settings, TraceStore traces, IGrainFactory grains, ISiloStatusOracle oracle)
    {
        _metricsPage = new MetricsPage();
        return new TempoServer(
            ListenerMapping.ToServerOptions(Options),
            new TempoServerParts
            {
                Push = new TracePush(new PushCoalescer(grains, _metrics)),
                Series = new GeneratorSeries(grains, _engine!.Generators),
                RequestMemory = _requests,
                RemoteWrite = new RemoteWriteQueues(_engine.RemoteWriteMetrics),
                Traces = traces,
                Ingester = traces,
                Overrides = _overrides,
                Routes = [_metricsPage.Route, .. settings.Dashboard.Enabled ? DashboardRoutes.Create(services, settings.Dashboard.Public) : []],
                NotReadyBecause = () => oracle.CurrentStatus == SiloStatus.Active ? null : $"the silo is {oracle.CurrentStatus} in its cluster",
                ConfigText = () => ConfigurationPage.Render(Options),
                Services = () =>
                [
                    new ServiceStatus("silo", $"{oracle.CurrentStatus}, as {oracle.SiloAddress} of {oracle.GetActiveSilos().Length} active"),
                    new ServiceStatus("distributor", "Running"),
                    new ServiceStatus("ingester", "Running"),
                    new ServiceStatus("querier", "Running"),
                    new ServiceStatus("compactor", Options.Compactor.Disabled ? "Disabled" : "Running"),
                    new ServiceStatus("metrics-generator", "Running"),
                ],
                LoggerFactory = _loggerFactory,
                TimeProvider = _time,
            });
    }

    // Not even the rest of this process's turn: see SiloDeath.
    private void EndNow(string reason)
    {
        Dead(_logger, reason);
        _loggerFactory.Dispose();
        Environment.Exit(1);
    }

    // Orleans logs on its own, and most of it is for those who look into Orleans.
    private static void Adjust(ILoggingBuilder logging, ServerOptions options, IConfiguration configuration)
    {
        logging.AddFilter("Orleans", LogLevel.Warning);

        // At every start it warns of the garbage collector that was chosen.
        logging.AddFilter("Orleans.Runtime.Silo", LogLevel.Error);
        logging.AddFilter("Polly", LogLevel.Warning);
        logging.AddFilter("OrleansTempo", options.LogLevel);
        logging.AddConfiguration(configuration.GetSection("Logging"));
    }

    private static string Reason(Exception exception)
    {
        var messages = new List<string>();
        for (var e = exception; e is not null; e = e.InnerException)
        {
            if (!messages.Exists(m => m.Contains(e.Message, StringComparison.Ordinal)))
                messages.Add(e.Message.TrimEnd('.'));
        }

        return string.Join(": ", messages);
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "silo {Address} has joined its cluster, {How}; active silos: {Silos}")]
    private static partial void Joined(ILogger logger, SiloAddress address, string how, int silos);

    [LoggerMessage(Level = LogLevel.Warning, Message = "metrics_generator.storage.path '{Path}' is not used by a silo, whose remote write queues are in memory: a tenant that moves takes no files with it")]
    private static partial void QueueInMemory(ILogger logger, string path);

    [LoggerMessage(Level = LogLevel.Debug, Message = "what went wrong at the start")]
    private static partial void StartFailed(ILogger logger, Exception exception);

    [LoggerMessage(Level = LogLevel.Critical, Message = "this silo cannot go on in its cluster and ends at once; what it has acknowledged is in its log, which others take over: {Reason}")]
    private static partial void Dead(ILogger logger, string reason);
}
