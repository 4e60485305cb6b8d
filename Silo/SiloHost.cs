using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Orleans.Configuration;
using Orleans.Runtime;
using OrleansTempo.Azure;
using OrleansTempo.Core;
using OrleansTempo.Core.Blocks.Compaction;
using OrleansTempo.Core.Configuration;
using OrleansTempo.Core.Configuration.Generator;
using OrleansTempo.Core.Configuration.Server;
using OrleansTempo.Core.Configuration.Storage;
using OrleansTempo.Core.Distributor;
using OrleansTempo.Core.Ingester.Log;
using OrleansTempo.Core.Objects;
using OrleansTempo.Core.Otlp.Buffers;
using OrleansTempo.Core.RemoteWrite;
using OrleansTempo.Core.RemoteWrite.Endpoint;
using OrleansTempo.Core.RemoteWrite.Queue;
using OrleansTempo.Grains;
using OrleansTempo.Grains.Interfaces;
using OrleansTempo.Server;
using OrleansTempo.Server.Api;
using OrleansTempo.Server.Configuration;
using OrleansTempo.Server.Configuration.Pages;
using OrleansTempo.Server.Configuration.Tenants;
using OrleansTempo.Server.Hosting;
using OrleansTempo.Server.Logging;
using OrleansTempo.Server.Traces;
using OrleansTempo.Silo.Balance;
using OrleansTempo.Silo.Configuration;
using OrleansTempo.Silo.Dashboard;
using OrleansTempo.Silo.Exposition;
using OrleansTempo.Silo.Membership;
using OrleansTempo.Silo.Providers;

namespace OrleansTempo.Silo;

/// <summary>
/// Runs one silo, from start to stop:
/// <code>
///   start:  ports free? store, agreement ─► trace store ─► joins the cluster ─► server listens ─► generators restored, or 2 s ─► log replayed ─► ready
///   stop:   not ready, pushes refused ─► requests in flight end ─► queues for generators drain
///                                        └ after a second: a collection of what is there
///           ─► grains move to other silos, the rest stops, leaves the cluster ─► log closed ─► exit
/// </code>
/// If Orleans cannot continue, the process ends at once, see <see cref="SiloDeath"/>.
/// </summary>
internal sealed partial class SiloHost : IAsyncDisposable
{
    // The time in which grains collect and send a last time, and hand over what they hold.
    private static readonly TimeSpan s_handOver = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan s_usualDrain = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan s_usualRestore = TimeSpan.FromSeconds(2);

    // Of that time, what grains may take that move to other silos; those that do not are stopped.
    private static readonly TimeSpan s_moves = TimeSpan.FromSeconds(20);

    // Short, because a silo that was never active holds nothing.
    private static readonly TimeSpan s_leaving = TimeSpan.FromSeconds(2);

    private readonly TempoCommandLine _commandLine;
    private readonly ConfigurationManager _configuration;
    private readonly ILoggerFactory _loggerFactory;
    private readonly ILogger _logger;
    private readonly TempoMetrics _metrics;
    private readonly MetricsPage _metricsPage;
    private readonly ConfiguredOverrides _overrides;
    private readonly CancellationTokenSource _stop;
    private readonly RequestMemory _requests;
    private readonly TimeProvider _time = TimeProvider.System;
    private IReadOnlyList<RemoteWriteEndpoint> _endpoints = [];
    private IObjectStore? _store;
    private IHost? _host;
    private TraceStore? _traces;
    private GrainEngine? _engine;
    private TempoServer? _server;
    private Task _sweep = Task.CompletedTask;
    private Task _membershipLog = Task.CompletedTask;
    private Task _logWatch = Task.CompletedTask;
    private Task _balance = Task.CompletedTask;
    private MemberDescription? _description;
    private bool _hasJoined;
    private volatile bool _isStopping;

    private SiloHost(
        TempoCommandLine commandLine, ConfigurationManager configuration, ILoggerFactory loggerFactory, ILogger logger, TempoMetrics metrics, MetricsPage metricsPage, ConfiguredOverrides overrides, CancellationTokenSource stop)
    {
        _commandLine = commandLine;
        _configuration = configuration;
        _loggerFactory = loggerFactory;
        _logger = logger;
        _metrics = metrics;
        _metricsPage = metricsPage;
        _overrides = overrides;
        _stop = stop;
        _requests = RequestMemory.OfProcess(commandLine.Options.Distributor.MaxInflightBytes, _time);
    }

    private TempoOptions Options => _commandLine.Options;

    private bool IsAlone => !OrleansDefaults.HasOthers(_configuration);

    /// <summary>What is wrong with the configuration outside <c>tempo.yaml</c>; null for nothing.</summary>
    public static string? ProblemOf(TempoCommandLine commandLine)
    {
        try
        {
            ReadConfiguration(commandLine).Dispose();
            return null;
        }
        catch (Exception e) when (IsUnreadable(e))
        {
            return Reason(e);
        }
    }

    /// <summary>Runs until <paramref name="stop"/> is cancelled.</summary>
    /// <returns>The exit code of the process: 0 after a clean shutdown, 1 if it could not start or had to end.</returns>
    public static async Task<int> RunAsync(TempoCommandLine commandLine, CancellationToken stop)
    {
        var options = commandLine.Options;
        ConfigurationManager? configuration = null;
        ILoggerFactory? configured = null;
        var problem = "";
        try
        {
            configuration = ReadConfiguration(commandLine);
            configured = ConsoleLogging.Create(options.Server, logging => Adjust(logging, options.Server, configuration));
        }
        catch (Exception e) when (IsUnreadable(e))
        {
            problem = Reason(e);
        }
        catch (InvalidOperationException e)
        {
            problem = $"section 'Logging' of the configuration cannot be used: {Reason(e)}";
        }

        using var loggerFactory = configured ?? ConsoleLogging.Create(options.Server);
        var logger = loggerFactory.CreateLogger("OrleansTempo");
        ConfigurationLog.Write(logger, [], commandLine.Warnings);
        if (configuration is null || configured is null)
        {
            HostLifetime.LogCannotStart(logger, problem);
            return 1;
        }

        using var metrics = new TempoMetrics();

        // Created first, because the page does not show what was counted before.
        using var page = new MetricsPage(metrics);
        if (!ConfiguredOverrides.TryOpen(options, commandLine.Environment, metrics, TimeProvider.System, loggerFactory, logger, out var overrides))
            return 1;

        // A signal stops the process, and so does /shutdown.
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(stop);
        await using var silo = new SiloHost(commandLine, configuration, loggerFactory, logger, metrics, page, overrides, stopping);
        return await silo.RunAsync();
    }

    private static ConfigurationManager ReadConfiguration(TempoCommandLine commandLine)
    {
        var configuration = SiloConfiguration.Read(commandLine.Environment, AppContext.BaseDirectory, Environment.CurrentDirectory);
        SettingsCheck.Run(configuration, commandLine.Environment);
        return configuration;
    }

    private static bool IsUnreadable(Exception exception) => exception is InvalidDataException or IOException or UnauthorizedAccessException;

    private async Task<int> RunAsync()
    {
        TempoServer server;
        try
        {
            server = await StartAsync();
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            HostLifetime.LogStopped(_logger);
            return 0;
        }
        catch (Exception e)
        {
            // An Orleans provider may throw anything: its message helps the one who configured it; the stack is logged at debug level.
            HostLifetime.LogCannotStart(_logger, Reason(e));
            LogStartFailed(_logger, e);
            return 1;
        }

        await HostLifetime.ServeAsync(_commandLine, server, [.. _endpoints.Select(static e => e.Url)], _time, _logger, _stop.Token);

        HostLifetime.LogStopping(_logger);
        await StopAsync(server);
        HostLifetime.LogStopped(_logger);
        return 0;
    }

    private async Task<TempoServer> StartAsync()
    {
        var stop = _stop.Token;
        var settings = new SiloSettings();
        _configuration.GetSection(SiloSettings.Section).Bind(settings);
        var host = _host = BuildHost(settings);
        CheckPorts(host.Services);
        _endpoints = RemoteWriteEndpoint.CreateAll(Options.MetricsGenerator.Storage, _time, AzureAdCredential.Create);
        var store = Options.Storage.Trace is { Backend: TraceStorageOptions.LocalBackend } local
            ? FileObjectStore.Open(local.LocalPath, IsAlone, "storage.trace.local.path", _time, _logger)
            : await OpenStoreAsync("storage.trace.backend", Options.Storage.Trace, stop);
        _store = new MeasuredObjectStore(store, _metrics, _time);
        await _overrides.OpenUserConfigurableAsync(_store, async (key, own) => new MeasuredObjectStore(await OpenStoreAsync(key, own, stop), _metrics, _time), stop);
        if (!IsAlone)
            _description = await AgreeAsync(host.Services.GetRequiredService<IOptions<ClusterOptions>>().Value, _store, stop);
        var waiting = await OldQueueFiles.ImportAsync(Options.MetricsGenerator.Storage.Path ?? GeneratorStorageOptions.DefaultPath, _endpoints, _store, _time, _logger, stop);
        var grains = host.Services.GetRequiredService<IGrainFactory>();
        var traces = _traces = await TraceStore.OpenAsync(
            Options,
            IsAlone,
            _overrides.Current,
            _store,
            new RemotePartitions(grains, _metrics, _time, _logger),
            blocks => new LiveTraceSource(grains, Options.Ingester.Partitions, blocks, _time),
            _stop.Cancel,
            _metrics,
            _time,
            _logger,
            IsAlone ? null : MemberOf(host.Services));
        _ = traces.LogLost.ContinueWith(lost => EndNow(lost.Result), TaskScheduler.Default);
        var engine = _engine = CreateEngine(traces, grains, _store);
        await engine.Queued.StartAsync(stop);

        await JoinAsync(host, stop);
        var oracle = host.Services.GetRequiredService<ISiloStatusOracle>();
        if (IsAlone)
        {
            LogAlone(_logger);
        }
        else
        {
            await host.Services.GetRequiredService<MemberCheck>().CompareAsync(stop);
            LogJoined(_logger, oracle.SiloAddress, string.Join(", ", oracle.GetActiveSilos()));
            _membershipLog = ActivatorUtilities.CreateInstance<MembershipLog>(host.Services, (SiloAddress silo) => traces.NoteDead(silo.ToParsableString()), _logger).RunAsync(stop);
            var others = ActivatorUtilities.CreateInstance<MemberCalls>(host.Services, _time);
            var access = new StoreAccess(
                () => traces.LogTrouble is { StopsAppends: true } trouble ? trouble : null, traces.CanReadLogAsync, others.AnyCanLogAsync, others.ReplaceAsync);
            _logWatch = new LogWatch(access, EndNow, _time, _logger).RunAsync(stop);
        }

        var server = _server = CreateServer(host.Services, settings, traces, grains, oracle);
        await server.StartAsync(stop);

        // In a silo that runs alone, most generators are restored before the silo is ready. One that restores millions of series does not delay
        // the other tenants: its spans wait in its queue meanwhile. In a cluster they may be anywhere, and the silo does not wait for any.
        var sweep = new GeneratorSweep(grains, engine, _logger);
        _sweep = sweep.RunAsync(waiting, stop);
        if (IsAlone)
            await Task.WhenAny(sweep.FirstSweep, Task.Delay(s_usualRestore, _time, stop));
        if (await traces.StartAsync(stop))
        {
            server.MarkReady();
            if (!IsAlone)
                _balance = host.Services.GetRequiredService<GrainBalancer>().RunAsync(stop);
        }

        return server;
    }

    private async Task JoinAsync(IHost host, CancellationToken stop)
    {
        // Creating the services validates Orleans' settings.
        _ = host.Services.GetServices<IHostedService>();
        try
        {
            await host.StartAsync(stop);
            _hasJoined = true;
        }
        catch
        {
            // Orleans does not stop a silo that is not up, but its stages do, and one of them removes the silo from the membership table. If the
            // start failed early, some stages wait for things that never existed.
            var stages = host.Services.GetRequiredService<ISiloLifecycleSubject>();
            using var patience = new CancellationTokenSource(s_leaving, _time);
            await Task.Run(() => stages.OnStop(patience.Token), CancellationToken.None).WaitAsync(patience.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            throw;
        }
    }

    private async Task StopAsync(TempoServer server)
    {
        _isStopping = true;
        server.BeginStopping();
        using (var graceful = new CancellationTokenSource(Options.Server.GracefulShutdownTimeout))
        {
            var drained = server.StopAsync(graceful.Token);

            // A hanging client can delay this until an orchestrator kills the process. Spans that were acknowledged to other clients must not
            // wait for it, so they are collected now.
            if (await Task.WhenAny(drained, Task.Delay(s_usualDrain, _time)) != drained)
                _engine!.Generators.Collect();
            await drained;
        }

        await _sweep;
        await _membershipLog;
        await _logWatch;

        // Orleans clients push without the server. Once this returns, everything they were told is acknowledged is in the queues.
        using (var graceful = new CancellationTokenSource(Options.Server.GracefulShutdownTimeout))
            await _engine!.Distributor.StopAsync(graceful.Token);
        using (var graceful = new CancellationTokenSource(Options.Server.GracefulShutdownTimeout))
            await _engine.Generators.DrainAsync(graceful.Token);
        await _balance;
        if (!IsAlone)
        {
            using var moves = new CancellationTokenSource(s_moves, _time);
            await _host!.Services.GetRequiredService<GrainBalancer>().LeaveAsync(moves.Token);
        }

        await _traces!.BeginLeavingAsync();
        await _host!.StopAsync();
        await _traces.FinishAsync(Options.Server.GracefulShutdownTimeout);
    }

    public async ValueTask DisposeAsync()
    {
        _isStopping = true;
        if (_server is not null)
            await _server.DisposeAsync();
        if (_hasJoined)
            await _host!.StopAsync();
        if (_traces is not null)
            await _traces.DisposeAsync();

        // Disposing a silo that never came up would wait for loops that never ran; the process ends anyway.
        if (_hasJoined && _host is IAsyncDisposable host)
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
            if (!IsAlone)
                AddMember(silo);
            if (settings.Dashboard.Enabled)
                DashboardRoutes.AddServices(silo);
        });

        var host = builder.Build();
        host.Services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping.Register(() =>
        {
            if (!_isStopping)
                EndNow("its host stopped");
        });
        return host;
    }

    private void AddMember(ISiloBuilder silo)
    {
        silo.AddGrainService<MemberService>();
        silo.Services.AddSingleton(_ => _description!);
        silo.Services.AddSingleton(new LogCheck(() => _traces!.CanLogAsync()));
        silo.Services.AddSingleton(services => ActivatorUtilities.CreateInstance<MemberCheck>(services, _logger));
        silo.Services.AddSingleton<ILifecycleParticipant<ISiloLifecycle>>(static services => services.GetRequiredService<MemberCheck>());
        silo.Services.AddSingleton<IMemberLoads, MemberLoads>();
        silo.Services.AddSingleton(services => new GrainBalancer(
            _engine!.Active, services.GetRequiredService<IMemberLoads>(), services.GetRequiredService<ILocalSiloDetails>().SiloAddress, _time, _logger));
    }

    // Called before anything is opened or joined.
    private void CheckPorts(IServiceProvider services)
    {
        ListenerPorts.Check(ListenerMapping.ToServerOptions(Options));
        var endpoints = services.GetRequiredService<IOptions<EndpointOptions>>().Value;
        ListenerPorts.Check("the silo", endpoints.SiloListeningEndpoint ?? new(endpoints.AdvertisedIPAddress, endpoints.SiloPort), "Orleans__Endpoints__SiloPort");
        ListenerPorts.Check("the silo's gateway for clients", endpoints.GatewayListeningEndpoint ?? new(endpoints.AdvertisedIPAddress, endpoints.GatewayPort), "Orleans__Endpoints__GatewayPort");
    }

    // A name that cannot be parsed is of no silo that membership knows.
    private static WalMember MemberOf(IServiceProvider services)
    {
        var membership = services.GetRequiredService<IClusterMembershipService>();
        return new WalMember(services.GetRequiredService<ILocalSiloDetails>().SiloAddress.ToParsableString(), IsDead);

        bool IsDead(string silo)
        {
            try
            {
                return membership.CurrentSnapshot.GetSiloStatus(SiloAddress.FromParsableString(silo)) == SiloStatus.Dead;
            }
            catch (FormatException)
            {
                return false;
            }
        }
    }

    private async Task<MemberDescription> AgreeAsync(ClusterOptions cluster, IObjectStore store, CancellationToken stop)
    {
        var agreement = await new ClusterAgreement(Options.Ingester.Partitions, cluster.ClusterId, cluster.ServiceId).JoinAsync(store, stop);
        return new MemberDescription
        {
            StoreId = agreement.StoreId,
            Partitions = agreement.Partitions,
            Store = Options.Storage.Trace switch
            {
                { Backend: TraceStorageOptions.LocalBackend } storage => $"directory '{Path.GetFullPath(storage.LocalPath)}' of {Environment.MachineName}",
                var storage => $"container '{storage.Azure.ContainerName}' of {(storage.Azure.StorageAccountName is { Length: > 0 } account ? $"account '{account}'" : "Azure Blob Storage")}",
            },
        };
    }

    private async Task<IObjectStore> OpenStoreAsync(string key, TraceStorageOptions options, CancellationToken stop) => options switch
    {
        { Backend: TraceStorageOptions.LocalBackend } storage => new FileObjectStore(storage.LocalPath, _time, _logger),
        { Backend: TraceStorageOptions.AzureBackend } storage => await AzureBlobObjectStore.OpenAsync(storage.Azure, stop),
        var storage => throw new ArgumentException($"{key} '{storage.Backend}' is not supported; allowed are 'local' and 'azure'"),
    };

    private GrainEngine CreateEngine(TraceStore traces, IGrainFactory grains, IObjectStore store)
    {
        var overrides = _overrides.Current;
        var queued = new QueuedSpans(store, traces.LogStream, _metrics, _time, _logger);
        var generators = new GeneratorForwarders(grains, Options.MetricsGenerator, overrides, queued, _metrics, _time, _logger);
        return new GrainEngine
        {
            Ingesters = traces.Ingesters,
            Blocks = traces.Blocks,
            Distributor = new Distributor(
                tenant => IngestionLimits.Of(Options.Distributor, overrides.For(tenant)),
                new ActiveTenants(Options.Distributor.MaxTenants, overrides.Knows, _time),
                traces.Router, generators, _requests, _metrics, _time),
            Query = traces.Query,
            Generators = generators,
            Queued = queued,
            Store = store,
            IsExclusive = IsAlone && Options.Storage.Trace.Backend == TraceStorageOptions.LocalBackend,
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
        return new TempoServer(
            ListenerMapping.ToServerOptions(Options),
            new TempoServerParts
            {
                Push = new TracePush(_engine!.Distributor),
                Series = new GeneratorSeries(grains, _engine!.Generators, _engine.Store),
                Metrics = _metrics,
                RequestMemory = _requests,
                RemoteWrite = new RemoteWriteOverview(_engine.RemoteWriteMetrics),
                Traces = traces,
                Ingester = traces,
                Overrides = _overrides,
                Routes = [_metricsPage.Route, .. settings.Dashboard.Enabled ? DashboardRoutes.Create(services, settings.Dashboard.Public) : []],
                NotReadyBecause = () =>
                    oracle.CurrentStatus != SiloStatus.Active ? $"the silo is {oracle.CurrentStatus} in its cluster"
                    : traces.LogTrouble is { } trouble ? $"the write-ahead log cannot be written: {trouble.Reason}"
                    : null,
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

    // Ends the process at once, without any cleanup; see SiloDeath.
    private void EndNow(string reason)
    {
        LogDead(_logger, reason);
        _loggerFactory.Dispose();
        Environment.Exit(1);
    }

    // Orleans' own log is filtered: when a silo disappears, it logs a warning with a stack for every call that fails until the silo is declared
    // dead. Those only help to debug Orleans itself. This program logs what they mean for it, and MembershipLog who comes and goes.
    private static void Adjust(ILoggingBuilder logging, ServerOptions options, IConfiguration configuration)
    {
        logging.AddFilter("Orleans", options.LogLevel < LogLevel.Information ? LogLevel.Warning : LogLevel.Error);

        // The reason why the process cannot start is logged once, in a sentence.
        if (options.LogLevel >= LogLevel.Information)
        {
            logging.AddFilter("Microsoft.Extensions.Hosting", LogLevel.Critical);
            logging.AddFilter("Orleans.Runtime.Silo", LogLevel.Critical);

            // These log errors with stacks for a silo that has just disappeared, every second until it is declared dead.
            logging.AddFilter("Orleans.Runtime.GrainDirectory.ClientDirectory", LogLevel.Critical);
            logging.AddFilter("Orleans.Runtime.GrainCallCancellationManager", LogLevel.Critical);

            // That this silo was declared dead is logged as the reason why it ends, without the whole membership table.
            logging.AddFilter("Orleans.Runtime.MembershipService.MembershipTableManager", LogLevel.Critical);

            // After a start or a pause of the machine it takes the time before for a deadlock.
            logging.AddFilter("Orleans.Runtime.Watchdog", LogLevel.Critical);
        }

        // Each retry of Orleans' placement while a silo is lost, with a stack.
        logging.AddFilter("Polly", options.LogLevel < LogLevel.Information ? LogLevel.Warning : LogLevel.Critical);
        logging.AddFilter("OrleansTempo", options.LogLevel);

        // Orleans' base class logs every change of the ring under this name.
        logging.AddFilter(typeof(MemberService).FullName, options.LogLevel < LogLevel.Information ? options.LogLevel : LogLevel.Warning);
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

    [LoggerMessage(5005, LogLevel.Information, "This silo runs alone")]
    private static partial void LogAlone(ILogger logger);

    [LoggerMessage(5006, LogLevel.Information, "This silo is {Silo} in its cluster; active silos: {Silos}")]
    private static partial void LogJoined(ILogger logger, SiloAddress silo, string silos);

    [LoggerMessage(5007, LogLevel.Debug, "The start failed with this exception")]
    private static partial void LogStartFailed(ILogger logger, Exception exception);

    [LoggerMessage(5008, LogLevel.Critical, "This silo cannot continue and ends at once, to be started again; what it has acknowledged is in its log, which its next start or another silo adopts: {Reason}")]
    private static partial void LogDead(ILogger logger, string reason);
}
