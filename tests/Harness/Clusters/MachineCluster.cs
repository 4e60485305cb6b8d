using System.Globalization;
using System.Text.RegularExpressions;
using Google.Protobuf;
using OrleansTempo.Harness.Machines;
using OrleansTempo.Tests.Query;

namespace OrleansTempo.Harness.Clusters;

/// <summary>
/// A cluster whose silos run on machines of their own, each under a supervisor, with one store and a real Prometheus; twelve tenants push to whichever silos
/// are ready, and everything that was acknowledged is remembered.
/// </summary>
internal sealed partial class MachineCluster : IAsyncDisposable
{
    private const string Calls = "traces_spanmetrics_calls_total";
    private const string Dropped = "tempo_distributor_forwarder_spans_dropped_total";
    private const string Lost = "tempo_metrics_generator_spans_lost_max_total";
    private const int CallsPerRequest = 5;
    private const int SpansPerRequest = 2 * CallsPerRequest;
    private const int SendersPerTenant = 2;

    // For what a cluster does after an event, in its own time: a test that waits in vain fails.
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(2);

    private readonly List<Replica> _all = [];
    private readonly List<string> _notes = [];
    private readonly CountedLoad[] _loads;
    private MachineNetwork? _network;
    private ClusterStore? _store;
    private PrometheusProcess? _prometheus;
    private TempoSettings? _settings;
    private IReadOnlyList<Replica> _replicas = [];
    private Func<Task>[] _stopLoads = [];
    private DateTime _loadBegun;
    private Watch? _watch;

    private MachineCluster(StoreKind kind)
    {
        Kind = kind;
        _loads =
        [
            .. TenantNames.Select(tenant => new CountedLoad(() => [.. Replicas.Where(static replica => replica.IsReady).Select(static replica => replica.Silo)], new SentSpans(), SendersPerTenant)
            {
                Tenant = tenant,
                CallsPerRequest = CallsPerRequest,
                IsOneTrace = true,
                Rest = TimeSpan.FromSeconds(1),
                GivesUpAfter = TimeSpan.FromMinutes(2),
            }),
        ];
    }

    public static IReadOnlyList<string> TenantNames { get; } = [.. Enumerable.Range(1, 12).Select(static number => string.Create(CultureInfo.InvariantCulture, $"t{number:00}"))];

    public StoreKind Kind { get; }

    public MachineNetwork Network => _network!;

    public PrometheusProcess Prometheus => _prometheus!;

    /// <summary>Those that are to run now.</summary>
    public IReadOnlyList<Replica> Replicas => Volatile.Read(ref _replicas);

    /// <summary>How long new silos took until each had its share of the generators.</summary>
    public TimeSpan Shared { get; set; }

    public string Logs => string.Concat(_all.Select(static (replica, i) => $"--- silo {i}\n{replica.Silo.Log}"));

    /// <summary>Why there can be none with this store here; null where there can.</summary>
    public static string? MissingFor(StoreKind kind) =>
        OtherMachine.Missing ?? ClusterStore.MissingFor(kind) ?? (PrometheusProcess.Program is null ? "prometheus is not on the PATH" : null);

    /// <param name="kind">Its store.</param>
    /// <param name="silos">How many.</param>
    /// <param name="program">As in <see cref="TempoSettings.Program"/>.</param>
    public static async Task<MachineCluster> StartAsync(StoreKind kind, int silos = 3, string? program = null)
    {
        var cluster = new MachineCluster(kind);
        try
        {
            cluster._network = await MachineNetwork.StartAsync();
            var prometheus = PrometheusProcess.StartAsync(cluster.Network.ThisMachine.ToString());
            cluster._store = await ClusterStore.StartAsync(kind, cluster.Network.Storage.ToString());
            cluster._prometheus = await prometheus;
            cluster._settings = new TempoSettings
            {
                Test = "machines",
                Multitenancy = true,
                RemoteWriteUrls = [cluster.Prometheus.RemoteWriteUrl],
                CollectionInterval = "2s",
                Ingester = "partitions: 6, trace_idle_period: 2s, trace_live_period: 5s, flush_check_period: 1s, max_block_duration: 20s",
                Trace = $"{cluster._store.Trace}, blocklist_poll: 5s",
            };
            for (var i = 0; i < silos; i++)
                await cluster.AddAsync(program);
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts one silo more, on a machine of its own, and waits until it is ready.</summary>
    public async Task<Replica> AddAsync(string? program = null)
    {
        var machine = await Network.AddAsync();
        var replica = await Replica.StartAsync(Settings(machine, program), keepsDisk: Kind == StoreKind.Postgres);
        _all.Add(replica);
        Volatile.Write(ref _replicas, [.. Replicas, replica]);
        return replica;
    }

    /// <summary>Takes one away in order; returns its exit code.</summary>
    public async Task<int> RemoveAsync(Replica replica)
    {
        var code = await replica.StopAsync();
        Volatile.Write(ref _replicas, [.. Replicas.Where(other => other != replica)]);
        return code;
    }

    /// <summary>Stops one in order and starts it again on its machine.</summary>
    /// <param name="replica">Which.</param>
    /// <param name="program">The program that it runs from now on.</param>
    public async Task RestartAsync(Replica replica, string? program = null)
    {
        if (await replica.StopAsync() is not 0 and var code)
            Note($"a silo that was stopped in order exited with {code}");
        await replica.StartAgainAsync(Settings(MachineOf(replica), program));
    }

    public OtherMachine MachineOf(Replica replica) => Network.Machines[_all.IndexOf(replica)];

    /// <summary>The one that makes most tenants' metrics.</summary>
    public async Task<Replica> BusiestAsync()
    {
        foreach (var replica in Replicas)
            await replica.ScrapeAsync();
        return Replicas.MaxBy(static replica => replica.Generators.Count)!;
    }

    /// <summary>Something that the report is to say.</summary>
    public void Note(string note)
    {
        lock (_notes)
            _notes.Add(note);
    }

    /// <summary>Begins to send, for all tenants.</summary>
    public void BeginLoad()
    {
        _loadBegun = DateTime.UtcNow;
        _stopLoads = [.. _loads.Select(static load => load.Start())];
    }

    /// <summary>From now on the newest traces of every tenant are looked for through all ready silos, until the load ends.</summary>
    public void BeginWatch() => _watch = new Watch(this);

    /// <summary>Waits until every silo that is to run is ready; whether they are.</summary>
    public async Task<bool> AllReadyAsync()
    {
        var begun = DateTime.UtcNow;
        while (!Replicas.All(static replica => replica.IsReady))
        {
            if (DateTime.UtcNow - begun > s_patience)
            {
                Note($"silos are not ready {s_patience.TotalSeconds} s after the event: {string.Join(", ", Replicas.Select(static (replica, i) => replica.IsReady ? "" : $"silo {i}").Where(static name => name.Length > 0))}");
                return false;
            }

            await Task.Delay(200);
        }

        return true;
    }

    /// <summary>Ends the load, waits until metrics no longer change, asks for all traces through all silos, and says what there is.</summary>
    public async Task<ClusterReport> ReportAsync()
    {
        var gaveUp = 0;
        foreach (var stop in _stopLoads.Select(static stop => stop()).ToList())
        {
            try
            {
                await stop;
            }
            catch (TimeoutException)
            {
                gaveUp++;
            }
        }

        var loadEnded = DateTime.UtcNow;
        var eventBegun = _watch?.Begun ?? _loadBegun;
        if (_watch is { } watch)
            await watch.StopAsync();
        var allReady = await AllReadyAsync();
        foreach (var replica in Replicas.Where(static replica => replica.IsReady))
            await replica.ScrapeAsync();
        var since = string.Create(CultureInfo.InvariantCulture, $"{(int)(DateTime.UtcNow - _loadBegun).TotalSeconds + 60}s");
        var tenants = await SettledAsync(since);

        var missing = 0;
        foreach (var load in _loads)
        {
            foreach (var replica in Replicas.Where(static replica => replica.IsReady))
            {
                var problems = await load.Sent.ProblemsAsync(replica.Silo.Traces, load.Sent.Traces, load.Tenant);
                missing += problems.Count;
                foreach (var problem in problems.Take(2))
                    Note(problem);
            }
        }

        var resets = await ResetsAsync(since);
        lock (_notes)
        {
            return new ClusterReport
            {
                Tenants = tenants,
                Lost = _all.Sum(static replica => replica.Counted(Lost)),
                Resets = resets,
                OrderComplaints = Prometheus.OrderComplaints,
                MissingTraces = missing,
                Traces = _loads.Sum(static load => load.Sent.Traces.Count),
                Longest = _loads.Max(static load => load.Longest),
                LongestAnswer = _loads.Max(static load => load.LongestAnswer),
                BadRefusals = _loads.Sum(static load => load.BadRefusals.Count),
                Refusals = [.. _loads.SelectMany(static load => load.Refusals).Distinct()],
                RateBefore = RateBetween(_loadBegun, eventBegun),
                LowestRate = LowestRate(eventBegun, loadEnded),
                UntilFound = _watch?.UntilFound ?? TimeSpan.Zero,
                SilentlyIncomplete = _watch?.Silent ?? 0,
                GaveUp = gaveUp,
                AllReady = allReady,
                UntilShared = Shared,
                Restarts = _all.Sum(static replica => replica.Restarts),
                Notes = [.. _notes],
            };
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var replica in _all)
            await replica.DisposeAsync();
        if (_prometheus is not null)
            await _prometheus.DisposeAsync();
        if (_store is not null)
            await _store.DisposeAsync();
        if (_network is not null)
            await _network.DisposeAsync();
    }

    private TempoSettings Settings(OtherMachine machine, string? program) => _settings! with
    {
        Machine = machine,
        Program = program,
        Environment = new Dictionary<string, string>(_store!.Environment) { ["Orleans__Endpoints__AdvertisedIPAddress"] = machine.Address.ToString() },
    };

    // Prometheus has what was acknowledged, or at least no longer changes.
    private async Task<IReadOnlyList<ClusterReport.Tenant>> SettledAsync(string since)
    {
        IReadOnlyList<ClusterReport.Tenant> tenants = [];
        for (var unchanged = 0; unchanged < 6;)
        {
            await Task.Delay(TimeSpan.FromSeconds(3));
            var now = await TenantsAsync(since);
            if (now.All(static tenant => tenant.Counted == tenant.Acknowledged))
                return now;
            unchanged = now.SequenceEqual(tenants) ? unchanged + 1 : 0;
            tenants = now;
        }

        return tenants;
    }

    private async Task<IReadOnlyList<ClusterReport.Tenant>> TenantsAsync(string since)
    {
        var series = await Prometheus.RawSamplesAsync(Calls, since);
        return
        [
            .. _loads.Select(load =>
            {
                var own = series.Where(one => one.Key.Contains($"service=\"web{load.Tenant}\"", StringComparison.Ordinal) || one.Key.Contains($"service=\"shop{load.Tenant}\"", StringComparison.Ordinal)).Select(static one => one.Value).ToList();
                return new ClusterReport.Tenant(
                    load.Tenant!,
                    2 * load.Calls,
                    2 * load.Resent,
                    _all.Sum(replica => replica.Counted(Dropped, $"tenant=\"{load.Tenant}\"")),
                    own.Sum(Increase));
            }),
        ];
    }

    // Metric by metric, because a function of several would leave them apart by nothing.
    private async Task<int> ResetsAsync(string since)
    {
        var resets = 0.0;
        foreach (var name in (await Prometheus.DataAsync("/api/v1/label/__name__/values")).EnumerateArray().Select(static name => name.GetString()!))
        {
            if (CounterName().IsMatch(name))
                resets += await Prometheus.ValueAsync($"sum(resets({name}[{since}]))");
        }

        return (int)resets;
    }

    [GeneratedRegex("^traces_.+(_total|_count|_sum|_bucket)$")]
    private static partial Regex CounterName();

    // As increase() counts, but without its extrapolation.
    private static double Increase(IReadOnlyList<(long Milliseconds, double Value)> samples) =>
        samples.Zip(samples.Skip(1)).Sum(static pair => pair.Second.Value >= pair.First.Value ? pair.Second.Value - pair.First.Value : pair.Second.Value);

    private double RateBetween(DateTime from, DateTime to) =>
        _loads.Sum(load => load.Acknowledgements.Count(request => request.At >= from && request.At < to)) / (to - from).TotalSeconds;

    private double LowestRate(DateTime from, DateTime to)
    {
        var window = TimeSpan.FromSeconds(10);
        var lowest = double.MaxValue;
        for (var begin = from; begin + window <= to; begin += TimeSpan.FromSeconds(1))
            lowest = Math.Min(lowest, RateBetween(begin, begin + window));
        return lowest == double.MaxValue ? 0 : lowest;
    }

    /// <summary>Looks for some traces again and again.</summary>
    private sealed class Watch
    {
        private const int TracesPerTenant = 3;

        private readonly CancellationTokenSource _stop = new();
        private readonly MachineCluster _cluster;
        private readonly (CountedLoad Load, ByteString Trace)[] _traces;
        private readonly Task _running;

        public Watch(MachineCluster cluster)
        {
            _cluster = cluster;
            _traces = [.. cluster._loads.SelectMany(static load => load.Sent.Traces.TakeLast(TracesPerTenant), static (load, trace) => (load, trace))];
            _running = Task.Run(RunAsync);
        }

        public DateTime Begun { get; } = DateTime.UtcNow;

        /// <summary>How long after the beginning one was last not found whole.</summary>
        public TimeSpan UntilFound { get; private set; }

        /// <summary>Answers without all spans that said they were complete.</summary>
        public int Silent { get; private set; }

        public async Task StopAsync()
        {
            await _stop.CancelAsync();
            await _running;
            _stop.Dispose();
        }

        private async Task RunAsync()
        {
            while (!_stop.IsCancellationRequested)
            {
                foreach (var replica in _cluster.Replicas.Where(static replica => replica.IsReady))
                {
                    foreach (var (load, trace) in _traces)
                        await LookAsync(replica, load, trace);
                }

                await Task.Delay(TimeSpan.FromSeconds(1), CancellationToken.None);
            }
        }

        private async Task LookAsync(Replica replica, CountedLoad load, ByteString trace)
        {
            try
            {
                var answer = await replica.Silo.Traces.FindAsync(trace, load.Tenant).WaitAsync(TimeSpan.FromSeconds(5), _stop.Token);
                if (answer.Trace?.ResourceSpans.Sum(static resource => resource.ScopeSpans.Sum(static scope => scope.Spans.Count)) == SpansPerRequest)
                    return;
                if (answer.Status == PartialStatus.Complete)
                    Silent++;
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (Exception e) when (e is HttpRequestException or IOException or TimeoutException)
            {
                // No answer is no claim that there is no such trace. A silo that has just ended is none to ask.
                if (!replica.IsReady)
                    return;
            }

            UntilFound = DateTime.UtcNow - Begun;
        }
    }
}
