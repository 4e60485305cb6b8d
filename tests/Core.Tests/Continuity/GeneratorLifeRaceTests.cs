using Microsoft.AspNetCore.Http;
using OrleansTempo.Core.Overrides;
using OrleansTempo.Core.Tests.RemoteWrite;
using OrleansTempo.Tests.Prometheus;

namespace OrleansTempo.Core.Tests.Continuity;

/// <summary>
/// Lives of a tenant's generator that stop, die at any point, are overtaken, and stand still, on a store that fails, and fails after it
/// has done what it was told: what the remote end makes of it.
/// </summary>
public sealed class GeneratorLifeRaceTests
{
    private const int Scenarios = 25;
    private const int Steps = 200;

    [Theory]
    [InlineData(SnapshotMode.OnStop, true, false)]
    [InlineData(SnapshotMode.OnStop, true, true)]
    [InlineData(SnapshotMode.OnStop, false, true)]
    [InlineData(SnapshotMode.EveryCollection, true, false)]
    [InlineData(SnapshotMode.EveryCollection, true, true)]
    [InlineData(SnapshotMode.EveryCollection, false, true)]
    [InlineData(SnapshotMode.Off, false, true)]
    public async Task No_two_send_at_once_no_counter_goes_back_and_nothing_counts_twice(SnapshotMode mode, bool isExclusive, bool storeFails)
    {
        await using var remote = await RemoteEnd.StartAsync();
        var (starts, crashes, lost, restored, refused, senders) = (0, 0, 0, 0.0, 0.0, 0);
        for (var seed = 1; seed <= Scenarios; seed++)
        {
            await using var race = new Race(await LifeWorld.CreateAsync(remote), seed, mode, isExclusive, storeFails);
            for (var step = 0; step < Steps; step++)
                await race.StepAsync();
            starts += race.Starts;
            crashes += race.Crashes;
            lost += race.Lost;
            restored += race.World.Starts.Restored;
            refused += race.World.Starts.Refused;
            senders += race.Senders;
        }

        // Else it has shown nothing.
        Assert.InRange(senders, Scenarios, starts);
        Assert.InRange(crashes, Scenarios, starts);
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

        // Under the gate. Processes in the order in which they sent, and by series what was pushed, was sent last, and has been counted.
        private readonly List<LifeProcess> _sent = [];
        private readonly List<string> _violations = [];
        private readonly Dictionary<string, double> _pushed = [];
        private readonly Dictionary<string, (double Value, long TimestampMs)> _last = [];
        private readonly Dictionary<string, double> _counted = [];
        private int _failures;
        private int _toCrash = -1;
        private bool _isNested;

        // What the next is to have at least.
        private double _kept;

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

        public async ValueTask DisposeAsync() => await World.DisposeAsync();

        public async Task StepAsync()
        {
            _toCrash = Next(12) == 0 ? Next(10) : -1;
            _failures = _storeFails && Next(6) == 0 ? Next(8) : 0;
            await ActAsync(Next(_slots.Length));
            lock (_gate)
                Assert.True(_violations.Count == 0, $"seed {_seed}: {string.Join('\n', _violations)}");
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
                        await PushAsync(process);
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
                        // It stands still, as all do.
                        await World.PassAsync(LifeWorld.Lease * Next(3) / 2);
                        break;
                    case 15:
                        _slots[slot] = null;
                        _kept = 0;
                        await process.StopAsync();
                        Keep(process);
                        break;
                    case 16:
                        process.Die();
                        break;
                    case 17 when !_isExclusive:
                        // Another is made for it, and this one is not told.
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

            // What such a start leaves is nothing.
            if (!_storeFails)
                _toCrash = -1;
            process.Store.Before = (operation, name) => BeforeAsync(process, operation);
            process.Store.After = (operation, _) => IsPut(operation) && _storeFails && Next(40) == 0 ? throw new IOException("no answer") : LetOtherActAsync(process);
            try
            {
                await process.DoAsync(static life => life.StartAsync(CancellationToken.None));
                if (process.IsDead)
                    throw new LifeProcess.DiedException();
                Assert.True(process.Calls >= _kept, $"seed {_seed}: process {process.Number} begins with {process.Calls}, and {_kept} were recorded");

                // The claim of one that must try on is taken in the middle of anything: that is for those alone.
                if (_isExclusive || (World.Store.Names.Contains(LifeWorld.ClaimName) && World.Claim.Contains($"\"process-{process.Number}/", StringComparison.Ordinal)))
                    return process;
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

        private async Task PushAsync(LifeProcess process)
        {
            var name = $"/{Next(3)}";
            var spans = Next(5);
            lock (_gate)
                _pushed[name] = _pushed.GetValueOrDefault(name) + spans;
            await process.PushAsync(spans, name);
        }

        // As the timers of grains do.
        private async Task KeepAsync()
        {
            await World.PassAsync(LifeWorld.Lease / 6);
            foreach (var process in _slots)
            {
                if (process is { IsDead: false })
                    await process.DoAsync(static life => life.RenewAsync());
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

        // In the middle of what one does another does something whole.
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
                    await PushAsync(there);
                    await there.CollectAsync();
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

        // As long as the store takes what it is given, nothing that was collected is lost.
        private void Keep(LifeProcess process) => _kept = _mode == SnapshotMode.EveryCollection && !_storeFails && !process.IsDead ? process.Calls : 0;

        private Task ReceiveAsync(HttpContext context, WriteRequest request)
        {
            lock (_gate)
            {
                if (!_processes.TryGetValue(context.Request.Headers[LifeProcess.Header].ToString(), out var process) || process.IsDead)
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

                foreach (var series in request.Timeseries)
                {
                    var name = series.Labels.First(static l => l.Name == "span_name").Value;
                    foreach (var sample in series.Samples)
                        Take(process, name, sample);
                }
            }

            return Task.CompletedTask;
        }

        // As Prometheus: what is lower than before has begun again from 0, and a first sample says nothing of what was before it.
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

            // Of a collection that was recorded, and died with who was to send it, the first 0 is not sent again.
            if (!isFirst && sample.Value < last.Value && sample.Value != 0 && _mode != SnapshotMode.EveryCollection)
                _violations.Add($"{where} goes back from {last.Value} to {sample.Value}");
            if (!isFirst)
                _counted[name] = _counted.GetValueOrDefault(name) + (sample.Value >= last.Value ? sample.Value - last.Value : sample.Value);
            if (_counted.GetValueOrDefault(name) > _pushed[name])
                _violations.Add($"{where}: {_counted[name]} are counted, {_pushed[name]} were pushed");
            _last[name] = (sample.Value, sample.Timestamp);
        }

        private int Next(int below)
        {
            lock (_gate)
                return _random.Next(below);
        }

        private static bool IsPut(string operation) => operation.StartsWith("Put", StringComparison.Ordinal);
    }
}
