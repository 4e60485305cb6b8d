using OrleansTempo.Core.Continuity;
using OrleansTempo.Core.Tests.Objects;

namespace OrleansTempo.Core.Tests.Continuity;

/// <summary>
/// Several processes compete for one shard on a store that is slow and fails, sometimes after it has done what it was told; the
/// scenarios are the same every time. One thread runs them all, step by step: an await only continues when it is that process's turn.
/// </summary>
public sealed class WriterClaimRaceTests
{
    private const int Scenarios = 300;
    private const int Steps = 500;

    [Fact]
    public async Task At_no_moment_are_two_claims_held()
    {
        // On the pool, where no synchronization context keeps a step from being played at once.
        var seen = await Task.Run(static () =>
        {
            var seen = new Seen();
            for (var seed = 1; seed <= Scenarios; seed++)
            {
                var race = new Race(seed, seen);
                for (var step = 0; step < Steps; step++)
                    race.Step($"seed {seed}, step {step}");
            }

            return seen;
        });

        // Otherwise the run has shown nothing.
        Assert.All(Enum.GetValues<ClaimStart>(), start => Assert.InRange(seen.Starts[start], Scenarios / 2, int.MaxValue));
        Assert.InRange(seen.HeldAfterSeizure, Scenarios, int.MaxValue);
        Assert.InRange(seen.Snapshots, Scenarios / 2, int.MaxValue);
        Assert.InRange(seen.Lost, Scenarios, int.MaxValue);
        Assert.InRange(seen.Failed, Scenarios, int.MaxValue);
    }

    private sealed class Seen
    {
        public Dictionary<ClaimStart, int> Starts { get; } = Enum.GetValues<ClaimStart>().ToDictionary(static s => s, static _ => 0);

        public int HeldAfterSeizure { get; set; }

        public int Snapshots { get; set; }

        public int Lost { get; set; }

        public int Failed { get; set; }
    }

    private sealed class Race
    {
        private static readonly TimeSpan s_lease = TimeSpan.FromSeconds(30);

        private readonly Random _random;

        // How long a step of the store takes compared to a lease: almost nothing in some scenarios, much in others.
        private readonly TimeSpan _pace;
        private readonly Seen _seen;
        private readonly ManualTimeProvider _time = new();
        private readonly InMemoryObjectStore _store;
        private readonly Process[] _processes;

        // Including those whose process has forgotten them, or is stalled.
        private readonly List<WriterClaim> _claims = [];
        private readonly HashSet<long> _snapshots = [];
        private long _sentMs;

        public Race(int seed, Seen seen)
        {
            _random = new Random(seed);
            _pace = s_lease / (6 << _random.Next(7));
            _seen = seen;
            _store = new InMemoryObjectStore(_time);
            _processes = [.. Enumerable.Range(0, 3).Select(i => new Process($"process-{i}", _store.View()))];
        }

        public void Step(string where)
        {
            var process = _processes[_random.Next(_processes.Length)];
            switch (_random.Next(10))
            {
                case < 3:
                    // Mostly short, now and then longer than anything else.
                    _time.Advance(_random.Next(10) == 0 ? s_lease * (_random.NextDouble() * 1.2) : _pace * _random.NextDouble());
                    break;
                case < 7 when process.Pending is not null:
                    process.Continue(_random.Next(8) == 0);
                    break;
                default:
                    if (process.Running.IsCompleted)
                        process.Running = ActAsync(process, where);
                    break;
            }

            // What a step began has gone as far as it could before it came back here.
            if (process.Running is { IsCompleted: true, Exception: { } failure })
                throw failure;
            var held = _claims.Where(static c => c.IsHeld).ToList();
            Assert.True(held.Count <= 1, $"{where}: epochs {string.Join(" and ", held.Select(static c => c.Epoch))} are held at once");
            _seen.HeldAfterSeizure += held.Count(static c => c.Start == ClaimStart.Seized);
        }

        private async Task ActAsync(Process process, string where)
        {
            try
            {
                if (process.Claim is not { } claim)
                {
                    var sent = _sentMs;
                    process.Claim = claim = await WriterClaim.TakeAsync(process.Store, TenantId.Single, "all", process.Name, s_lease, _time);
                    _claims.Add(claim);
                    _seen.Starts[claim.Start]++;
                    Assert.True(claim.LastTimestampMs >= sent, $"{where}: epoch {claim.Epoch} begins after {claim.LastTimestampMs}, and {sent} was sent");
                    Assert.True(_claims.Count(c => c.Epoch == claim.Epoch) == 1, $"{where}: epoch {claim.Epoch} has two owners");
                    if (claim.SnapshotEpoch is not { } snapshot)
                        return;
                    _seen.Snapshots++;
                    Assert.True(_snapshots.Remove(snapshot), $"{where}: epoch {claim.Epoch} restores epoch {snapshot}, which left nothing or was restored before");
                    return;
                }

                switch (_random.Next(12))
                {
                    case 0:
                        // The process crashes, or the grain is placed elsewhere, without a release.
                        process.Claim = null;
                        break;
                    case 1:
                        // Recorded before the release, which may succeed and yet seem to fail.
                        _snapshots.Add(claim.Epoch);
                        process.Claim = null;
                        if (!await claim.ReleaseAsync(snapshot: true))
                            _seen.Lost++;
                        break;
                    case 2:
                        process.Claim = null;
                        await (_random.Next(2) == 0 ? claim.ReleaseAsync(snapshot: false) : claim.EndAsync());
                        break;
                    default:
                        var timestampMs = _time.NowMs;
                        if (!await claim.RenewAsync(timestampMs))
                        {
                            _seen.Lost++;
                            Assert.False(claim.IsHeld);
                            process.Claim = null;
                        }
                        else if (claim.IsHeld)
                        {
                            Assert.True(timestampMs >= claim.LastTimestampMs);
                            _sentMs = Math.Max(_sentMs, timestampMs);
                        }

                        break;
                }
            }
            catch (IOException)
            {
                _seen.Failed++;
            }
        }
    }

    private sealed class Process
    {
        public Process(string name, InMemoryObjectStore store)
        {
            Name = name;
            Store = store;
            store.Before = store.After = (_, _) => (Pending = new TaskCompletionSource()).Task;
        }

        public string Name { get; }

        public InMemoryObjectStore Store { get; }

        public WriterClaim? Claim { get; set; }

        public Task Running { get; set; } = Task.CompletedTask;

        /// <summary>Where its call to the store is: before or after it takes effect.</summary>
        public TaskCompletionSource? Pending { get; private set; }

        public void Continue(bool fail)
        {
            var pending = Pending!;
            Pending = null;
            if (fail)
                pending.SetException(new IOException("the store fails"));
            else
                pending.SetResult();
        }
    }
}
