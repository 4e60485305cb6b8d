using OrleansTempo.Cluster.Harness;
using OrleansTempo.Core;
using OrleansTempo.Core.Blocks.Format;
using OrleansTempo.Core.Blocks.List;
using OrleansTempo.Core.Otlp;
using OrleansTempo.Core.Querier.Traces;
using OrleansTempo.Grains;
using OrleansTempo.Grains.Interfaces;

namespace OrleansTempo.Cluster;

public sealed class LiveTraceSourceTests : IDisposable
{
    private static readonly TraceId s_trace = new(1, 1);

    private readonly ManualTimeProvider _time = new();
    private readonly TempoMetrics _metrics = new();
    private readonly InMemoryObjectStore _store = new();
    private Func<Task<LiveTraceAnswer>> _answer = static () => Task.FromResult(new LiveTraceAnswer());

    public void Dispose() => _metrics.Dispose();

    [Fact]
    public async Task A_partition_that_does_not_answer_within_five_seconds_is_left_out_and_the_answer_says_so()
    {
        _answer = static () => new TaskCompletionSource<LiveTraceAnswer>().Task;
        var asking = ProblemsAsync();
        _time.Advance(TimeSpan.FromSeconds(4.9));
        Assert.False(asking.IsCompleted);
        _time.Advance(TimeSpan.FromSeconds(0.1));

        Assert.Equal(["cannot ask the ingester single-tenant/0 for live traces: its silo did not answer in time; ask again in a few seconds"], await asking);
    }

    [Fact]
    public async Task A_failure_of_Orleans_is_said_in_one_sentence()
    {
        _answer = static () => Task.FromException<LiveTraceAnswer>(new Orleans.Runtime.OrleansException("Forwarding failed: tried to forward message Request [S10.91.0.11:11111…\n   at Orleans.Runtime…"));
        Assert.Equal(["cannot ask the ingester single-tenant/0 for live traces: its silo is stopping, or cannot be reached; ask again in a few seconds"], await ProblemsAsync());

        _answer = static () => Task.FromResult(new LiveTraceAnswer());
        Assert.Empty(await ProblemsAsync());
    }

    private async Task<List<string>> ProblemsAsync()
    {
        var grain = Substitute.Of<ITraceGrain>(_ => _answer());
        var blocks = new BlockTraces(new BlockList(_store, _metrics, _time, new LogLines()), new BlockReader(_store));
        var source = new LiveTraceSource(Substitute.Of<IGrainFactory>(_ => grain), 1, blocks, _time);
        var problems = new List<string>();
        await source.FindAsync(TenantId.Single, s_trace, default, new TraceSpans(s_trace), problems, CancellationToken.None);
        return problems;
    }
}
