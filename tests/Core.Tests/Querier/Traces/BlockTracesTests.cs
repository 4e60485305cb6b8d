using OrleansTempo.Core.Blocks.Format;
using OrleansTempo.Core.Blocks.List;
using OrleansTempo.Core.Otlp;
using OrleansTempo.Core.Querier.Traces;
using OrleansTempo.Core.Tests.Blocks;
using OrleansTempo.Core.Tests.Objects;
using OrleansTempo.Core.Tests.RemoteWrite;
using OrleansTempo.Core.Tests.RemoteWrite.Queue;
using static OrleansTempo.Core.Tests.Ingester.Log.WalTestData;

namespace OrleansTempo.Core.Tests.Querier.Traces;

public sealed class BlockTracesTests : IDisposable
{
    private readonly InMemoryObjectStore _store = new();
    private readonly TempoMetrics _metrics = new();
    private readonly BlockList _list;
    private readonly BlockTraces _traces;

    public BlockTracesTests()
    {
        _list = new(_store, _metrics, TimeProvider.System, new LogLines());
        _traces = new(_list, new BlockReader(_store));
    }

    public void Dispose() => _metrics.Dispose();

    /// <summary>This process could not poll for so long that another one merged and deleted a block: its spans are in a block that it does not know.</summary>
    [Fact]
    public async Task An_answer_that_lacks_a_missing_block_says_so()
    {
        var spans = TestBlocks.Spans(traces: 1, spansPerTrace: 3);
        var trace = TestBlocks.Sent(spans).Single().Key;
        var block = await TestBlocks.WriteAsync(_store, spans);
        await _list.PollAsync();
        Assert.Equal((3, 0), await FindAsync(trace));

        await _store.DeleteAsync(BlockPaths.Meta(Acme, block.BlockId));
        await _store.DeleteAsync(BlockPaths.Data(Acme, block.BlockId));

        Assert.Equal((0, 1), await FindAsync(trace));
        Assert.Empty(_list.Broken(Acme));
        Assert.Equal((0, 0), await FindAsync(trace));
    }

    [Fact]
    public async Task An_answer_that_lacks_a_broken_block_says_so_once_each_time()
    {
        var spans = TestBlocks.Spans(traces: 1, spansPerTrace: 3);
        var trace = TestBlocks.Sent(spans).Single().Key;
        var block = await TestBlocks.WriteAsync(_store, spans);
        await _list.PollAsync();
        await _store.PutAsync(BlockPaths.Data(Acme, block.BlockId), new byte[block.SizeBytes]);

        Assert.Equal((0, 1), await FindAsync(trace));
        Assert.Equal((0, 1), await FindAsync(trace));
    }

    private async Task<(int Spans, int Problems)> FindAsync(TraceId trace)
    {
        var found = new TraceSpans(trace);
        var problems = new List<string>();
        await _traces.FindAsync(Acme, trace, default, found, problems, CancellationToken.None);
        return (found.Spans.Count, problems.Count);
    }
}
