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
/// One process through two outages, killed at every one of its calls to the store, before it takes effect or before its answer comes;
/// and the next owner. What was in the store arrives, in order, and nothing twice but the collection that was under way.
/// </summary>
public sealed class KillPointTests : IAsyncLifetime
{
    private static readonly TimeSpan s_backoff = TimeSpan.FromMilliseconds(100);

    private RemoteEnd _end = null!;

    public async Task InitializeAsync() => _end = await RemoteEnd.StartAsync();

    public async Task DisposeAsync() => await _end.DisposeAsync();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Wherever_a_process_is_killed_the_next_owner_sends_what_is_left_in_order(bool takesEffect)
    {
        var again = 0;
        var points = 0;
        for (var isKilled = true; isKilled; points++)
        {
            using var run = new Run(_end, points, takesEffect);
            try
            {
                isKilled = await run.GoAsync();
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"killed at call {points}: {e.Message}", e);
            }

            if (run.IsSentAgain)
                again++;
        }

        // Or it was not killed where that costs something. What was deleted is not sent again, whether its owner heard of it or not.
        Assert.True(points > 15, $"{points} calls");
        Assert.True(takesEffect ? again == 0 : again > 2, $"{again} times a collection was sent again");
    }

    private sealed class Run(RemoteEnd end, int point, bool takesEffect) : IDisposable
    {
        private const string Folder = "remote-write/acme/all/one/";

        private readonly InMemoryObjectStore _store = new();
        private readonly TempoMetrics _metrics = new();
        private readonly List<int> _accepted = [];
        private ManualTimeProvider _clock = new();
        private RemoteWriteQueue _queue = null!;
        private int _calls;
        private volatile bool _isDown;
        private volatile bool _isDead;

        public bool IsSentAgain { get; private set; }

        public void Dispose() => _metrics.Dispose();

        public async Task<bool> GoAsync()
        {
            try
            {
                await LiveAsync();
            }
            catch (IOException)
            {
                // While it was taking up what waits.
            }

            // Nothing more is heard of it.
            var isKilled = _isDead;
            _isDead = true;
            var before = Accepted;
            var waiting = Waiting;
            var first = _queue;
            _clock = new ManualTimeProvider();
            _isDown = false;
            await StartAsync(_store.View(), "/second", epoch: 2, fence: isKilled);
            _queue.Enqueue(CollectionOf.Services(100, "a", "b"));
            await SettleAsync(() => false);
            await _queue.DisposeAsync();
            await first.DisposeAsync();

            var after = Accepted[before.Count..];
            Assert.Equal(before.Order(), before);
            Assert.Equal(after.Order(), after);
            Assert.True(before.Count == 0 || after[0] >= before[^1], $"{string.Join(' ', before)}, and then {string.Join(' ', after)}");
            Assert.Equal([.. waiting, 100], after.Distinct());
            IsSentAgain = before.Count > 0 && after[0] == before[^1];
            Assert.True(isKilled || !IsSentAgain);
            return isKilled;
        }

        private async Task LiveAsync()
        {
            var view = _store.View();
            view.Before = (_, _) => CallAsync(isDone: false);
            view.After = (_, _) => CallAsync(isDone: true);
            await StartAsync(view, "/first", epoch: 1, fence: true);
            _isDown = true;
            _queue.Enqueue(CollectionOf.Services(1, "a", "b"));
            _queue.Enqueue(CollectionOf.Services(2, "a", "b"));
            await SettleAsync(() => _isDead);
            _isDown = false;
            await SettleAsync(() => _isDead);
            _queue.Enqueue(CollectionOf.Services(3, "a", "b"));
            await SettleAsync(() => _isDead);
            _isDown = true;
            for (var number = 4; number <= 6; number++)
                _queue.Enqueue(CollectionOf.Services(number, "a", "b"));
            await SettleAsync(() => _isDead);
            _isDown = false;
            await SettleAsync(() => _isDead);
            _isDown = true;
            _queue.Enqueue(CollectionOf.Services(7, "a", "b"));
            await SettleAsync(() => _isDead);
            if (!_isDead)
                await _queue.DisposeAsync();
        }

        private Task CallAsync(bool isDone)
        {
            if (!_isDead && isDone == takesEffect && _calls++ == point)
                _isDead = true;
            return _isDead ? throw new IOException("killed") : Task.CompletedTask;
        }

        private List<int> Accepted
        {
            get
            {
                lock (_accepted)
                    return [.. _accepted];
            }
        }

        private List<int> Waiting =>
        [
            .. _store.Names
                .Select(name => CollectionFormat.Read(_store[name]))
                .Where(static read => read.Requests.Count > 0)
                .Select(static read => (int)((read.Requests[0].TimestampMs - CollectionOf.StartMs) / 1000)),
        ];

        private async Task StartAsync(InMemoryObjectStore view, string path, long epoch, bool fence)
        {
            end.Handler = (context, request) => AnswerAsync(context, request, path);
            var endpoint = new RemoteWriteEndpoint(
                new() { Url = new Uri(new Uri(end.Url), path).AbsoluteUri, QueueConfig = new() { MaxShards = 1, MinBackoff = s_backoff, MaxBackoff = s_backoff } },
                0,
                _clock);
            _queue = new RemoteWriteQueue(
                endpoint,
                new RemoteWriteHeaders(TenantId.Single, true, new Dictionary<string, string>()),
                new RemoteWriteMetrics(_metrics),
                _clock,
                NullLogger.Instance);
            await _queue.ResumeAsync(new StoredQueue(view, Folder, epoch, fence, permit: null), CancellationToken.None);
        }

        private Task AnswerAsync(HttpContext context, WriteRequest request, string path)
        {
            if (_isDown || context.Request.Path != path || (_isDead && path == "/first"))
            {
                context.Response.StatusCode = 503;
                return Task.CompletedTask;
            }

            lock (_accepted)
                _accepted.Add((int)Assert.Single(request.Timeseries).Samples[^1].Value);
            context.Response.StatusCode = 204;
            return Task.CompletedTask;
        }

        // Until nothing waits any more, or all of it in the store.
        private async Task SettleAsync(Func<bool> isOver)
        {
            var settled = _isDown ? WaitsAsync() : _queue.FlushAsync(CancellationToken.None);
            while (!settled.IsCompleted && !isOver())
            {
                if (!_isDown && _clock.TimersBegun(s_backoff) > 0)
                    _clock.Advance(s_backoff);
                await Task.Yield();
            }
        }

        private async Task WaitsAsync()
        {
            await _clock.TimerOf(s_backoff);
            await _queue.Writing;
        }
    }
}
