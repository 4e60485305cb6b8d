using OrleansTempo.Core.Continuity;
using OrleansTempo.Core.Generator;
using OrleansTempo.Core.Overrides;
using OrleansTempo.Core.RemoteWrite;
using OrleansTempo.Core.Tests.Generator;
using OrleansTempo.Core.Tests.Storage;
using Kind = OrleansTempo.Tests.Otlp.Span.Types.SpanKind;

namespace OrleansTempo.Core.Tests.Continuity;

/// <summary>One process and the generator's life in it, whose calls have turns of their own, as a grain's have.</summary>
internal sealed class LifeProcess
{
    public const string Header = "X-Process";

    // A new counter's 0 has room in it.
    private static readonly TimeSpan s_moment = TimeSpan.FromMilliseconds(2);

    private static readonly TimeSpan[] s_waits = [TimeSpan.FromSeconds(1), LifeWorld.Lease / 6];

    private readonly LifeWorld _world;
    private readonly TaskCompletionSource _died = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskScheduler _turns = new ConcurrentExclusiveSchedulerPair().ExclusiveScheduler;

    public LifeProcess(LifeWorld world, int number, SnapshotMode mode, TimeSpan lease, Func<GeneratorSettings, GeneratorSettings> configure)
    {
        _world = world;
        Number = number;
        Store = world.Store.View();
        var endpoint = new RemoteWriteEndpoint(
            new RemoteWriteOptions
            {
                Url = world.Remote.Url,
                Headers = new Dictionary<string, string> { [Header] = $"{number}" },
                MetadataConfig = new MetadataOptions { Send = false },
            },
            0,
            Time);
        var environment = new GeneratorEnvironment
        {
            Store = Store,
            Lease = lease,
            Snapshot = mode,
            Storage = new GeneratorStorageOptions(),
            Endpoints = [endpoint],
            RemoteWriteMetrics = new RemoteWriteMetrics(world.Metrics),
            Metrics = world.Metrics,
            Time = Time,
        };
        Snapshots = new InMemorySnapshots(Store);
        Life = new GeneratorLife(
            TenantId.Single, GeneratorShard.None, $"process-{number}", configure(new GeneratorSettings { SpanMetricsCount = true }), environment, Snapshots, world.Log);
    }

    public int Number { get; }

    public ManualTimeProvider Time { get; } = new();

    public InMemoryObjectStore Store { get; }

    public InMemorySnapshots Snapshots { get; }

    public GeneratorLife Life { get; }

    public bool IsDead { get; private set; }

    /// <summary>The spans counted, of all series.</summary>
    public double Calls
    {
        get
        {
            var calls = new Recorder();
            Life.Visit(calls);
            return calls.Samples.Values.Sum(static s => s.Value);
        }
    }

    /// <summary>From here on nothing leaves it.</summary>
    public async Task KillAsync()
    {
        Die();
        try
        {
            await Life.Writer.DisposeAsync();
        }
        catch (DiedException)
        {
            // It would have kept what waits.
        }
    }

    /// <summary>As <see cref="KillAsync"/>, in the middle of something.</summary>
    public void Die()
    {
        IsDead = true;
        _died.TrySetResult();
        Store.Before = Store.After = static (_, _) => throw new DiedException();
    }

    /// <summary>Full, or down: whatever is written fails, and reading does not.</summary>
    public void FailWrites(bool also, params string[] prefixes) => Store.Before = (operation, name) =>
        operation.StartsWith("Put", StringComparison.Ordinal) && (prefixes.Length == 0 || prefixes.Any(p => name.StartsWith(p, StringComparison.Ordinal))) && also
            ? throw new IOException("the disk is full")
            : Task.CompletedTask;

    /// <summary>On one of its turns.</summary>
    public Task OnTurnAsync(Func<GeneratorLife, Task> act) =>
        Task.Factory.StartNew(() => act(Life), CancellationToken.None, TaskCreationOptions.DenyChildAttach, _turns).Unwrap();

    /// <summary>On its turns until it is done; where it waits for the clock, time passes for everybody.</summary>
    public async Task DoAsync(Func<GeneratorLife, Task> act)
    {
        var doing = OnTurnAsync(act);
        while (!doing.IsCompleted)
        {
            // What is on its way from a process that dies does not arrive, and nobody waits for it.
            if (IsDead)
                await KillAsync();
            var waits = Array.ConvertAll(s_waits, Time.TimerOf);
            await Task.WhenAny([doing, .. waits, .. IsDead ? (Task[])[] : [_died.Task]]);
            if (!doing.IsCompleted && Array.Exists(waits, static w => w.IsCompleted))
                await _world.PassAsync(s_waits[Array.FindIndex(waits, static w => w.IsCompleted)]);
        }

        await doing;
    }

    public Task PushAsync(int spans, string name = "/a") => OnTurnAsync(life =>
    {
        for (; spans > 0; spans--)
        {
            var span = GeneratorBench.Span(name, Kind.Internal, 1);
            (span.StartTimeUnixNano, span.EndTimeUnixNano) = (Time.NowNanos, Time.NowNanos);
            using var one = new OneSpan(span, ("service.name", "cart"));
            life.Push(one.Batch, [0]);
        }

        return Task.CompletedTask;
    });

    /// <summary>Collects a moment after whatever came before, and returns when all is sent that can be.</summary>
    public async Task CollectAsync()
    {
        await _world.PassAsync(s_moment);
        await DoAsync(static life => life.CollectAsync());
        await SentAsync();
    }

    /// <summary>Stops a moment after whatever came before.</summary>
    public async Task StopAsync(CancellationToken cancellationToken = default)
    {
        await _world.PassAsync(s_moment);
        await DoAsync(life => life.StopAsync(TimeSpan.FromSeconds(10), cancellationToken));
    }

    /// <summary>Returns when what waits has been sent, at once where nothing may be.</summary>
    public async Task SentAsync()
    {
        if (!IsDead && Life.Permit.IsHeld)
            await Life.Writer.FlushAsync(TimeSpan.FromDays(1)).WaitAsync(TimeSpan.FromSeconds(60));
    }

    /// <summary>What the object store tells a process that has died.</summary>
    public sealed class DiedException : Exception;
}
