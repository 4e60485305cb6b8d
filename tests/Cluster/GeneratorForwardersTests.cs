using Microsoft.Extensions.Logging.Abstractions;
using OrleansTempo.Cluster.Harness;
using OrleansTempo.Core;
using OrleansTempo.Core.Configuration.Generator;
using OrleansTempo.Core.Configuration.Overrides;
using OrleansTempo.Core.Continuity;
using OrleansTempo.Core.Ingester.Log;
using OrleansTempo.Core.Objects;
using OrleansTempo.Core.Otlp.Buffers;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Core.Overrides;
using OrleansTempo.Grains;
using OrleansTempo.Grains.Interfaces;

namespace OrleansTempo.Cluster;

public sealed class GeneratorForwardersTests : IDisposable
{
    private const string Pushes = "tempo_distributor_forwarder_pushes_total";
    private const string Failures = "tempo_distributor_forwarder_pushes_failures_total";
    private const string Dropped = "tempo_distributor_forwarder_spans_dropped_total";
    private const string Lost = "tempo_metrics_generator_spans_lost_max_total";

    private static readonly TenantId Other = TenantId.TryParse("other", out var other, out _) ? other : default;

    private readonly TempoMetrics _metrics = new();
    private readonly MetricValues _counters;
    private readonly RequestMemory _memory = new(long.MaxValue);
    private readonly TemporaryFolder _folder = new();
    private readonly FileObjectStore _store;
    private readonly QueuedSpans _queued;

    // The spans that the grains of each key have received.
    private readonly Dictionary<string, int> _received = [];
    private readonly List<long> _numbers = [];
    private Func<long, Task> _answer = static _ => Task.CompletedTask;
    private Func<long, Task<AskAnswer>> _knows = static _ => Task.FromException<AskAnswer>(new TimeoutException("nobody is there"));

    public GeneratorForwardersTests()
    {
        _counters = new MetricValues(_metrics);
        _store = new FileObjectStore(_folder.Path, TimeProvider.System, NullLogger.Instance);
        _queued = new QueuedSpans(_store, "own", _metrics, TimeProvider.System, NullLogger.Instance);
    }

    public void Dispose()
    {
        _counters.Dispose();
        _metrics.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task Offered_batches_reach_the_grain_and_every_buffer_is_returned()
    {
        var forwarders = Open(new ChangingOverrides("span-metrics"));
        for (var i = 0; i < 100; i++)
            Offer(forwarders, spans: 3);

        await forwarders.DrainAsync(CancellationToken.None);

        Assert.Equal(300, Assert.Single(_received, static r => r.Key == "single-tenant").Value);
        Assert.Equal((100, 0), (_counters[Pushes], _counters[Failures]));
        Assert.Equal(0, _memory.OutstandingBytes);
    }

    [Fact]
    public async Task Each_span_of_a_sharded_tenant_goes_to_the_grain_of_its_trace()
    {
        var forwarders = Open(new ChangingOverrides("span-metrics") { RingSize = 3 });
        Offer(forwarders, spans: 60);

        await forwarders.DrainAsync(CancellationToken.None);

        Assert.Equal(["single-tenant/0-of-3", "single-tenant/1-of-3", "single-tenant/2-of-3"], _received.Keys.Order(StringComparer.Ordinal));
        Assert.Equal(60, _received.Values.Sum());
    }

    [Fact]
    public async Task After_the_stop_batches_are_counted_as_dropped_and_released()
    {
        var forwarders = Open(new ChangingOverrides("span-metrics"));
        Offer(forwarders);
        await forwarders.DrainAsync(CancellationToken.None);

        Offer(forwarders, spans: 2);

        Assert.Equal((1, 2), (_counters[Failures], _counters[Dropped]));
        Assert.Equal(0, _memory.OutstandingBytes);
    }

    [Fact]
    public async Task A_push_that_fails_is_repeated_under_its_number_as_soon_as_the_generator_says_that_it_has_not_counted_it()
    {
        var time = new ManualTimeProvider();
        var forwarders = Open(new ChangingOverrides("span-metrics"), time);
        var asked = 0;
        _answer = _ => _numbers.Count == 1 ? Task.FromException(new TimeoutException("it moves")) : Task.CompletedTask;
        _knows = _ => asked++ < 20 ? throw new TimeoutException("it still moves") : Task.FromResult(new AskAnswer { State = PushState.NotCounted });
        Offer(forwarders, spans: 5);
        await Eventually.GetAsync(() => Task.FromResult(_numbers.Count), static calls => calls == 1, static _ => "no call");
        Offer(forwarders, spans: 2);

        await DrainAsync(forwarders, time);

        Assert.Equal([1, 1, 2], _numbers);
        Assert.Equal(5 + 5 + 2, Assert.Single(_received).Value);
        Assert.Equal((0, 0, 0), (_counters[Failures], _counters[Dropped], _counters[Lost]));
    }

    [Fact]
    public async Task A_push_whose_answer_is_lost_is_not_repeated_if_it_was_counted()
    {
        var time = new ManualTimeProvider();
        var forwarders = Open(new ChangingOverrides("span-metrics"), time);
        _answer = static number => number == 1 ? Task.FromException(new TimeoutException("the answer is lost")) : Task.CompletedTask;
        _knows = static _ => Task.FromResult(new AskAnswer { State = PushState.Counted });
        Offer(forwarders, spans: 5);

        await DrainAsync(forwarders, time);

        Assert.Equal([1], _numbers);
        Assert.Equal((0, 0, 0), (_counters[Failures], _counters[Dropped], _counters[Lost]));
    }

    [Fact]
    public async Task A_push_that_a_generator_took_with_it_when_it_crashed_is_said_to_be_lost_and_not_repeated()
    {
        var time = new ManualTimeProvider();
        var forwarders = Open(new ChangingOverrides("span-metrics"), time);
        _answer = static number => number == 1 ? Task.FromException(new TimeoutException("it is gone")) : Task.CompletedTask;
        _knows = static _ => Task.FromResult(new AskAnswer { State = PushState.Unknown });
        Offer(forwarders, spans: 5);

        await DrainAsync(forwarders, time);

        Assert.Equal([1], _numbers);
        Assert.Equal((0, 0, 5), (_counters[Failures], _counters[Dropped], _counters[Lost]));
    }

    [Fact]
    public async Task Spans_wait_for_a_minute_and_are_then_dropped_and_those_after_them_are_tried_once()
    {
        var time = new ManualTimeProvider();
        var forwarders = Open(new ChangingOverrides("span-metrics"), time);
        _answer = static _ => Task.FromException(new TimeoutException("nobody is there"));
        Offer(forwarders, spans: 5);
        var began = time.GetUtcNow();
        while (_counters[Dropped] == 0)
        {
            time.Advance(TimeSpan.FromMilliseconds(500));
            await Task.Delay(1);
        }

        Assert.InRange(time.GetUtcNow() - began, CountedPushes.Patience, CountedPushes.Patience * 2);
        Offer(forwarders, spans: 2);
        await forwarders.DrainAsync(CancellationToken.None);

        Assert.Equal([1, 2], _numbers);
        Assert.Equal((2, 7), (_counters[Failures], _counters[Dropped]));
    }

    [Fact]
    public async Task A_generator_of_a_version_that_cannot_tell_is_not_asked_again()
    {
        var time = new ManualTimeProvider();
        var forwarders = Open(new ChangingOverrides("span-metrics"), time);
        _answer = static _ => Task.FromException(new TimeoutException("no answer"));
        _knows = static _ => Task.FromException<AskAnswer>(new Orleans.Serialization.UnknownWellKnownTypeException(7));
        Offer(forwarders, spans: 5);

        await DrainAsync(forwarders, time);

        Assert.Equal([1], _numbers);
        Assert.Equal((1, 5), (_counters[Failures], _counters[Dropped]));
    }

    [Fact]
    public async Task At_the_deadline_of_a_stop_what_waits_is_dropped()
    {
        var forwarders = Open(new ChangingOverrides("span-metrics"), new ManualTimeProvider());
        _answer = static _ => new TaskCompletionSource().Task;
        Offer(forwarders, spans: 5);
        await Eventually.GetAsync(() => Task.FromResult(_numbers.Count), static calls => calls == 1, static _ => "no call");
        Offer(forwarders, spans: 2);
        await forwarders.SayAsync();
        using var deadline = new CancellationTokenSource();

        var drained = forwarders.DrainAsync(deadline.Token);
        Assert.False(drained.IsCompleted);
        await deadline.CancelAsync();
        await drained.WaitAsync(TimeSpan.FromSeconds(30));

        Assert.Equal([1], _numbers);
        Assert.Equal((2, 7), (_counters[Failures], _counters[Dropped]));

        // Nobody scrapes that any more, so another silo says it.
        Assert.NotNull(await _store.GetAsync("queued-spans/own"));
    }

    [Fact]
    public async Task The_store_says_how_many_spans_wait_until_an_orderly_stop()
    {
        var forwarders = Open(new ChangingOverrides("span-metrics"), new ManualTimeProvider());
        var answer = new TaskCompletionSource();
        _answer = _ => answer.Task;
        Offer(forwarders, spans: 5);
        await forwarders.SayAsync();
        Assert.Equal("{\"spans\":4096}", System.Text.Encoding.UTF8.GetString((await _store.GetAsync("queued-spans/own"))!.Value.Content.Span));

        answer.SetResult();
        await forwarders.DrainAsync(CancellationToken.None);

        Assert.Null(await _store.GetAsync("queued-spans/own"));
    }

    [Fact]
    public async Task A_tenant_without_processors_takes_and_counts_nothing_until_its_overrides_say_otherwise()
    {
        var overrides = new ChangingOverrides();
        var forwarders = Open(overrides);
        Offer(forwarders);
        Assert.Empty(forwarders.PartsOf(TenantId.Single));
        Assert.Equal(0, _counters[Pushes]);

        overrides.Change("span-metrics-count");
        Offer(forwarders);
        await forwarders.DrainAsync(CancellationToken.None);

        Assert.Equal([""], forwarders.PartsOf(TenantId.Single));
        Assert.Equal(1, _counters[Pushes]);
        Assert.Equal(1, Assert.Single(_received).Value);
    }

    [Fact]
    public async Task A_tenant_that_is_quiet_for_a_while_has_no_queue_and_its_next_batch_opens_one()
    {
        var time = new ManualTimeProvider();
        var forwarders = Open(new ChangingOverrides("span-metrics"), time);
        Offer(forwarders);
        await HandedOverAsync();
        time.Advance(TimeSpan.FromMinutes(5));
        Assert.Equal([TenantId.Single], forwarders.Open);

        time.Advance(TimeSpan.FromMinutes(6));
        Offer(forwarders, tenant: Other);
        Assert.Equal([Other], forwarders.Open);

        Offer(forwarders, spans: 2);
        Assert.Equal(2, forwarders.Open.Count);
        await forwarders.DrainAsync(CancellationToken.None);
        Assert.Equal((3, 1), (_received["single-tenant"], _received["other"]));
        Assert.Equal((3, 0), (_counters[Pushes], _counters[Dropped]));
        Assert.Equal(0, _memory.OutstandingBytes);
    }

    [Fact]
    public async Task A_drain_ends_although_the_clock_stands_still()
    {
        var forwarders = Open(new ChangingOverrides("span-metrics"), new ManualTimeProvider());
        Offer(forwarders);
        await HandedOverAsync();
        Offer(forwarders, spans: 2);

        await forwarders.DrainAsync(CancellationToken.None).WaitAsync(TimeSpan.FromSeconds(30));

        Assert.Equal(3, Assert.Single(_received).Value);
        Assert.Equal(0, _memory.OutstandingBytes);
    }

    private Task<long> HandedOverAsync() =>
        Eventually.GetAsync(() => Task.FromResult(_memory.OutstandingBytes), static bytes => bytes == 0, static bytes => $"{bytes} bytes of batches are still waiting");

    private GeneratorForwarders Open(IOverrides overrides, TimeProvider? time = null)
    {
        var factory = Substitute.Of<IGrainFactory>(asked => Substitute.Of<IMetricsGeneratorGrain>(called =>
            called is [SpanPayload payload, Guid, long number] ? Receive((string)asked[0]!, payload, number) : _knows((long)called[1]!)));
        return new GeneratorForwarders(factory, new MetricsGeneratorOptions(), overrides, _queued, _metrics, time ?? TimeProvider.System, NullLogger.Instance);
    }

    // Time passes, so that whoever waits to ask does not wait for ever.
    private static async Task DrainAsync(GeneratorForwarders forwarders, ManualTimeProvider time)
    {
        var drained = forwarders.DrainAsync(CancellationToken.None);
        while (!drained.IsCompleted)
        {
            time.Advance(TimeSpan.FromMilliseconds(500));
            await Task.Delay(1);
        }

        await drained;
    }

    private Task Receive(string key, SpanPayload payload, long number)
    {
        lock (_numbers)
            _numbers.Add(number);
        using var reading = payload.Open();
        _received[key] = _received.GetValueOrDefault(key) + reading.Parts.Sum(static part => part.Spans.Length);
        return _answer(number);
    }

    private void Offer(GeneratorForwarders forwarders, int spans = 1, TenantId? tenant = null)
    {
        var request = TestBatch.Request(Enumerable.Range(1, spans).Select(static n => TestBatch.Span(new TraceId((ulong)n, (ulong)n * 7919), (ulong)n)));
        Assert.True(SpanBatch.TryRead(_memory.Copy(Google.Protobuf.MessageExtensions.ToByteArray(request)), 0, out var batch, out _));
        forwarders.Offer(tenant ?? TenantId.Single, batch);
        batch.Release();
    }

    private sealed class ChangingOverrides(params string[] processors) : IOverrides
    {
        private string[] _processors = processors;

        public event Action? Changed;

        public int RingSize { get; init; }

        public long Version { get; private set; }

        public TenantOverrides For(TenantId tenant) => new() { MetricsGenerator = new MetricsGeneratorOverrides { Processors = _processors, RingSize = RingSize } };

        public bool Knows(TenantId tenant) => false;

        public void Change(params string[] to)
        {
            _processors = to;
            Version++;
            Changed?.Invoke();
        }
    }
}
