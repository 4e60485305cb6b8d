using OrleansTempo.Cluster.Harness;
using OrleansTempo.Core;
using OrleansTempo.Grains;
using OrleansTempo.Grains.Interfaces;

namespace OrleansTempo.Cluster;

public sealed class RemotePartitionsTests : IDisposable
{
    private readonly TempoMetrics _metrics = new();
    private readonly LogLines _log = new();
    private readonly ManualTimeProvider _time = new();
    private readonly TestBatch _batch = TestBatch.Of(TestBatch.Span(new TraceId(1, 1), 1));
    private readonly RemotePartitions _grains;
    private Func<Task<IngestAnswer>> _answer = Taken;
    private Func<Task> _opening = static () => Task.CompletedTask;
    private int _pushes;
    private int _probes;

    public RemotePartitionsTests()
    {
        var grain = Substitute.Of<ITraceGrain>(arguments => arguments is [SpanPayload] ? Push() : Open());
        _grains = new RemotePartitions(Substitute.Of<IGrainFactory>(_ => grain), _metrics, _time, _log);

        Task<IngestAnswer> Push()
        {
            _pushes++;
            return _answer();
        }

        Task Open()
        {
            _probes++;
            return _opening();
        }
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

        slow.SetException(new IOException("no answer"));

        Assert.NotNull(await early);
        Assert.Empty(_log.Lines);
    }

    [Fact]
    public async Task Only_the_first_pushes_wait_for_a_silo_that_does_not_answer_and_those_for_three_seconds()
    {
        _answer = static () => new TaskCompletionSource<IngestAnswer>().Task;
        _opening = _answer;
        var patience = TimeSpan.FromSeconds(3);

        // Four calls are in flight, and the fifth push waits behind them.
        var first = Enumerable.Range(0, 5).Select(_ => PushAsync(1)).ToArray();
        _time.Advance(patience - TimeSpan.FromMilliseconds(1));
        Assert.DoesNotContain(first, static push => push.IsCompleted);
        _time.Advance(TimeSpan.FromMilliseconds(1));

        Assert.Equal(Enumerable.Repeat(Refused("its silo did not answer in time"), 4), await Task.WhenAll(first[..4]));
        Assert.Equal(Refused("its silo does not answer"), await first[4]);
        for (var i = 0; i < 10; i++)
            Assert.Equal(Refused("its silo does not answer"), await PushAsync(1));
        Assert.Equal((4, 1), (_pushes, _probes));
        Assert.Equal([Out(1, "its silo did not answer in time")], _log.Lines);
    }

    [Fact]
    public async Task A_silent_partition_is_asked_without_spans_until_it_answers()
    {
        _answer = static () => Task.FromException<IngestAnswer>(new TimeoutException("Response did not arrive on time in 00:00:15 for message: Request …"));
        _opening = static () => Task.FromException(new Orleans.Runtime.SiloUnavailableException("The target silo became unavailable for message: …"));
        await PushAsync(1);
        for (var i = 0; i < 3; i++)
        {
            Assert.NotNull(await PushAsync(1));
            Assert.NotNull(await PushAsync(1));
            _time.Advance(TimeSpan.FromMilliseconds(250));
        }

        Assert.Equal((1, 3), (_pushes, _probes));

        _answer = Taken;
        _opening = static () => Task.CompletedTask;
        Assert.NotNull(await PushAsync(1));
        Assert.Null(await PushAsync(1));
        Assert.Equal((2, 4), (_pushes, _probes));
        Assert.Equal([Out(1, "its silo did not answer in time"), Again(1)], _log.Lines);
    }

    [Fact]
    public async Task An_answer_that_comes_late_ends_the_silence()
    {
        var slow = new TaskCompletionSource<IngestAnswer>();
        _answer = () => slow.Task;
        _opening = static () => new TaskCompletionSource().Task;
        var push = PushAsync(1);
        _time.Advance(TimeSpan.FromSeconds(3));
        Assert.NotNull(await push);
        Assert.NotNull(await PushAsync(1));

        slow.SetResult(new IngestAnswer());

        Assert.Null(await PushAsync(1));
    }

    [Fact]
    public async Task A_replay_waits_as_long_as_Orleans_does()
    {
        _answer = static () => new TaskCompletionSource<IngestAnswer>().Task;
        var replay = PushAsync(1, isReplayed: true);
        _time.Advance(TimeSpan.FromSeconds(14));
        Assert.False(replay.IsCompleted);
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.NotNull(await replay);
    }

    private static string Refused(string reason) => $"cannot reach the ingester single-tenant/1: {reason}; send the request again";

    private static Task<IngestAnswer> Taken() => Task.FromResult(new IngestAnswer());

    private static string Out(int partition, string reason = "nobody is there") =>
        $"Warning: Tenant single-tenant: the ingester of partition {partition} cannot be reached; requests with spans for it are refused until it can: {reason}";

    private static string Again(int partition) => $"Information: Tenant single-tenant: the ingester of partition {partition} can be reached again";

    private async Task<string?> PushAsync(int partition, bool isReplayed = false) =>
        (await _grains.PushAsync(TenantId.Single, partition, _batch.Batch, _batch.All, isReplayed)).Unavailable;
}
