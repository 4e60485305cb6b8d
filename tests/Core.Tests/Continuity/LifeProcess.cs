using OrleansTempo.Core.Configuration.Generator;
using OrleansTempo.Core.Configuration.RemoteWrite;
using OrleansTempo.Core.Continuity;
using OrleansTempo.Core.Generator;
using OrleansTempo.Core.Generator.Samples;
using OrleansTempo.Core.Overrides;
using OrleansTempo.Core.RemoteWrite;
using OrleansTempo.Core.RemoteWrite.Endpoint;
using OrleansTempo.Core.Tests.Generator;
using OrleansTempo.Core.Tests.Objects;
using Kind = OrleansTempo.Tests.Otlp.Span.Types.SpanKind;

namespace OrleansTempo.Core.Tests.Continuity;

/// <summary>One process with a generator's life in it; its calls run in turns, like those of a grain.</summary>
internal sealed class LifeProcess
{
    public const string Header = "X-Process";

    // A new counter's 0 has room in it.
    private static readonly TimeSpan s_moment = TimeSpan.FromMilliseconds(2);

    // Between two attempts to send: one after which nothing else waits.
    private static readonly TimeSpan s_backoff = TimeSpan.FromMilliseconds(3700);
    private static readonly TimeSpan s_flushDeadline = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan[] s_waits = [TimeSpan.FromSeconds(1), LifeWorld.Lease / 6];

    // Those that are not of who waits to send; a request that is under way has one too.
    private static readonly TimeSpan[] s_deadlines = [.. s_waits, s_flushDeadline, new RemoteWriteOptions().RemoteTimeout];

    private readonly LifeWorld _world;
    private readonly bool _isExclusive;
    private readonly TaskCompletionSource _died = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskScheduler _turns = new ConcurrentExclusiveSchedulerPair().ExclusiveScheduler;

    public LifeProcess(LifeWorld world, int number, SnapshotMode mode, TimeSpan lease, Func<GeneratorSettings, GeneratorSettings> configure)
    {
        _world = world;
        _isExclusive = lease == Timeout.InfiniteTimeSpan;
        Number = number;
        Store = world.Store.View();
        var endpoint = new RemoteWriteEndpoint(
            new RemoteWriteOptions
            {
                Url = world.Remote.Url,
                Headers = new Dictionary<string, string> { [Header] = $"{number}" },
                MetadataConfig = new MetadataOptions { Send = false },
                QueueConfig = new QueueOptions { MinBackoff = s_backoff, MaxBackoff = s_backoff },
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

    /// <summary>Whether its store never fails, so that samples waiting for the permit are in the store as soon as they wait.</summary>
    public bool PutsWhatWaits { get; set; }

    /// <summary>The number of spans counted, over all series.</summary>
    public double Calls
    {
        get
        {
            var calls = new Recorder();
            var (reading, families) = Life.Readings.Begin();
            foreach (var family in families)
                SeriesRecording.Replay(Life.Readings.Read(reading, family, 0)!.Value.Piece, calls);
            return calls.Samples.Values.Sum(static s => s.Value);
        }
    }

    private bool IsAllPut => Life.Writer.Queues.All(static queue => queue.PendingSamplesOnDisk == queue.PendingSamples);

    /// <summary>Kills the process: from here on it sends nothing.</summary>
    public async Task KillAsync()
    {
        Die();
        await Life.Writer.DisposeAsync();
    }

    /// <summary>As <see cref="KillAsync"/>, in the middle of an action.</summary>
    public void Die()
    {
        IsDead = true;
        _died.TrySetResult();
        Store.Before = Store.After = static (_, _) => throw new DiedException();
    }

    /// <summary>Makes the store full: writes fail, but reads do not.</summary>
    public void FailWrites(bool also, params string[] prefixes) => Store.Before = (operation, name) =>
        operation.StartsWith("Put", StringComparison.Ordinal) && (prefixes.Length == 0 || prefixes.Any(p => name.StartsWith(p, StringComparison.Ordinal))) && also
            ? throw new IOException("the disk is full")
            : Task.CompletedTask;

    /// <summary>Runs an action in one of its turns.</summary>
    public Task OnTurnAsync(Func<GeneratorLife, Task> act) =>
        Task.Factory.StartNew(() => act(Life), CancellationToken.None, TaskCreationOptions.DenyChildAttach, _turns).Unwrap();

    /// <summary>Runs an action in its turns until it is done; if it waits for the clock, time passes for all processes.</summary>
    public async Task DoAsync(Func<GeneratorLife, Task> act)
    {
        var began = Time.GetUtcNow();
        var doing = OnTurnAsync(act);
        while (!doing.IsCompleted)
        {
            // Requests under way from a process that crashes do not arrive, and nobody waits for them.
            if (IsDead)
                await KillAsync();
            var waits = Array.ConvertAll(s_waits, wait => Time.TimerOf(wait, began));
            await Task.WhenAny([doing, .. waits, .. IsDead ? (Task[])[] : [_died.Task, .. _isExclusive ? [Task.Delay(5)] : (Task[])[]]]);

            // Whoever began to wait may end in the same turn, without it: a start that fails leaves a retry behind.
            await OnTurnAsync(static _ => Task.CompletedTask);

            // Both the stop and what it awaits have that deadline. With a lease it also waits to renew.
            if (_isExclusive && Time.TimersRunning(s_flushDeadline) > 1 && Time.TimersRunning(s_backoff) > 0)
                await _world.PassAsync(s_backoff);
            if (!doing.IsCompleted && Array.Exists(waits, static w => w.IsCompleted))
                await _world.PassAsync(s_waits[Array.FindIndex(waits, static w => w.IsCompleted)]);
        }

        await doing;
    }

    public Task PushAsync(int spans, string name = "/a") => OnTurnAsync(life =>
    {
        Count(life, spans, name);
        return Task.CompletedTask;
    });

    /// <summary>Pushes spans as a grain does, if they are not counted yet; completes when the call would be answered.</summary>
    public Task PushAsync(Guid queue, long number, int spans, string name = "/a") => DoAsync(life =>
    {
        if (life.TryBegin(queue, number))
            Count(life, spans, name);
        return life.SayAsync();
    });

    /// <summary>Asks about a push, as a grain is asked.</summary>
    public async Task<PushState> AskAsync(Guid queue, long number)
    {
        var state = default(PushState);
        await DoAsync(life =>
        {
            state = life.Ask(queue, number);
            return life.SayAsync();
        });
        return state;
    }

    private void Count(GeneratorLife life, int spans, string name)
    {
        for (; spans > 0; spans--)
        {
            var span = GeneratorBench.Span(name, Kind.Internal, 1);
            (span.StartTimeUnixNano, span.EndTimeUnixNano) = (Time.NowNanos, Time.NowNanos);
            using var one = new OneSpan(span, ("service.name", "cart"));
            life.Push(one.Batch, [0]);
        }
    }

    /// <summary>Collects a moment after the last action, and returns when everything that can be sent is sent.</summary>
    public async Task CollectAsync()
    {
        await _world.PassAsync(s_moment);
        await DoAsync(static life => life.CollectAsync());
        await SentAsync();
    }

    /// <summary>Stops a moment after the last action.</summary>
    public async Task StopAsync(CancellationToken cancellationToken = default)
    {
        await _world.PassAsync(s_moment);
        await DoAsync(life => life.StopAsync(s_flushDeadline, cancellationToken));
    }

    /// <summary>Returns when nothing more happens until time passes: samples are sent, or wait for the permit or the next attempt, and are then also in the store.</summary>
    public async Task SentAsync()
    {
        using var enough = new CancellationTokenSource();
        var sent = Task.WhenAll(Life.Writer.Queues.Select(queue => queue.FlushAsync(enough.Token)));
        var began = Environment.TickCount64;

        // Whoever waits for the next attempt, or for a lease to end, waits for time.
        while (!IsDead && !sent.IsCompleted && (Life.Permit.IsHeld ? !Time.HasTimerOtherThan(s_deadlines) : PutsWhatWaits && !Life.IsLost && !IsAllPut))
        {
            await Task.WhenAny(sent, Task.Delay(1));

            // Whoever began to wait for a lease to end while the clock was turned waits too long, and that may be just as long as a deadline.
            if (Environment.TickCount64 - began > 3_000 && Time.HasTimerOtherThan())
                break;
            if (Environment.TickCount64 - began > 60_000)
                throw new TimeoutException($"process {Number} sends for ever");
        }

        await enough.CancelAsync();
        await sent;
        if (!IsDead)
            await Task.WhenAll(Life.Writer.Queues.Select(static queue => queue.Writing)).WaitAsync(TimeSpan.FromSeconds(60));
    }

    /// <summary>What the object store throws at a process that has crashed.</summary>
    public sealed class DiedException : Exception;
}
