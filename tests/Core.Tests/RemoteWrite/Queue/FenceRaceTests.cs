using OrleansTempo.Core.RemoteWrite.Queue;
using OrleansTempo.Core.Tests.Objects;

namespace OrleansTempo.Core.Tests.RemoteWrite.Queue;

/// <summary>
/// Owners that follow one another before the one before knows, on a store whose operations take effect, and whose answers arrive, in
/// any order that a seed makes; some fail, some only seem to. Whatever an owner puts, at whatever moment, its successor has found it when it
/// begins to send, or it was refused.
/// </summary>
public sealed class FenceRaceTests
{
    private const int Runs = 1500;

    [Fact]
    public async Task A_late_put_is_found_by_the_successor_in_order_or_refused()
    {
        var seen = new Dictionary<string, int>();
        for (var seed = 1; seed <= Runs; seed++)
        {
            try
            {
                await new Race(seed, seen).RunAsync();
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"with seed {seed}: {e.Message}", e);
            }
        }

        // Or the races are not what they are taken for.
        Assert.All(["found", "refused", "answer lost", "failed", "sent", "late", "too late"], what => Assert.True(seen.GetValueOrDefault(what) > 50, $"{what}: {seen.GetValueOrDefault(what)}"));
    }

    private sealed class Owner(long epoch, InMemoryObjectStore view)
    {
        public long Epoch => epoch;

        public InMemoryObjectStore View => view;

        public bool IsAlone { get; set; }

        // Two owners have followed: a request cannot be under way as long as that.
        public bool IsCutOff { get; set; }

        public required HashSet<string> ThereAtFirst { get; init; }

        // What was there when it had resumed, of owners before.
        public HashSet<string>? Former { get; set; }

        public Task Life { get; set; } = Task.CompletedTask;
    }

    private sealed class Race(int seed, Dictionary<string, int> seen)
    {
        private const int Owners = 4;
        private const string Folder = "remote-write/acme/all/one/";

        private readonly Random _random = new(seed);
        private readonly InMemoryObjectStore _store = new();
        private readonly List<Owner> _owners = [];
        private readonly List<(Owner Owner, bool IsDone, TaskCompletionSource Gate)> _waiting = [];
        private readonly SemaphoreSlim _quiet = new(0);
        private readonly Lock _gate = new();

        // What was put and heard of so, by name; and what was removed by whomever.
        private readonly Dictionary<string, int> _kept = [];
        private readonly HashSet<string> _removed = [];
        private int _running;
        private int _collections;

        public async Task RunAsync()
        {
            Begin();
            while (true)
            {
                Assert.True(await _quiet.WaitAsync(TimeSpan.FromSeconds(30)), "an owner neither waits for the store nor ends");
                Check();
                if (_waiting.Count == 0 && _owners.Count == Owners)
                    break;
                if (_owners.Count < Owners && (_waiting.Count == 0 || _random.Next(12) == 0))
                {
                    Begin();
                    continue;
                }

                var which = _random.Next(_waiting.Count);
                var (owner, isDone, gate) = _waiting[which];
                _waiting.RemoveAt(which);
                _running++;
                if (owner.IsCutOff || _random.Next(12) == 0)
                {
                    Saw(isDone ? "answer lost" : "failed");
                    gate.SetException(new IOException("not now"));
                }
                else
                {
                    gate.SetResult();
                }
            }

            foreach (var owner in _owners)
                await owner.Life;

            // The last of all, to whom nothing can happen.
            var found = (await new StoredQueue(_store, Folder, Owners + 1, fence: true, permit: null).ResumeAsync(CancellationToken.None))!;
            Assert.Empty(_kept.Keys.Except(_removed).Except(found.Select(static f => Folder + f.Name)));
            Assert.Equal(found.OrderBy(static f => f.Epoch).ThenBy(static f => f.TimestampMs), found);
            Assert.Equal(found.Count, found.DistinctBy(static f => f.TimestampMs).Count());
            if (found.Count > 0)
                Saw("found");
        }

        private void Saw(string what)
        {
            lock (seen)
                seen[what] = seen.GetValueOrDefault(what) + 1;
        }

        private void Begin()
        {
            var owner = new Owner(_owners.Count + 1, _store.View()) { ThereAtFirst = [.. Collections()] };
            _owners.Add(owner);
            foreach (var former in _owners)
                former.IsCutOff |= former.Epoch < owner.Epoch - 1;
            owner.View.Before = (operation, _) => WaitAsync(owner, operation, isDone: false);
            owner.View.After = (operation, _) => WaitAsync(owner, operation, isDone: true);
            _running++;
            owner.Life = Task.Run(() => LiveAsync(owner));
        }

        // One owner runs at a time, until it asks the store for something.
        private Task WaitAsync(Owner owner, string operation, bool isDone)
        {
            if (owner.IsAlone || operation == "Read")
                return Task.CompletedTask;
            var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            lock (_gate)
            {
                _waiting.Add((owner, isDone, gate));
                if (--_running == 0)
                    _quiet.Release();
            }

            return gate.Task;
        }

        private async Task LiveAsync(Owner owner)
        {
            try
            {
                await OwnAsync(owner);
            }
            finally
            {
                lock (_gate)
                {
                    if (--_running == 0)
                        _quiet.Release();
                }
            }
        }

        private async Task OwnAsync(Owner owner)
        {
            var queue = new StoredQueue(owner.View, Folder, owner.Epoch, fence: true, permit: null);
            List<StoredCollection>? waiting = null;
            while (waiting is null && !owner.IsCutOff)
            {
                try
                {
                    if (await queue.ResumeAsync(CancellationToken.None) is not { } found)
                    {
                        Saw("too late");
                        Assert.True(_owners[^1].Epoch > owner.Epoch);
                        return;
                    }

                    waiting = [.. found];
                }
                catch (IOException)
                {
                }
            }

            if (waiting is null)
                return;
            owner.Former = [.. Collections().Where(name => EpochOf(name) < owner.Epoch)];
            Assert.Empty(owner.Former.Except(waiting.Select(static w => Folder + w.Name)));
            if (owner.Former.Except(owner.ThereAtFirst).Any())
                Saw("late");

            // Deletes many at once.
            owner.IsAlone = true;
            await queue.TidyAsync(CancellationToken.None);
            owner.IsAlone = false;

            for (var step = _random.Next(3, 16); step > 0 && !owner.IsCutOff; step--)
            {
                if (_random.Next(5) < 3)
                {
                    var number = ++_collections;
                    try
                    {
                        var stored = await queue.PutAsync(CollectionOf.Services(number, "a"), number);
                        if (stored is null)
                        {
                            Saw("refused");
                            Assert.True(queue.IsOver);
                            Assert.True(_owners[^1].Epoch > owner.Epoch);
                            return;
                        }

                        waiting.Add(stored);
                        _kept.Add(Folder + stored.Name, number);
                    }
                    catch (IOException)
                    {
                    }
                }
                else if (waiting.Count > 0)
                {
                    Saw("sent");
                    var sent = waiting[0];
                    waiting.RemoveAt(0);
                    _removed.Add(Folder + sent.Name);
                    await queue.RemoveAsync(sent);
                }
            }
        }

        // What an owner before puts after its successor has resumed would be sent by nobody, or too late.
        private void Check()
        {
            foreach (var owner in _owners)
            {
                if (owner.Former is { } former)
                    Assert.DoesNotContain(Collections(), name => EpochOf(name) < owner.Epoch && !former.Contains(name));
            }
        }

        private IEnumerable<string> Collections() => _store.Names.Where(name => CollectionFormat.ReadHeader(_store[name])!.Value.Kind == QueueObjectKind.Collection);

        private static long EpochOf(string name) => StoredCollection.TryReadName(name.AsSpan(Folder.Length), out var epoch, out _) ? epoch : throw new InvalidOperationException(name);
    }
}
