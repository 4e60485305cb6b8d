using Microsoft.Extensions.Logging.Abstractions;
using OrleansTempo.Core.Blocks.List;
using OrleansTempo.Core.Configuration.Ingester;
using OrleansTempo.Core.Configuration.Overrides;
using OrleansTempo.Core.Distributor;
using OrleansTempo.Core.Ingester;
using OrleansTempo.Core.Ingester.Flush;
using OrleansTempo.Core.Overrides;
using OrleansTempo.Core.Tests.Ingester;
using OrleansTempo.Core.Tests.Ingester.Log;
using OrleansTempo.Core.Tests.Objects;
using OrleansTempo.Core.Tests.Otlp;

namespace OrleansTempo.Core.Tests.Distributor;

public sealed class TraceRouterTests : IAsyncDisposable
{
    private readonly ManualTimeProvider _time = new();
    private readonly TempoMetrics _metrics = new();
    private readonly BlockFlushQueue _flushes;
    private readonly LocalIngesters _ingesters;
    private readonly Partitions _remote;
    private readonly TraceRouter _router;

    public TraceRouterTests()
    {
        var store = new InMemoryObjectStore(_time);
        _flushes = new BlockFlushQueue(new BlockFlusher(store, _time), new BlockList(store, _metrics, _time, NullLogger.Instance), _metrics, _time, NullLogger.Instance);
        _ingesters = new LocalIngesters(new IngesterOptions { Partitions = 4 }, new StaticOverrides(new TenantOverrides()), new RecordingLog(), _flushes, _metrics, _time, NullLogger.Instance);
        _remote = new Partitions { PlaceOf = _ => _ingesters };
        _router = new TraceRouter(_ingesters, _remote, _time);
    }

    public async ValueTask DisposeAsync()
    {
        await _ingesters.DisposeAsync();
        await _flushes.DisposeAsync();
        _metrics.Dispose();
    }

    [Fact]
    public async Task A_tenant_that_sends_little_has_one_partition_and_one_that_sends_much_has_all()
    {
        Assert.True(TenantId.TryParse("busy", out var busy, out _));
        await PushAsync(TenantId.Single, 100);
        await PushAsync(busy, 4 * PartitionSpread.SpansPerSecondPerPartition);

        Assert.Equal([0, 0, 1, 2, 3], _remote.Asked.Order());
    }

    private async Task PushAsync(TenantId tenant, int spans)
    {
        using var batch = TestBatch.Of(Enumerable.Range(1, spans).Select(static n => new TraceId((ulong)n, (ulong)n * 7919)));
        Assert.Null((await _router.PushAsync(tenant, batch.Batch)).Unavailable);
    }
}
