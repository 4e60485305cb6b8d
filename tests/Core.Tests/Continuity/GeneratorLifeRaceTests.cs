using System.Text;
using Google.Protobuf;
using Microsoft.AspNetCore.Http;
using OrleansTempo.Core.Configuration.Generator;
using OrleansTempo.Core.Continuity;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Core.Tests.RemoteWrite.Endpoint;
using OrleansTempo.Tests.Prometheus;

namespace OrleansTempo.Core.Tests.Continuity;

/// <summary>
/// Random lives of a tenant's generator that stop, crash at any point, lose their claim or stall, on a store that fails, sometimes after
/// it has done what it was told, and with a remote end that is down at times; checks what is sent. The spans come from queues whose calls and
/// answers are lost at times: each is counted once, or said to be lost.
/// </summary>
public sealed class GeneratorLifeRaceTests
{
    private const int Scenarios = 10;
    private const int Steps = 200;

    [Theory]
    [InlineData(SnapshotMode.OnStop, true, false)]
    [InlineData(SnapshotMode.OnStop, true, true)]
    [InlineData(SnapshotMode.OnStop, false, false)]
    [InlineData(SnapshotMode.OnStop, false, true)]
    [InlineData(SnapshotMode.EveryCollection, true, false)]
    [InlineData(SnapshotMode.EveryCollection, true, true)]
    [InlineData(SnapshotMode.EveryCollection, false, true)]
    [InlineData(SnapshotMode.Off, false, true)]
    public async Task No_two_owners_send_at_once_no_counter_goes_back_and_waiting_samples_are_sent_in_order(SnapshotMode mode, bool isExclusive, bool storeFails)
    {
        await using var remote = await RemoteEnd.StartAsync();
        var (starts, crashes, lost, restored, refused, senders, carried, repeated, unknown, missing) = (0, 0, 0, 0.0, 0.0, 0, 0, 0, 0, 0.0);
        for (var seed = 1; seed <= Scenarios; seed++)
        {
            await using var race = new Race(await LifeWorld.CreateAsync(remote), seed, mode, isExclusive, storeFails);
            for (var step = 0; step < Steps; step++)
                await race.StepAsync();
            await race.EndAsync();
            starts += race.Starts;
            crashes += race.Crashes;
            lost += race.Lost;
            restored += race.World.Starts.Restored;
            refused += race.World.Starts.Refused;
            senders += race.Senders;
            carried += race.Carried;
            repeated += race.Repeated;
            unknown += race.Unknown;
            missing += race.Missing;
        }

        // Otherwise the run has shown nothing.
        Assert.InRange(senders, Scenarios, starts);
        Assert.InRange(crashes, Scenarios, starts);
        Assert.InRange(carried, Scenarios, int.MaxValue);
        Assert.InRange(repeated, Scenarios, int.MaxValue);
        Assert.InRange(unknown, 1, int.MaxValue);
        Assert.InRange(missing, 1, int.MaxValue);
        if (mode == SnapshotMode.Off)
            Assert.Equal((0, 0), (restored, refused));
        else
            Assert.InRange(restored, Scenarios / 2, starts);
        if (!isExclusive)
            Assert.InRange(lost, Scenarios / 4, starts);

        if (mode != SnapshotMode.Off)
            Assert.InRange(refused, 1, starts);
    }

    private sealed class Race : IAsyncDisposable
    {
        private readonly int _seed;
        private readonly Random _random;
        private readonly SnapshotMode _mode;
        private readonly bool _isExclusive;
        private readonly bool _storeFails;
        private readonly Lock _gate = new();
        private readonly LifeProcess?[] _slots;
        private readonly Dictionary<string, LifeProcess> _processes = [];

        // Guarded by the gate. The processes in the order in which they sent, and for each series what was pushed, what was sent last, and what was counted.
        private readonly List<LifeProcess> _sent = [];
        private readonly List<string> _violations = [];
        private readonly Dictionary<string, double> _pushed = [];
        private readonly Dictionary<string, (double Value, long TimestampMs)> _last = [];
        private readonly Dictionary<string, double> _counted = [];

        // Also guarded by the gate. Collections by timestamp: who queued what, and what was accepted.
        private readonly SortedDictionary<long, LifeProcess> _queued = [];
        private readonly Dictionary<long, (ByteString Request, LifeProcess By)> _accepted = [];
        private readonly Dictionary<string, int> _operations = [];
        private readonly HashSet<LifeProcess> _started = [];
        private readonly HashSet<LifeProcess> _stopped = [];
        private readonly HashSet<LifeProcess> _failedPutting = [];
        private long _lastAccepted;
        private bool _isDown;
        private bool _isEnding;
        private int _failures;
        private int _toCrash = -1;
        private bool _isNested;

        // The least that the next process must have.
        private double _kept;

        // One queue for the actions, and one for those in the middle of another. Spans: acknowledged, given up, or unknown to the next owner.
        private readonly PushQueue[] _pushQueues = [new(), new()];
        private long _acknowledged;
        private long _saidByQueues;

        public Race(LifeWorld world, int seed, SnapshotMode mode, bool isExclusive, bool storeFails)
        {
            World = world;
            _seed = seed;
            _random = new Random(seed);
            (_mode, _isExclusive, _storeFails) = (mode, isExclusive, storeFails);
            _slots = new LifeProcess?[isExclusive ? 1 : 2];
            world.Remote.Handler = ReceiveAsync;
        }

        public LifeWorld World { get; }

        public int Starts { get; private set; }

        public int Crashes { get; private set; }

        public int Lost { get; private set; }

        public int Senders => _sent.Count;

        /// <summary>Collections sent by another process than the one that made them.</summary>
        public int Carried { get; private set; }

        /// <summary>Pushes that were counted although their answer was lost.</summary>
        public int Repeated { get; private set; }

        /// <summary>Pushes of which the next owner did not know whether they were counted.</summary>
        public int Unknown { get; private set; }

        /// <summary>Acknowledged spans that are missing from the counters in the end.</summary>
        public double Missing { get; private set; }

        /// <summary>How many were said to be missing at most.</summary>
        public double Said { get; private set; }

        public async ValueTask DisposeAsync() => await World.DisposeAsync();

        public async Task StepAsync()
        {
            _toCrash = Next(12) == 0 ? Next(10) : -1;
            _failures = _storeFails && Next(6) == 0 ? Next(8) : 0;
            var isChange = Next(_isDown ? 8 : 20) == 0;
            lock (_gate)
                _isDown ^= isChange;
            await ActAsync(Next(_slots.Length));
            await BuryAsync();
            NoteQueued();
            Check();
        }

        /// <summary>Everything works again, and one more process sends what is left: what is missing then is lost.</summary>
        public async Task EndAsync()
        {
            lock (_gate)
                (_isDown, _isEnding, _toCrash, _failures) = (false, true, -1, 0);
            for (var slot = 0; slot < _slots.Length; slot++)
            {
                if (_slots[slot] is { } process)
                    await StopAsync(process);
            }

            await BuryAsync();
            NoteQueued();
            Array.Clear(_slots);
            var last = (await StartAsync())!;
            for (var turn = 0; turn < 12; turn++)
            {
                // Longer than a lease, and than the time to the next attempt.
                await World.PassAsync(LifeWorld.Lease / 6);
                await last.DoAsync(static life => life.RenewAsync());
                await last.SentAsync();
            }

            await PushAsync(last, _pushQueues[0]);
            foreach (var queue in _pushQueues)
            {
                while (queue.Pending is not null)
                    await PushAsync(last, queue);
            }

            await last.CollectAsync();
            await StopAsync(last);
            NoteQueued();
            lock (_gate)
            {
                // A store that fails cannot be told what is lost; and without a lease nobody else would ask.
                Missing = _acknowledged - _counted.Values.Sum();
                Said = World.Counters["tempo_metrics_generator_spans_lost_max_total"] + _saidByQueues;
                if (!_isExclusive && !_storeFails && Missing > Said)
                    _violations.Add($"{Missing} acknowledged spans are missing, and only {Said} are said to be");
                foreach (var queued in _queued.GroupBy(static q => q.Value, static q => q.Key))
                    CheckComplete(queued.Key, [.. queued]);
            }

            Check();
        }

        // Collections are put and sent in order, so only the newest can be missing.
        private void CheckComplete(LifeProcess process, List<long> queued)
        {
            var missing = queued.Count(at => !_accepted.ContainsKey(at));

            // While the store fails, everything that waits is only in memory, however much it is.
            var allowed = _storeFails ? queued.Count : _stopped.Contains(process) ? 0 : 1;
            if (missing > allowed || queued.TakeLast(missing).Any(_accepted.ContainsKey))
                _violations.Add($"of process {process.Number}, {(_stopped.Contains(process) ? "stopped" : "crashed or overtaken")}, {string.Join(' ', queued.Where(at => !_accepted.ContainsKey(at)))} of {string.Join(' ', queued)} are missing");
        }

        private void Check()
        {
            lock (_gate)
                Assert.True(_violations.Count == 0, $"seed {_seed}: {string.Join('\n', _violations)}");
        }

        // Older processes first, because the newer ones find what they left.
        private void NoteQueued()
        {
            lock (_gate)
            {
                foreach (var process in _processes.Values.OrderBy(static p => p.Number))
                {
                    if (process.Life.Writer.HighestTimestampMs is > 0 and var at)
                        _queued.TryAdd(at, process);
                }
            }
        }

        // Processes that crashed in work outside their turns.
        private async Task BuryAsync()
        {
            for (var slot = 0; slot < _slots.Length; slot++)
            {
                if (_slots[slot] is not { IsDead: true } process)
                    continue;
                Crashes++;
                _slots[slot] = null;
                await process.KillAsync();
            }
        }

        private async Task StopAsync(LifeProcess process)
        {
            _kept = 0;
            try
            {
                await process.StopAsync();
                Keep(process);
            }
            finally
            {
                lock (_gate)
                {
                    if (process is { IsDead: false, Life.IsLost: false })
                        _stopped.Add(process);
                }
            }
        }

        private async Task ActAsync(int slot)
        {
            if (_slots[slot] is not { } process)
            {
                _slots[slot] = await StartAsync();
                return;
            }

            try
            {
                switch (Next(20))
                {
                    case < 6:
                        await PushAsync(process, _pushQueues[0]);
                        break;
                    case < 10:
                        _kept = 0;
                        await process.CollectAsync();
                        Keep(process);
                        break;
                    case < 14:
                        await KeepAsync();
                        break;
                    case 14:
                        // The process stalls, like all others.
                        await World.PassAsync(LifeWorld.Lease * Next(3) / 2);
                        break;
                    case 15:
                        _slots[slot] = null;
                        await StopAsync(process);
                        break;
                    case 16:
                        process.Die();
                        break;
                    case 17 when !_isExclusive:
                        // Another process takes over, and this one is not told.
                        _slots[1 - slot] = await StartAsync();
                        break;
                    default:
                        await process.DoAsync(static life => life.RenewAsync());
                        break;
                }
            }
            catch (LifeProcess.DiedException)
            {
            }

            if (process.IsDead)
            {
                Crashes++;
                await process.KillAsync();
                _slots[slot] = null;
            }
            else if (process.Life.IsLost && _slots[slot] == process)
            {
                Lost++;
                _slots[slot] = null;
                await process.StopAsync();
            }
        }

        private async Task<LifeProcess?> StartAsync()
        {
            var process = await World.CreateProcessAsync(
                _mode, _isExclusive ? null : LifeWorld.Lease, static s => s with { Registry = s.Registry with { StaleDuration = TimeSpan.FromSeconds(40) } });
            lock (_gate)
                _processes[$"{process.Number}"] = process;
            Starts++;
            process.PutsWhatWaits = !_storeFails;

            // Such a start leaves nothing behind.
            if (!_storeFails)
                _toCrash = -1;
            process.Store.Before = (operation, name) => IsBeside(operation, name) ? BeforeBeside(process, operation, name) : BeforeAsync(process, operation);
            process.Store.After = (operation, name) => IsBeside(operation, name)
                ? AfterBeside(process, operation, name)
                : IsPut(operation) && FailsNow && Next(40) == 0 ? throw new IOException("no answer") : LetOtherActAsync(process);
            try
            {
                await process.DoAsync(static life => life.StartAsync(CancellationToken.None));
                if (process.IsDead)
                    throw new LifeProcess.DiedException();
                Assert.True(process.Calls >= _kept, $"seed {_seed}: process {process.Number} begins with {process.Calls}, and {_kept} were recorded");

                // A process that has to retry takes its claim in the middle of anything; that only applies to those.
                if (_isExclusive || (World.Store.Names.Contains(LifeWorld.ClaimName) && World.Claim.Contains($"\"process-{process.Number}/", StringComparison.Ordinal)))
                {
                    lock (_gate)
                        _started.Add(process);
                    return process;
                }

                await process.KillAsync();
                return null;
            }
            catch (LifeProcess.DiedException)
            {
                Crashes++;
                await process.KillAsync();
                return null;
            }
        }

        // A series of its own for each push shows if it is counted twice.
        private async Task PushAsync(LifeProcess process, PushQueue queue)
        {
            var push = queue.Pending ?? queue.Begin(Next(5), World.NowMs);
            var name = $"/{Array.IndexOf(_pushQueues, queue)}/{push.Number}";
            lock (_gate)
                _pushed[name] = push.Spans;
            if (World.NowMs - push.BeganMs > CountedPushes.Patience.TotalMilliseconds)
            {
                End(queue, said: push.Spans);
                return;
            }

            // A grain whose life is lost answers with an error.
            var state = PushState.NotCounted;
            if (push.IsAttempted)
                state = process.Life.IsLost ? PushState.NotCounted : await process.AskAsync(queue.Id, push.Number);
            if (process.Life.IsLost || Next(8) == 0)
                return;
            switch (state)
            {
                case PushState.Unknown:
                    Unknown++;
                    End(queue, said: push.Spans);
                    return;
                case PushState.NotCounted:
                    push.IsAttempted = true;
                    if (Next(8) == 0)
                        return;
                    await process.PushAsync(queue.Id, push.Number, push.Spans, name);
                    if (Next(4) == 0)
                        return;
                    break;
                default:
                    Repeated++;
                    break;
            }

            End(queue, acknowledged: push.Spans);
        }

        private void End(PushQueue queue, int acknowledged = 0, int said = 0)
        {
            queue.Pending = null;
            lock (_gate)
            {
                // What is said was acknowledged to a client, too.
                _acknowledged += acknowledged + said;
                _saidByQueues += said;
            }
        }

        private sealed class PushQueue
        {
            private long _number;

            public Guid Id { get; } = Guid.NewGuid();

            public Push? Pending { get; set; }

            public Push Begin(int spans, long nowMs) => Pending = new Push(++_number, spans, nowMs);
        }

        private sealed record Push(long Number, int Spans, long BeganMs)
        {
            public bool IsAttempted { get; set; }
        }

        // Like the timers of grains.
        private async Task KeepAsync()
        {
            await World.PassAsync(LifeWorld.Lease / 6);
            foreach (var process in _slots)
            {
                if (process is { IsDead: false })
                    await process.DoAsync(static life => life.RenewAsync());
            }
        }

        // A queue works on the thread pool, in no order with the turns of its process, so its result must not depend on them.
        private static bool IsBeside(string operation, string name) =>
            name.StartsWith("remote-write/", StringComparison.Ordinal) && operation is not ("List" or "ListFolders" or "Read");

        private bool FailsNow => _storeFails && !_isEnding;

        private Task BeforeBeside(LifeProcess process, string operation, string name)
        {
            lock (_gate)
            {
                if (process.IsDead || (!_isEnding && _started.Contains(process) && IsChosen(process, $"kill {operation}", name, 60)))
                {
                    process.Die();
                    throw new LifeProcess.DiedException();
                }
            }

            return FailBeside(process, $"before {operation}", operation, name, 8);
        }

        private Task AfterBeside(LifeProcess process, string operation, string name) => FailBeside(process, $"after {operation}", operation, name, 20);

        private Task FailBeside(LifeProcess process, string what, string operation, string name, int oneIn)
        {
            if (!FailsNow || !IsPut(operation) || !IsChosen(process, what, name, oneIn))
                return Task.CompletedTask;
            lock (_gate)
                _failedPutting.Add(process);
            throw new IOException(what);
        }

        // The name of the folder contains the port of the remote end.
        private bool IsChosen(LifeProcess process, string operation, string name, int oneIn)
        {
            var what = $"{process.Number} {operation} {string.Join('/', name.Split('/')[^2..])}";
            lock (_gate)
            {
                var nth = _operations[what] = _operations.GetValueOrDefault(what) + 1;
                return new Random((int)Crc32C.Of(Encoding.UTF8.GetBytes($"{_seed} {what} {nth}"))).Next(oneIn) == 0;
            }
        }

        private Task BeforeAsync(LifeProcess process, string operation)
        {
            lock (_gate)
            {
                if (_toCrash == 0)
                {
                    process.Die();
                    throw new LifeProcess.DiedException();
                }

                if (_toCrash > 0)
                    _toCrash--;
                if (IsPut(operation) && _failures > 0)
                {
                    _failures--;
                    throw new IOException("not now");
                }
            }

            return LetOtherActAsync(process);
        }

        // While one process is in the middle of an action, another one does a whole action.
        private async Task LetOtherActAsync(LifeProcess process)
        {
            var other = -1;
            lock (_gate)
            {
                var slot = Array.IndexOf(_slots, process);
                if (slot >= 0 && _slots.Length > 1 && !_isNested && _random.Next(15) == 0)
                {
                    _isNested = true;
                    other = 1 - slot;
                }
            }

            if (other < 0)
                return;
            try
            {
                if (Next(3) == 0)
                    _slots[other] = await StartAsync();
                if (_slots[other] is { } there)
                {
                    await PushAsync(there, _pushQueues[1]);
                    await there.CollectAsync();
                    NoteQueued();
                }
            }
            catch (LifeProcess.DiedException)
            {
                _slots[other] = null;
            }
            finally
            {
                _isNested = false;
            }
        }

        // As long as the store works, nothing that was collected is lost.
        private void Keep(LifeProcess process) => _kept = _mode == SnapshotMode.EveryCollection && !_storeFails && !process.IsDead ? process.Calls : 0;

        private Task ReceiveAsync(HttpContext context, WriteRequest request)
        {
            lock (_gate)
            {
                if (!_processes.TryGetValue(context.Request.Headers[LifeProcess.Header].ToString(), out var process) || process.IsDead || _isDown)
                {
                    context.Response.StatusCode = 503;
                    return Task.CompletedTask;
                }

                context.Response.StatusCode = 204;
                if (_sent.Count == 0 || _sent[^1] != process)
                {
                    if (_sent.Contains(process))
                        _violations.Add($"process {process.Number} sends after process {_sent[^1].Number}");
                    _sent.Add(process);
                }

                // A request under way when its sender loses its claim still arrives: it only matters that nobody else has sent.
                if (!IsNew(process, request))
                    return Task.CompletedTask;
                foreach (var series in request.Timeseries)
                {
                    var name = series.Labels.First(static l => l.Name == "span_name").Value;
                    foreach (var sample in series.Samples)
                        Take(process, name, sample);
                }
            }

            return Task.CompletedTask;
        }

        // In order. A collection only comes again if its sender could not record that any more; then it is the last one, and unchanged. If the
        // store failed at that, others may have been sent meanwhile: nothing that can be sent waits for the store.
        private bool IsNew(LifeProcess process, WriteRequest request)
        {
            var at = request.Timeseries.SelectMany(static t => t.Samples).Max(static s => s.Timestamp);
            var bytes = request.ToByteString();
            if (_accepted.TryGetValue(at, out var before))
            {
                if (!bytes.Equals(before.Request))
                    _violations.Add($"process {process.Number} sends the collection at {at} again, and it is another");
                if ((at != _lastAccepted && !_failedPutting.Contains(before.By)) || process == before.By)
                    _violations.Add($"process {process.Number} sends the collection at {at} of process {before.By.Number} again after the one at {_lastAccepted}");
                _accepted[at] = (bytes, process);
                return false;
            }

            // If the store fails, order only holds within the collections of one process: what another left can come too late.
            if (at < _lastAccepted && _storeFails && (!_queued.TryGetValue(at, out var former) || former != process))
            {
                _accepted[at] = (bytes, process);
                return false;
            }

            if (at < _lastAccepted)
                _violations.Add($"process {process.Number} sends the collection at {at} after the one at {_lastAccepted}");
            if (_queued.TryGetValue(at, out var by) && by != process)
                Carried++;
            _accepted[at] = (bytes, process);
            _lastAccepted = at;
            return true;
        }

        // As in Prometheus: a lower value means a restart from 0, and a first sample says nothing about the time before it.
        private void Take(LifeProcess process, string name, Sample sample)
        {
            var where = $"{name} of process {process.Number} at {sample.Timestamp}";
            var isFirst = !_last.TryGetValue(name, out var last);
            if (!isFirst && sample.Timestamp <= last.TimestampMs)
                _violations.Add($"{where} comes after {last.TimestampMs}");
            if (double.IsNaN(sample.Value))
            {
                _last[name] = (last.Value, sample.Timestamp);
                return;
            }

            // The first 0 of a collection that was recorded but died with its sender is not sent again; nor is that of one that no store took at the stop.
            if (!isFirst && sample.Value < last.Value && sample.Value != 0 && _mode != SnapshotMode.EveryCollection && !IsAnyLostBetween(last.TimestampMs, sample.Timestamp))
                _violations.Add($"{where} goes back from {last.Value} to {sample.Value}");
            if (!isFirst)
                _counted[name] = _counted.GetValueOrDefault(name) + (sample.Value >= last.Value ? sample.Value - last.Value : sample.Value);
            if (_counted.GetValueOrDefault(name) > _pushed[name])
                _violations.Add($"{where}: {_counted[name]} are counted, {_pushed[name]} were pushed");
            _last[name] = (sample.Value, sample.Timestamp);
        }

        private bool IsAnyLostBetween(long afterMs, long beforeMs) =>
            _storeFails && _queued.Keys.Any(at => at > afterMs && at < beforeMs && !_accepted.ContainsKey(at));

        private int Next(int below)
        {
            lock (_gate)
                return _random.Next(below);
        }

        private static bool IsPut(string operation) => operation.StartsWith("Put", StringComparison.Ordinal);
    }
}
