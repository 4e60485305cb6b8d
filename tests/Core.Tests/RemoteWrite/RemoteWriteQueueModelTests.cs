using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;
using OrleansTempo.Core.RemoteWrite;
using OrleansTempo.Tests.Prometheus;

namespace OrleansTempo.Core.Tests.RemoteWrite;

/// <summary>
/// Random runs of a queue on disk (collections, outages, stops, kills, damaged files) against a list of what must arrive: in
/// order, nothing lost but the oldest over the limit and what is damaged, nothing twice but the one request whose answer a kill
/// has swallowed.
/// </summary>
public sealed class RemoteWriteQueueModelTests : IAsyncLifetime
{
    private const int Runs = 60;

    private RemoteEnd _end = null!;

    public async Task InitializeAsync() => _end = await RemoteEnd.StartAsync();

    public async Task DisposeAsync() => await _end.DisposeAsync();

    [Fact]
    public async Task Whatever_happens_what_is_kept_arrives_in_order()
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
        Assert.All(["dropped", "stopped", "killed", "cut", "flipped", "twice"], what => Assert.True(seen.GetValueOrDefault(what) > 10, what));
    }

    // A collection as it is in its file; the text of a request that is done or damaged is null.
    private sealed record Expected(string?[] Texts, int[] BodyBytes)
    {
        public bool IsEmpty => Array.TrueForAll(Texts, static t => t is null);
    }

    private sealed class Run(int seed, RemoteEnd end, Dictionary<string, int> seen) : IDisposable
    {
        private const int Steps = 40;

        // Every collection takes one block.
        private const int MaxFiles = 5;
        private const int HeaderBytes = 28;
        private const int EntryBytes = 56;
        private const int CheckedBytesOfEntry = 52;

        private static readonly TimeSpan s_backoff = TimeSpan.FromMilliseconds(100);

        private readonly Random _random = new(seed);
        private readonly string _root = Directory.CreateTempSubdirectory("remote-write-model").FullName;
        private readonly TempoMetrics _metrics = new();
        private readonly List<string> _accepted = [];
        private readonly List<string> _expected = [];
        private readonly List<Expected> _waiting = [];
        private ManualTimeProvider _clock = new();
        private RemoteWriteQueue _queue = null!;
        private int _processes;
        private int _collections;
        private volatile bool _isDown;

        // How many more requests are taken until one hangs, and whether that one is taken.
        private int _untilHang;
        private bool _takesHanging;
        private TaskCompletionSource _hangs = new();

        public async Task GoAsync()
        {
            StartProcess();
            for (var step = 0; step < Steps; step++)
            {
                switch (_random.Next(12))
                {
                    case < 6:
                        Enqueue();
                        break;
                    case 6 or 7:
                        _isDown = true;
                        break;
                    case 8:
                        _isDown = false;
                        break;
                    case 9:
                        Saw("stopped");
                        await _queue.DisposeAsync();
                        StartProcess();
                        break;
                    case 10:
                        Saw("killed");
                        if (_random.Next(2) == 0)
                            Damage();
                        StartProcess();
                        break;
                    case 11 when _waiting.Count > 0:
                        await CatchUpUntilKilledAsync();
                        StartProcess();
                        break;
                }

                await SettleAsync();
            }

            _isDown = false;
            await SettleAsync();
            await _queue.DisposeAsync();
            Assert.Empty(Directory.GetFiles(_root, "*", SearchOption.AllDirectories));
        }

        public void Dispose()
        {
            _metrics.Dispose();
            Directory.Delete(_root, recursive: true);
        }

        private void Saw(string what) => seen[what] = seen.GetValueOrDefault(what) + 1;

        private void Enqueue()
        {
            var number = ++_collections;
            string[] services = [.. "abc"[.._random.Next(1, 4)].Select(static c => c.ToString())];
            var requests = CollectionOf.Services(number, services);
            _queue.Enqueue(requests);
            _waiting.Add(new Expected([.. services.Select(s => $"{s}={number}")], [.. requests.Select(static r => r.Body.Length)]));
        }

        // The remote end is there again, takes some requests and swallows its answer to the last.
        private async Task CatchUpUntilKilledAsync()
        {
            Saw("killed");
            _untilHang = _random.Next(_waiting.Sum(static c => c.Texts.Count(static t => t is not null)));
            _takesHanging = _random.Next(2) == 0;
            _hangs = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            for (var i = 0; i < _untilHang; i++)
            {
                DropEmpty();
                var first = Array.FindIndex(_waiting[0].Texts, static t => t is not null);
                _expected.Add(_waiting[0].Texts[first]!);
                _waiting[0].Texts[first] = null;
            }

            DropEmpty();
            if (_takesHanging)
            {
                Saw("twice");
                _expected.Add(_waiting[0].Texts.First(static t => t is not null)!);
            }

            _isDown = false;
            await TurnClockUntilAsync(_hangs.Task);
            _isDown = true;
            Assert.Equal(_expected, Accepted);
        }

        // A bit of a file tips over, or its end is gone, while no process is there.
        private void Damage()
        {
            var files = Directory.GetFiles(_root, "*.rw").Order(StringComparer.Ordinal).ToArray();
            Assert.Equal(_waiting.Count, files.Length);
            if (files.Length == 0)
                return;
            var which = _random.Next(files.Length);
            var (texts, bodyBytes) = _waiting[which];
            var bytes = File.ReadAllBytes(files[which]);
            if (bytes.Length == 0)
                return;
            var hit = _random.Next(bytes.Length);
            var isCut = _random.Next(2) == 0;

            var body = HeaderBytes + (texts.Length * EntryBytes);
            if (!isCut && hit >= HeaderBytes && hit < body && (hit - HeaderBytes) % EntryBytes == CheckedBytesOfEntry)
            {
                // That one says whether a request is done, and one that is would come again.
                return;
            }

            Saw(isCut ? "cut" : "flipped");
            if (isCut)
                bytes = bytes[..hit];
            else
                bytes[hit] ^= (byte)(1 << _random.Next(8));
            File.WriteAllBytes(files[which], bytes);
            for (var i = 0; i < texts.Length; i++)
            {
                var entry = HeaderBytes + (i * EntryBytes);
                if (hit < HeaderBytes
                    || (isCut && hit < body + bodyBytes[i])
                    || (hit >= entry && hit < entry + CheckedBytesOfEntry)
                    || (hit >= body && hit < body + bodyBytes[i]))
                    texts[i] = null;
                body += bodyBytes[i];
            }
        }

        // Whatever process there was is not heard of any more: its clock stands still, and it is answered 503.
        private void StartProcess()
        {
            _clock = new ManualTimeProvider();
            var path = $"/{seed}/{++_processes}";
            _untilHang = int.MaxValue;
            end.Handler = (context, request) => AnswerAsync(context, request, path);
            var endpoint = new RemoteWriteEndpoint(
                new() { Url = new Uri(new Uri(end.Url), path).AbsoluteUri, QueueConfig = new() { MaxShards = 1, MinBackoff = s_backoff, MaxBackoff = s_backoff, MaxDiskBytes = MaxFiles * 4096 } },
                0,
                _clock);
            _queue = new RemoteWriteQueue(
                endpoint,
                new TenantHeaders(TenantId.Single, true, new Dictionary<string, string>()),
                new RemoteWriteMetrics(_metrics),
                _clock,
                NullLogger.Instance,
                folder: new CollectionFolder(_root));
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

        // Either nothing waits any more, or the oldest was refused for now and everything is on disk, within its limit.
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
                DropEmpty();
                while (_waiting.Count > MaxFiles)
                {
                    Saw("dropped");
                    _waiting.RemoveAt(0);
                    DropEmpty();
                }

                // The one whose attempt has failed may be dropped when all is written, and what is behind it be empty.
                if (_waiting.Count > 0)
                {
                    await _clock.TimerOf(s_backoff);
                    await _queue.Writing;
                    await _clock.PassAsync(s_backoff);
                    await _clock.TimerOf(s_backoff);
                }
                else
                {
                    await TurnClockUntilAsync(_queue.FlushAsync(CancellationToken.None));
                }

                await _queue.Writing;
            }

            Assert.Equal(_expected, Accepted);
            Assert.Equal(_waiting.Count, Directory.GetFiles(_root, "*.rw").Length);
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
