using System.Text;
using OrleansTempo.Core.Configuration.Generator;
using OrleansTempo.Core.RemoteWrite;

namespace OrleansTempo.Core.Tests.Continuity.Simulation;

/// <summary>
/// One run: a tenant whose generator moves, crashes, stalls and is activated twice. A seed decides everything: which of the waits goes on, with what outcome, what
/// each owner does next, and how time passes. It needs a thread pool of one thread, and takes its next step when that has nothing left to do, so
/// the same seed gives the same run.
/// </summary>
internal sealed class SimulationRun
{
    private const int Steps = 220;
    private const int MaxAlive = 3;

    // A new counter's 0 has room in it.
    private static readonly TimeSpan s_moment = TimeSpan.FromMilliseconds(2);

    private readonly Random _random;
    private readonly StringBuilder _trace = new();
    private readonly List<SimulatedProcess> _processes = [];
    private readonly List<SimulatedWait> _waits = [];
    private readonly List<string> _violations = [];
    private TimeSpan _passed;
    private bool _isHealed;

    public SimulationRun(int seed)
    {
        _random = new Random(seed);
        Seed = seed;
        Case = SimulationCase.All[seed % SimulationCase.All.Count];
        Remote = new SimulatedRemoteEnd(Case, () => _processes.Exists(static p => p.IsOutOfTime), _violations.Add);
        RemoteWriteMetrics = new RemoteWriteMetrics(Metrics);
    }

    public int Seed { get; }

    public SimulationCase Case { get; }

    public InMemoryObjectStore Store { get; } = new();

    public SimulatedRemoteEnd Remote { get; }

    public TempoMetrics Metrics { get; } = new();

    public RemoteWriteMetrics RemoteWriteMetrics { get; }

    public LogLines Log { get; } = new();

    public bool IsRemoteDown { get; private set; }

    /// <summary>What happened, a line each.</summary>
    public string Trace => _trace.ToString();

    public int Starts => _processes.Count;

    public int Crashes { get; private set; }

    public int Lost => _processes.Count(static p => p.Life.IsLost);

    /// <summary>Waits for the run to let it go on, which it may never do.</summary>
    public Task WaitAsync(SimulatedProcess process, WaitKind kind, string what)
    {
        var wait = new SimulatedWait(process, kind, what);
        _waits.Add(wait);
        return wait.Going.Task;
    }

    /// <summary>Runs it to its end.</summary>
    /// <returns>What was wrong; empty if nothing was.</returns>
    public async Task<IReadOnlyList<string>> RunAsync()
    {
        for (var step = 0; step < Steps && _violations.Count == 0; step++)
        {
            Step();
            await SettleAsync();
        }

        await EndAsync();
        _violations.AddRange(Log.Lines.Where(line => Case.IsOrderly && line.StartsWith("Error", StringComparison.Ordinal)));
        Metrics.Dispose();
        return _violations;
    }

    private void Step()
    {
        var free = _waits.Where(CanGoOn).ToList();
        switch (_random.Next(20))
        {
            case < 11 when free.Count > 0:
                GoOn(free[_random.Next(free.Count)]);
                break;
            case < 13:
                Advance(_random.Next(12) switch
                {
                    < 6 => TimeSpan.FromMilliseconds(_random.Next(1, 300)),
                    < 11 => SimulatedProcess.Lease / 6,
                    _ => SimulatedProcess.Lease * _random.NextDouble(),
                });
                break;
            case 13:
                IsRemoteDown = _random.Next(4) == 0;
                Say($"the remote end is {(IsRemoteDown ? "down" : "up")}");
                break;
            default:
                Act();
                break;
        }
    }

    private void Act()
    {
        var alive = _processes.Where(static p => p is { IsDead: false, IsStopped: false }).ToList();
        if (alive.Count == 0 || (Case is { Crashes: true, IsExclusive: false } && alive.Count < MaxAlive && _random.Next(15) == 0))
        {
            Start();
            return;
        }

        var process = alive[_random.Next(alive.Count)];
        if (IsStalled(process))
            return;
        Advance(s_moment);
        switch (_random.Next(20))
        {
            case 0 when Case.Crashes:
                Say($"{process.Number} crashes");
                process.IsDead = true;
                Crashes++;
                break;
            case 1:
                process.StalledUntil = _passed + (SimulatedProcess.Lease * (_random.NextDouble() * 2));
                Say($"{process.Number} stalls until {process.StalledUntil}");
                break;
            case 2 or 3 when process is { IsStarted: true, Stopping: null }:
                Say($"{process.Number} stops");
                process.Stop();
                break;
            case < 9 when process is { IsStarted: true, Stopping: null }:
                Push(process);
                break;
            case < 14 when process is { IsStarted: true, Stopping: null, Life.IsLost: false }:
                Say($"{process.Number} collects");
                process.Collect();
                break;
            case < 19 when process is { IsStarted: true, Stopping: null, Life.IsLost: false }:
                Say($"{process.Number} renews");
                process.Renew();
                break;
            default:
                if (process is { Life.IsLost: true, Stopping: null })
                    process.Stop();
                break;
        }
    }

    private SimulatedProcess Start()
    {
        Advance(s_moment * 5);
        var process = new SimulatedProcess(this, _processes.Count, _passed);
        _processes.Add(process);
        Say($"{process.Number} starts");
        process.Start();
        return process;
    }

    private void Push(SimulatedProcess process)
    {
        var (name, spans) = ($"/{_random.Next(3)}", _random.Next(1, 5));
        Say($"{process.Number} counts {spans} of {name}");
        process.Push(name, spans);
    }

    private bool IsStalled(SimulatedProcess process) => process.StalledUntil > _passed;

    // What is on its way arrives whatever has become of its sender, but that hears of it only if it runs. A directory has nothing on its way.
    private bool CanGoOn(SimulatedWait wait) => wait.Kind is WaitKind.BeforeStore or WaitKind.BeforeRemote
        ? !(wait.Process.IsDead && Case.IsExclusive)
        : !wait.Process.IsDead && !IsStalled(wait.Process);

    private void GoOn(SimulatedWait wait)
    {
        _waits.Remove(wait);
        var isPut = wait.What.StartsWith("Put", StringComparison.Ordinal);
        var fails = !_isHealed && wait.Kind switch
        {
            WaitKind.BeforeStore => Case.StoreFails && _random.Next(12) == 0,
            WaitKind.AfterStore => Case.StoreFails && isPut && _random.Next(15) == 0,
            WaitKind.BeforeRemote => _random.Next(20) == 0,
            _ => _random.Next(20) == 0,
        };

        // What a process that has crashed had on its way may be lost with it.
        if (wait.Process.IsDead && _random.Next(3) == 0)
        {
            Say($"{wait} never arrives");
            return;
        }

        Say($"{wait}{(fails ? " fails" : "")}");
        if (!fails)
            wait.Going.SetResult();
        else if (wait.Kind is WaitKind.BeforeStore or WaitKind.AfterStore)
            wait.Going.SetException(new IOException("the store fails"));
        else
            wait.Going.SetException(new HttpRequestException("the connection is gone"));
    }

    private void Advance(TimeSpan by)
    {
        _passed += by;
        foreach (var process in _processes)
        {
            if (process is { IsDead: false } && !IsStalled(process))
                process.CatchUp(_passed);
        }
    }

    /// <summary>Everything works again: all owners stop in order, and one more sends what is left. What is missing then is lost.</summary>
    private async Task EndAsync()
    {
        if (_violations.Count > 0)
            return;
        Say("everything works again");
        (_isHealed, IsRemoteDown) = (true, false);
        foreach (var process in _processes)
            process.StalledUntil = TimeSpan.Zero;
        Advance(s_moment);
        await SettleAsync();
        foreach (var process in _processes.Where(static p => !p.IsDead && p.Stopping is null).ToList())
        {
            await UntilAsync(() => process.Starting!.IsCompleted);
            Advance(s_moment);
            process.Stop();
            await UntilAsync(() => process.IsStopped);
        }

        foreach (var process in _processes.Where(static p => !p.IsDead).ToList())
            await UntilAsync(() => process.IsStopped);
        var last = Start();
        await UntilAsync(() => last.IsStarted);
        var until = _passed + (2 * SimulatedProcess.Lease);
        while (_passed < until)
        {
            last.Renew();
            await UntilAsync(() => _waits.TrueForAll(w => w.Process != last));
            Advance(TimeSpan.FromSeconds(1));
        }

        Push(last);
        await SettleAsync();
        Advance(s_moment);
        last.Collect();
        await UntilAsync(() => _waits.TrueForAll(w => w.Process != last));
        Advance(s_moment);
        last.Stop();
        await UntilAsync(() => last.IsStopped);
        CheckCounts();
    }

    private void CheckCounts()
    {
        foreach (var name in _processes.SelectMany(static p => p.Pushed).Select(static p => p.Name).Distinct())
        {
            var pushed = _processes.SelectMany(static p => p.Pushed).Where(p => p.Name == name).Sum(static p => p.Spans);
            var counted = Remote.Counted.GetValueOrDefault(name);
            if (counted > pushed)
                _violations.Add($"{name}: {counted} are counted, and {pushed} were pushed");

            // Of an owner that crashed, or was overtaken, what came since its last collection that was sent.
            var mayBeLost = _processes.Where(static p => !p.IsWhole).Sum(p =>
                p.Pushed.Where(push => push.Name == name && push.AtMs >= Remote.AcceptedUpTo(p)).Sum(static push => push.Spans));

            // With records, what an owner has restored and not sent yet is lost where the next one cannot restore it.
            var mayLoseMore = Case.StoreFails || (Case.Mode == SnapshotMode.EveryCollection && Log.Lines.Any(static line => line.Contains("counters start again at 0", StringComparison.Ordinal)));
            if (!mayLoseMore && counted < pushed - mayBeLost)
                _violations.Add($"{name}: {counted} are counted, {pushed} were pushed, and {mayBeLost} of them may be lost");
        }
    }

    private async Task UntilAsync(Func<bool> isDone)
    {
        for (var turn = 0; ; turn++)
        {
            await SettleAsync();
            if (isDone() || _violations.Count > 0)
                return;
            if (turn == 2000)
                throw new InvalidOperationException($"seed {Seed} comes to no end:\n{Trace}");
            if (_waits.Find(CanGoOn) is { } wait)
                GoOn(wait);
            else
                Advance(TimeSpan.FromMilliseconds(200));
        }
    }

    // The pool has one thread, and this is it.
    private async Task SettleAsync()
    {
        do
        {
            await Task.Yield();
        }
        while (ThreadPool.PendingWorkItemCount > 0);

        // One that stands still has not seen yet what time it is, and sees it before it does anything.
        var senders = _processes.Where(p => p is { IsDead: false, Life.Permit.IsHeld: true } && !IsStalled(p)).Select(static p => p.Number).ToList();
        if (senders.Count > 1)
            _violations.Add($"processes {string.Join(" and ", senders)} may send at once");
        foreach (var process in _processes)
        {
            process.NoteTime();
            if (process.TakeFailure() is { } failure)
                _violations.Add($"process {process.Number} failed: {failure}");
            if (process.Life.Writer.HighestTimestampMs is > 0 and var at)
                Remote.Collected(at, process);
        }
    }

    private void Say(string line) => _trace.Append(_passed.ToString("c")).Append(' ').AppendLine(line);
}

/// <summary>What a wait is for: that a call arrives, or that its caller hears of what became of it.</summary>
internal enum WaitKind
{
    BeforeStore,
    AfterStore,
    BeforeRemote,
    AfterRemote,
}

/// <summary>A wait of a process that ends when the run says so.</summary>
internal sealed record SimulatedWait(SimulatedProcess Process, WaitKind Kind, string What)
{
    public TaskCompletionSource Going { get; } = new();

    public override string ToString() => $"{Process.Number}: {Kind} {What}";
}
