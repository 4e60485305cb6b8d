using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Core.RemoteWrite;
using OrleansTempo.Core.RemoteWrite.Endpoint;
using OrleansTempo.Core.RemoteWrite.Queue;
using OrleansTempo.Core.Tests.Objects;
using OrleansTempo.Core.Tests.RemoteWrite.Endpoint;
using OrleansTempo.Tests.Prometheus;

namespace OrleansTempo.Core.Tests.RemoteWrite.Queue;

/// <summary>
/// Random runs of a queue with a store (collections, outages, stops, kills, a store that fails or loses its answers, damaged objects) against
/// a list of what must arrive: in order, nothing lost but the oldest over the limit, what is damaged, and what a store that failed has not got when
/// the process ends; nothing twice but the collection that was under way at a kill, or its one request at a stop.
/// </summary>
public sealed class RemoteWriteQueueModelTests : IAsyncLifetime
{
    private const int Runs = 60;

    private RemoteEnd _end = null!;

    public async Task InitializeAsync() => _end = await RemoteEnd.StartAsync();

    public async Task DisposeAsync() => await _end.DisposeAsync();

    [Fact]
    public async Task Kept_collections_arrive_in_order_whatever_happens()
    {
        var seen = new Dictionary<string, int>();
        for (var seed = 1; seed <= Runs; seed++)
        {
            try
            {
                using var run = new Run(seed, _end, seen);
                await run.GoAsync();
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"with seed {seed}: {e.Message}", e);
            }
        }

        // Or the runs are not what they are taken for.
        Assert.All(["dropped", "stopped", "killed", "cut", "flipped", "twice", "halved", "failed", "answers lost", "lost"], what => Assert.True(seen.GetValueOrDefault(what) > 10, what));
    }

    // A collection as it is in its object; the text of a request that is done since, or damaged, is null.
    private sealed record Expected(string?[] Texts, int[] BodyBytes)
    {
        // Of a put whose answer was lost too: it is the next owner's.
        public bool IsStored { get; set; }

        public bool IsEmpty => Array.TrueForAll(Texts, static t => t is null);
    }

    private sealed class Run(int seed, RemoteEnd end, Dictionary<string, int> seen) : IDisposable
    {
        private const int Steps = 40;

        // Every collection counts as one block.
        private const int MaxObjects = 5;
        private const int EntryBytes = 52;
        private const string Folder = "remote-write/acme/all/one/";

        private static readonly TimeSpan s_backoff = TimeSpan.FromMilliseconds(100);

        private readonly Random _random = new(seed);
        private readonly InMemoryObjectStore _store = new();
        private readonly TempoMetrics _metrics = new();
        private readonly List<string> _accepted = [];
        private readonly List<string> _expected = [];
        private readonly List<Expected> _waiting = [];
        private ManualTimeProvider _clock = new();
        private RemoteWriteQueue _queue = null!;
        private InMemoryObjectStore _view = null!;
        private int _processes;
        private int _collections;
        private volatile bool _isDown;

        // How many more requests are taken until one hangs, and whether that one is taken.
        private int _untilHang;
        private bool _takesHanging;
        private TaskCompletionSource _hangs = new();

        public async Task GoAsync()
        {
            await StartProcessAsync(isOrderly: true);
            for (var step = 0; step < Steps; step++)
            {
                switch (_random.Next(15))
                {
                    case < 6:
                        Enqueue();
                        break;
                    case 6 or 7:
                        _isDown = true;
                        break;
                    case 8:
                        await StoreWorksAsync();
                        _isDown = false;
                        break;
                    case 9:
                        Saw("stopped");
                        await _queue.DisposeAsync();
                        await StartProcessAsync(isOrderly: true);
                        break;
                    case 10:
                        Saw("killed");
                        Forget();
                        if (_random.Next(2) == 0)
                            await DamageAsync();
                        await StartProcessAsync(isOrderly: false);
                        break;
                    case 11 when _waiting.Count > 0:
                        await StoreWorksAsync();
                        await CatchUpAsync();
                        break;
                    case 12 when _isDown:
                        Saw("failed");
                        (_view.Before, _view.After) = (Fails, null);
                        break;
                    case 13 when _isDown:
                        Saw("answers lost");
                        (_view.Before, _view.After) = (null, Fails);
                        break;
                    case 14:
                        await StoreWorksAsync();
                        break;
                }

                await SettleAsync();
            }

            await StoreWorksAsync();
            _isDown = false;
            await SettleAsync();
            await _queue.DisposeAsync();

            // One more finds nothing that waits, and tidies up.
            Assert.Empty(Stored);
            await StartProcessAsync(isOrderly: true);
            await _queue.DisposeAsync();
            Assert.Empty(_store.Names);
        }

        public void Dispose() => _metrics.Dispose();

        private static Task Fails(string operation, string name) => throw new IOException("not now");

        private void Saw(string what) => seen[what] = seen.GetValueOrDefault(what) + 1;

        private void Enqueue()
        {
            var number = ++_collections;
            string[] services = [.. "abc"[.._random.Next(1, 4)].Select(static c => c.ToString())];
            var requests = CollectionOf.Services(number, services);
            _queue.Enqueue(requests);
            _waiting.Add(new Expected([.. services.Select(s => $"{s}={number}")], [.. requests.Select(static r => r.Body.Length)]));
        }

        // Everything that waits is in the store then.
        private async Task StoreWorksAsync()
        {
            (_view.Before, _view.After) = (null, null);
            await SettleAsync();
        }

        // A process ends, and with it what is in its memory alone.
        private void Forget()
        {
            if (_waiting.RemoveAll(static c => !c.IsStored) > 0)
                Saw("lost");
        }

        // The remote end is there again, takes some requests, swallows its answer to the last, and the process is killed or stopped.
        private async Task CatchUpAsync()
        {
            var isKilled = _random.Next(2) == 0;
            _untilHang = _random.Next(_waiting.Sum(static c => c.Texts.Count(static t => t is not null)));
            _takesHanging = _random.Next(2) == 0;
            _hangs = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            string?[] whole = [];
            for (var i = 0; i <= _untilHang; i++)
            {
                DropEmpty();
                var texts = _waiting[0].Texts;
                if (texts.Length != whole.Length || !texts.Intersect(whole).Any(static t => t is not null))
                    whole = [.. texts];
                var first = Array.FindIndex(texts, static t => t is not null);
                if (i == _untilHang && !_takesHanging)
                    break;
                _expected.Add(texts[first]!);
                if (i == _untilHang)
                    Saw("twice");
                else
                    texts[first] = null;
            }

            var isHalved = _waiting[0].Texts.Count(static t => t is not null) < whole.Count(static t => t is not null);
            if (isHalved)
                Saw(isKilled ? "twice" : "halved");
            _isDown = false;
            await TurnClockUntilAsync(_hangs.Task);
            _isDown = true;
            Assert.Equal(_expected, Accepted);
            if (isKilled)
            {
                Saw("killed");

                // Nothing says of it what was accepted.
                whole.CopyTo(_waiting[0].Texts, 0);
            }
            else
            {
                Saw("stopped");
                await _queue.DisposeAsync();
                if (isHalved)
                    _waiting[0] = new Expected([.. _waiting[0].Texts.Where(static t => t is not null)], [.. _waiting[0].BodyBytes.Where((_, i) => _waiting[0].Texts[i] is not null)]) { IsStored = true };
            }

            await StartProcessAsync(isOrderly: !isKilled);
        }

        // A bit of an object tips over, or its end is gone, while no process is there.
        private async Task DamageAsync()
        {
            var names = Stored;
            Assert.Equal(_waiting.Count, names.Count);
            if (names.Count == 0)
                return;
            var which = _random.Next(names.Count);
            var (texts, bodyBytes) = _waiting[which];
            var bytes = _store[names[which]].ToArray();
            if (bytes.Length == 0)
                return;
            var hit = _random.Next(bytes.Length);
            var isCut = _random.Next(2) == 0;

            Saw(isCut ? "cut" : "flipped");
            if (isCut)
                bytes = bytes[..hit];
            else
                bytes[hit] ^= (byte)(1 << _random.Next(8));
            await _store.PutAsync(names[which], bytes);
            var body = CollectionFormat.HeaderBytes + (texts.Length * EntryBytes);
            for (var i = 0; i < texts.Length; i++)
            {
                var entry = CollectionFormat.HeaderBytes + (i * EntryBytes);
                if (hit < CollectionFormat.HeaderBytes
                    || (isCut && hit < body + bodyBytes[i])
                    || (hit >= entry && hit < entry + EntryBytes)
                    || (hit >= body && hit < body + bodyBytes[i]))
                    texts[i] = null;
                body += bodyBytes[i];
            }
        }

        private List<string> Stored => [.. _store.Names.Where(name => CollectionFormat.ReadHeader(_store[name]) is null or { Kind: QueueObjectKind.Collection })];

        // Whatever process there was is not heard of any more: its clock stands still, it is answered 503, and its store fails.
        private async Task StartProcessAsync(bool isOrderly)
        {
            Forget();
            if (_view is not null)
                (_view.Before, _view.After) = (Fails, null);
            _view = _store.View();
            _clock = new ManualTimeProvider();
            var path = $"/{seed}/{++_processes}";
            _untilHang = int.MaxValue;
            end.Handler = (context, request) => AnswerAsync(context, request, path);
            var endpoint = new RemoteWriteEndpoint(
                new() { Url = new Uri(new Uri(end.Url), path).AbsoluteUri, QueueConfig = new() { MaxShards = 1, MinBackoff = s_backoff, MaxBackoff = s_backoff, MaxDiskBytes = MaxObjects * 4096 } },
                0,
                _clock);
            _queue = new RemoteWriteQueue(
                endpoint,
                new RemoteWriteHeaders(TenantId.Single, true, new Dictionary<string, string>()),
                new RemoteWriteMetrics(_metrics),
                _clock,
                NullLogger.Instance);
            await _queue.ResumeAsync(new StoredQueue(_view, Folder, _processes, fence: !isOrderly, permit: null), CancellationToken.None);
        }

        private async Task AnswerAsync(HttpContext context, WriteRequest request, string path)
        {
            if (_isDown || context.Request.Path != path)
            {
                context.Response.StatusCode = 503;
                return;
            }

            var hangs = _untilHang-- == 0;
            if (!hangs || _takesHanging)
            {
                var series = Assert.Single(request.Timeseries);
                lock (_accepted)
                    _accepted.Add($"{series.Labels[^1].Value}={series.Samples[^1].Value}");
            }

            context.Response.StatusCode = 204;
            if (hangs)
            {
                _hangs.SetResult();
                await Task.Delay(Timeout.Infinite, context.RequestAborted);
            }
        }

        // Either nothing waits any more, or the oldest was refused for now and everything is in the store, within its limit, where that works.
        private async Task SettleAsync()
        {
            if (!_isDown)
            {
                await TurnClockUntilAsync(_queue.FlushAsync(CancellationToken.None));
                await _queue.Writing;
                _expected.AddRange(_waiting.SelectMany(static c => c.Texts).OfType<string>());
                _waiting.Clear();
            }
            else
            {
                var works = _view is { Before: null, After: null };
                if (works)
                {
                    DropEmpty();
                    while (_waiting.Count > MaxObjects)
                    {
                        Saw("dropped");
                        _waiting.RemoveAt(0);
                        DropEmpty();
                    }
                }

                // The one whose attempt has failed may be dropped when all is written, and what is behind it be empty.
                if (_waiting.Count > 0)
                {
                    // Where the store works again that is noticed with the first of two attempts.
                    for (var attempt = 0; attempt < 2; attempt++)
                    {
                        await _clock.TimerOf(s_backoff);
                        await _queue.Writing;
                        await _clock.PassAsync(s_backoff);
                    }

                    await _clock.TimerOf(s_backoff);
                }
                else
                {
                    await TurnClockUntilAsync(_queue.FlushAsync(CancellationToken.None));
                }

                await _queue.Writing;
                foreach (var collection in _waiting.Where(_ => works))
                    collection.IsStored = true;

                // The oldest in memory is there too where only the answer was lost.
                if (_view.After is not null && Stored.Count > _waiting.Count(static c => c.IsStored) && _waiting.Find(static c => !c.IsStored) is { } next)
                    next.IsStored = true;
            }

            Assert.Equal(_expected, Accepted);
            Assert.Equal(_waiting.Count(static c => c.IsStored), Stored.Count);
        }

        // The queue does so as soon as one is the oldest.
        private void DropEmpty()
        {
            while (_waiting.Count > 0 && _waiting[0].IsEmpty)
                _waiting.RemoveAt(0);
        }

        private async Task TurnClockUntilAsync(Task task)
        {
            while (!task.IsCompleted)
            {
                if (_clock.TimersBegun(s_backoff) > 0)
                    _clock.Advance(s_backoff);
                await Task.Yield();
            }

            await task;
        }

        private List<string> Accepted
        {
            get
            {
                lock (_accepted)
                    return [.. _accepted];
            }
        }
    }
}
