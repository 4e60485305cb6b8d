using Google.Protobuf;
using Microsoft.Extensions.Logging.Abstractions;
using OrleansTempo.Core.Configuration.Generator;
using OrleansTempo.Core.Configuration.Ingester;
using OrleansTempo.Core.Configuration.Overrides;
using OrleansTempo.Core.Continuity;
using OrleansTempo.Core.Generator;
using OrleansTempo.Core.Ingester;
using OrleansTempo.Core.Ingester.Live;
using OrleansTempo.Core.Otlp.Buffers;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Core.Overrides;
using OrleansTempo.Core.RemoteWrite;
using OrleansTempo.Core.Tests.Generator;
using OrleansTempo.Core.Tests.Objects;
using OrleansTempo.Core.Tests.Otlp;
using OrleansTempo.Tests.Otlp;
using Span = OrleansTempo.Tests.Otlp.Span;

namespace OrleansTempo.Core.Tests;

/// <summary>What a tenant with a single span costs, in bytes allocated until it is counted and indexed; what is held of them afterwards is about half.</summary>
public sealed class TenantCostTests : IDisposable
{
    private const int Tenants = 100;

    private readonly ManualTimeProvider _time = new();
    private readonly TempoMetrics _metrics = new();

    public void Dispose() => _metrics.Dispose();

    [Theory]
    [InlineData(Span.Types.SpanKind.Client)]
    [InlineData(Span.Types.SpanKind.Server)]
    public void A_tenants_generator_with_one_span_allocates_under_30_KB(Span.Types.SpanKind kind)
    {
        var batch = OneSpan(kind);
        var options = new MetricsGeneratorOptions();
        var overrides = new TenantOverrides { MetricsGenerator = new MetricsGeneratorOverrides { Processors = [ProcessorNames.SpanMetrics, ProcessorNames.ServiceGraphs] } };
        var environment = new GeneratorEnvironment
        {
            Store = new InMemoryObjectStore(),
            Lease = Timeout.InfiniteTimeSpan,
            Snapshot = SnapshotMode.OnStop,
            Storage = options.Storage,
            Endpoints = [],
            RemoteWriteMetrics = new RemoteWriteMetrics(_metrics),
            Metrics = _metrics,
            Time = _time,
        };

        var bytes = BytesOf(tenant =>
        {
            var life = new GeneratorLife(tenant, GeneratorShard.None, "", GeneratorSettings.Resolve(options, overrides), environment, null!, NullLogger.Instance);
            life.Push(batch, [0]);
            return life;
        });

        Assert.InRange(bytes, 1, 30 << 10);
    }

    [Fact]
    public void A_tenants_ingester_with_one_span_allocates_under_6_KB()
    {
        var batch = OneSpan(Span.Types.SpanKind.Server);
        var options = new IngesterOptions();

        var bytes = BytesOf(tenant =>
        {
            var ingester = new TraceIngester(tenant, new LiveTraceCount(), options, _time);
            Refusals? refusals = null;
            ingester.Push(batch, [0], 0, default, ref refusals);
            return ingester;
        });

        Assert.InRange(bytes, 1, 6 << 10);
    }

    private SpanBatch OneSpan(Span.Types.SpanKind kind)
    {
        var span = TestBatch.Span(new TraceId(1, 2), 3);
        span.Kind = kind;
        span.StartTimeUnixNano = _time.NowNanos - 1_000_000;
        span.EndTimeUnixNano = _time.NowNanos;
        var request = TestBatch.Request([span]);
        (request.ResourceSpans[0].Resource ??= new Resource()).Attributes.Add(new KeyValue { Key = "service.name", Value = new AnyValue { StringValue = "shop" } });
        Assert.True(SpanBatch.TryRead(new RequestMemory(long.MaxValue).Copy(request.ToByteArray()), 0, out var batch, out _));
        return batch;
    }

    private static long BytesOf(Func<TenantId, object> create)
    {
        var tenants = Enumerable.Range(0, Tenants + 1).Select(static i =>
        {
            Assert.True(TenantId.TryParse($"tenant-{i}", out var tenant, out _));
            return tenant;
        }).ToArray();

        // What all share is made with the first.
        var held = new object[Tenants + 1];
        held[0] = create(tenants[0]);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 1; i <= Tenants; i++)
            held[i] = create(tenants[i]);
        var bytes = (GC.GetAllocatedBytesForCurrentThread() - before) / Tenants;
        GC.KeepAlive(held);
        return bytes;
    }
}
