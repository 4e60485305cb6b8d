using Microsoft.Extensions.Logging.Abstractions;
using OrleansTempo.Cluster.Harness;
using OrleansTempo.Core;
using OrleansTempo.Core.Configuration.Generator;
using OrleansTempo.Core.Configuration.Overrides;
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

    private static readonly TenantId Other = TenantId.TryParse("other", out var other, out _) ? other : default;

    private readonly TempoMetrics _metrics = new();
    private readonly MetricValues _counters;
    private readonly RequestMemory _memory = new(long.MaxValue);

    // The spans that the grains of each key have received.
    private readonly Dictionary<string, int> _received = [];
    private Func<Task> _answer = static () => Task.CompletedTask;

    public GeneratorForwardersTests() => _counters = new MetricValues(_metrics);

    public void Dispose()
    {
        _counters.Dispose();
        _metrics.Dispose();
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
    public async Task Spans_that_a_call_loses_are_counted_and_not_sent_again()
    {
        var forwarders = Open(new ChangingOverrides("span-metrics"));
        _answer = static () => Task.FromException(new TimeoutException("nobody is there"));
        Offer(forwarders, spans: 5);

        await forwarders.DrainAsync(CancellationToken.None);

        Assert.Equal((1, 5), (_counters[Failures], _counters[Dropped]));
        Assert.Equal(5, Assert.Single(_received).Value);
        Assert.Equal(0, _memory.OutstandingBytes);
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
        var factory = Substitute.Of<IGrainFactory>(asked => Substitute.Of<IMetricsGeneratorGrain>(pushed => Receive((string)asked[0]!, (SpanPayload)pushed[0]!)));
        return new GeneratorForwarders(factory, new MetricsGeneratorOptions(), overrides, _metrics, time ?? TimeProvider.System, NullLogger.Instance);
    }

    private Task Receive(string key, SpanPayload payload)
    {
        using var reading = payload.Open();
        _received[key] = _received.GetValueOrDefault(key) + reading.Parts.Sum(static part => part.Spans.Length);
        return _answer();
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
