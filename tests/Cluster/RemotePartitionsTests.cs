using OrleansTempo.Cluster.Harness;
using OrleansTempo.Core;
using OrleansTempo.Core.Tests.Otlp;
using OrleansTempo.Core.Tests.RemoteWrite;
using OrleansTempo.Grains;
using OrleansTempo.Grains.Interfaces;

namespace OrleansTempo.Cluster;

public sealed class RemotePartitionsTests : IDisposable
{
    private readonly TempoMetrics _metrics = new();
    private readonly LogLines _log = new();
    private readonly TestBatch _batch = TestBatch.Of(TestBatch.Span(new TraceId(1, 1), 1));
    private readonly RemotePartitions _grains;
    private Func<Task<IngestAnswer>> _answer = Taken;

    public RemotePartitionsTests()
    {
        var grain = Substitute.Of<ITraceGrain>(_ => _answer());
        _grains = new RemotePartitions(Substitute.Of<IGrainFactory>(_ => grain), _metrics, TimeProvider.System, _log);
    }

    public void Dispose()
    {
        _batch.Dispose();
        _metrics.Dispose();
    }

    [Fact]
    public async Task An_outage_is_logged_once_for_each_partition_and_so_is_its_end()
    {
        Assert.Null(await PushAsync(1));
        Assert.Empty(_log.Lines);

        _answer = static () => Task.FromException<IngestAnswer>(new IOException("nobody is there"));
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal("cannot reach the ingester single-tenant/1: nobody is there; send the request again", await PushAsync(1));
            Assert.NotNull(await PushAsync(2));
            Assert.NotNull(await PushAsync(1, isReplayed: true));
        }

        Assert.Equal([Out(1), Out(2)], _log.Lines);

        _answer = Taken;
        for (var i = 0; i < 3; i++)
            Assert.Null(await PushAsync(2));
        Assert.Equal([Out(1), Out(2), Again(2)], _log.Lines);

        _answer = static () => Task.FromException<IngestAnswer>(new IOException("nobody is there"));
        await PushAsync(1);
        await PushAsync(2);
        Assert.Equal([Out(1), Out(2), Again(2), Out(2)], _log.Lines);
    }

    [Fact]
    public async Task A_call_that_fails_after_a_later_one_succeeded_is_not_an_outage()
    {
        var slow = new TaskCompletionSource<IngestAnswer>();
        _answer = () => slow.Task;
        var early = PushAsync(1);
        _answer = Taken;
        Assert.Null(await PushAsync(1));

        slow.SetException(new TimeoutException("no answer"));

        Assert.NotNull(await early);
        Assert.Empty(_log.Lines);
    }

    private static Task<IngestAnswer> Taken() => Task.FromResult(new IngestAnswer());

    private static string Out(int partition) =>
        $"Warning: Tenant single-tenant: the ingester of partition {partition} cannot be reached; requests with spans for it are refused until it can: nobody is there";

    private static string Again(int partition) => $"Information: Tenant single-tenant: the ingester of partition {partition} can be reached again";

    private async Task<string?> PushAsync(int partition, bool isReplayed = false) =>
        (await _grains.PushAsync(TenantId.Single, partition, _batch.Batch, _batch.All, isReplayed)).Unavailable;
}
