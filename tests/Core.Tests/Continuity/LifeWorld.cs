using System.Text;
using OrleansTempo.Core.Configuration.Generator;
using OrleansTempo.Core.Overrides;
using OrleansTempo.Core.Tests.Objects;
using OrleansTempo.Core.Tests.RemoteWrite;
using OrleansTempo.Core.Tests.RemoteWrite.Endpoint;

namespace OrleansTempo.Core.Tests.Continuity;

/// <summary>What the processes that run a tenant's generator, one after another or at once, share: the object store, the remote end, and the passing of time.</summary>
internal sealed class LifeWorld : IAsyncDisposable
{
    public const string ClaimName = "generators/single-tenant/all";
    public const string ChainFolder = "generator-snapshots/single-tenant/all/";

    public static readonly TimeSpan Lease = TimeSpan.FromSeconds(15);

    // Each process has its own clock, with only its own timers.
    private readonly List<LifeProcess> _processes = [];
    private readonly bool _ownsRemote;
    private TimeSpan _passed;

    private LifeWorld(RemoteEnd remote, bool ownsRemote)
    {
        Remote = remote;
        _ownsRemote = ownsRemote;
        Counters = new MetricValues(Metrics);
    }

    public InMemoryObjectStore Store { get; } = new();

    public RemoteEnd Remote { get; }

    public TempoMetrics Metrics { get; } = new();

    public MetricValues Counters { get; }

    public LogLines Log { get; } = new();

    public long NowMs => CollectionOf.StartMs + (long)_passed.TotalMilliseconds;

    public string Claim => Encoding.UTF8.GetString(Store[ClaimName]);

    public IEnumerable<string> Chain => Store.Names.Where(static n => n.StartsWith(ChainFolder, StringComparison.Ordinal));

    public bool HasSnapshot => Store.Names.Contains(InMemorySnapshots.Name);

    public (double Restored, double Refused) Starts =>
        (Counters["tempo_metrics_generator_snapshots_restored_total"], Counters["tempo_metrics_generator_snapshots_refused_total"]);

    /// <summary>Warnings and errors.</summary>
    public IEnumerable<string> Problems => Log.Lines.Where(static l => !l.StartsWith("Information", StringComparison.Ordinal));

    /// <param name="remote">A remote end that others have used; null for a new one.</param>
    public static async Task<LifeWorld> CreateAsync(RemoteEnd? remote = null) => new(remote ?? await RemoteEnd.StartAsync(), remote is null);

    public async ValueTask DisposeAsync()
    {
        foreach (var process in _processes)
            await process.KillAsync();
        if (_ownsRemote)
            await Remote.DisposeAsync();
        Counters.Dispose();
        Metrics.Dispose();
    }

    /// <summary>
    /// Creates a process that has not started its generator yet, a moment after the last action; <see cref="Timeout.InfiniteTimeSpan"/> is
    /// the lease of an exclusive owner.
    /// </summary>
    public async Task<LifeProcess> CreateProcessAsync(SnapshotMode mode = SnapshotMode.OnStop, TimeSpan? lease = null, Func<GeneratorSettings, GeneratorSettings>? configure = null)
    {
        await PassAsync(TimeSpan.FromMilliseconds(10));
        var process = new LifeProcess(this, _processes.Count, mode, lease ?? Timeout.InfiniteTimeSpan, configure ?? (static s => s));
        process.Time.Advance(_passed);
        _processes.Add(process);
        return process;
    }

    /// <summary>Creates a process and starts it.</summary>
    public async Task<LifeProcess> StartAsync(SnapshotMode mode = SnapshotMode.OnStop, TimeSpan? lease = null)
    {
        var process = await CreateProcessAsync(mode, lease);
        await process.DoAsync(static life => life.StartAsync(CancellationToken.None));
        return process;
    }

    /// <summary>Lets time pass for all processes. Everything that can be sent is sent before and after, because a request takes no time.</summary>
    public async Task PassAsync(TimeSpan by)
    {
        var processes = _processes.ToArray();
        foreach (var process in processes)
            await process.SentAsync();
        _passed += by;
        foreach (var process in processes)
            process.Time.Advance(by);
        foreach (var process in processes)
            await process.SentAsync();
    }
}
