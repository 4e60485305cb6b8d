using System.Net;
using OrleansTempo.Core.Configuration.Generator;
using OrleansTempo.Core.Configuration.RemoteWrite;
using OrleansTempo.Core.Continuity;
using OrleansTempo.Core.Generator;
using OrleansTempo.Core.Overrides;
using OrleansTempo.Core.RemoteWrite;
using OrleansTempo.Core.RemoteWrite.Endpoint;
using OrleansTempo.Core.Tests.RemoteWrite.Messages;

namespace OrleansTempo.Core.Tests.Continuity.Simulation;

/// <summary>An owner in a run: an activation of a tenant's generator, in a process of its own. Whatever it waits for is a <see cref="SimulatedWait"/> of the run.</summary>
internal sealed class SimulatedProcess
{
    public static readonly TimeSpan Lease = TimeSpan.FromSeconds(15);

    private static readonly TimeSpan s_flushDeadline = TimeSpan.FromSeconds(10);

    private readonly SimulationRun _run;
    private readonly TaskScheduler _turns = new ConcurrentExclusiveSchedulerPair().ExclusiveScheduler;
    private readonly List<Task> _turnsRunning = [];
    private TimeSpan _passed;
    private long _stoppingSince;

    public SimulatedProcess(SimulationRun run, int number, TimeSpan passed)
    {
        _run = run;
        Number = number;
        CatchUp(passed);
        var store = run.Store.View();
        store.Before = (operation, name) => run.WaitAsync(this, WaitKind.BeforeStore, $"{operation} {name}");
        store.After = (operation, name) => run.WaitAsync(this, WaitKind.AfterStore, $"{operation} {name}");
        var endpoint = new RemoteWriteEndpoint(
            new RemoteWriteOptions
            {
                Url = "http://remote/api/v1/write",
                MetadataConfig = new MetadataOptions { Send = false },
                QueueConfig = new QueueOptions { MinBackoff = TimeSpan.FromSeconds(1), MaxBackoff = TimeSpan.FromSeconds(2) },
            },
            0,
            Clock,
            credential: null,
            new Network(this));
        var environment = new GeneratorEnvironment
        {
            Store = store,
            Lease = run.Case.IsExclusive ? Timeout.InfiniteTimeSpan : Lease,
            Snapshot = run.Case.Mode,
            Storage = new GeneratorStorageOptions(),
            Endpoints = [endpoint],
            RemoteWriteMetrics = run.RemoteWriteMetrics,
            Metrics = run.Metrics,
            Time = Clock,
        };
        Life = new GeneratorLife(
            TenantId.Single, GeneratorShard.None, $"process-{number}", new GeneratorSettings { SpanMetricsCount = true }, environment, new InMemorySnapshots(store), run.Log);
    }

    public int Number { get; }

    public ManualTimeProvider Clock { get; } = new();

    public GeneratorLife Life { get; }

    /// <summary>Whether it runs no more: its calls under way may still arrive, but it hears of none.</summary>
    public bool IsDead { get; set; }

    /// <summary>Until when it stands still, by the run's time.</summary>
    public TimeSpan StalledUntil { get; set; }

    public Task? Starting { get; private set; }

    public Task? Stopping { get; private set; }

    /// <summary>Whether its stop took longer than it may: a collection that it could not queue by then is lost, and with it the 0 of new series, though they are in the snapshot.</summary>
    public bool IsOutOfTime { get; private set; }

    public bool IsStarted => Starting is { IsCompletedSuccessfully: true };

    public bool IsStopped => Stopping is { IsCompletedSuccessfully: true };

    /// <summary>Whether it has ended in order, and nobody has taken its place before.</summary>
    public bool IsWhole => IsStopped && !Life.IsLost;

    /// <summary>What was pushed here: when, by its clock in Unix milliseconds, and to which series.</summary>
    public List<(long AtMs, string Name, int Spans)> Pushed { get; } = [];

    /// <summary>Turns its clock to the run's time, from which it differs after it has stood still.</summary>
    public void CatchUp(TimeSpan passed)
    {
        Clock.Advance(passed - _passed);
        _passed = passed;
    }

    public void Start() => Starting = Turn(static life => life.StartAsync(CancellationToken.None));

    public void Stop()
    {
        _stoppingSince = Clock.GetTimestamp();
        Stopping = Turn(static life => life.StopAsync(s_flushDeadline, CancellationToken.None));
    }

    /// <summary>Notes whether a stop under way is past its deadline.</summary>
    public void NoteTime() => IsOutOfTime |= Stopping is { IsCompleted: false } && Clock.GetElapsedTime(_stoppingSince) >= s_flushDeadline;

    public void Collect() => Turn(static life => life.CollectAsync());

    public void Renew() => Turn(static life => life.RenewAsync());

    public void Push(string name, int spans)
    {
        Pushed.Add((Clock.NowMs, name, spans));
        Turn(life =>
        {
            LifeProcess.Count(life, Clock, spans, name);
            return Task.CompletedTask;
        });
    }

    /// <summary>What its turns failed with, which none may.</summary>
    public Exception? TakeFailure()
    {
        var failed = _turnsRunning.Find(static t => t.IsFaulted)?.Exception?.InnerException;
        _turnsRunning.RemoveAll(static t => t.IsCompleted);
        return failed;
    }

    private Task Turn(Func<GeneratorLife, Task> act)
    {
        var turn = Task.Factory.StartNew(() => act(Life), CancellationToken.None, TaskCreationOptions.DenyChildAttach, _turns).Unwrap();
        _turnsRunning.Add(turn);
        return turn;
    }

    /// <summary>Carries its requests to the remote end, also those that it has given up.</summary>
    private sealed class Network(SimulatedProcess process) : HttpMessageHandler
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
            await ExchangeAsync(await request.Content!.ReadAsByteArrayAsync(cancellationToken)).WaitAsync(cancellationToken);

        private async Task<HttpResponseMessage> ExchangeAsync(byte[] body)
        {
            var run = process._run;
            var began = run.Remote.Last;
            await run.WaitAsync(process, WaitKind.BeforeRemote, "a request");
            var last = run.Remote.Last;
            var isLate = last.Times != began.Times && (last.By != process || last.Times > began.Times + 1);
            var status = run.IsRemoteDown ? HttpStatusCode.ServiceUnavailable
                : run.Remote.TryAccept(process, isLate, SeriesOf.Parse(body)) ? HttpStatusCode.NoContent
                : HttpStatusCode.BadRequest;
            await run.WaitAsync(process, WaitKind.AfterRemote, $"{status}");
            return new HttpResponseMessage(status);
        }
    }
}
