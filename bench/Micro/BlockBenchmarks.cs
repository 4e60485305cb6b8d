using BenchmarkDotNet.Attributes;
using OrleansTempo.Bench.Payload;
using OrleansTempo.Core;
using OrleansTempo.Core.Blocks.Compaction;
using OrleansTempo.Core.Blocks.Format;
using OrleansTempo.Core.Blocks.Format.Pages;
using OrleansTempo.Core.Ingester.Flush;

namespace OrleansTempo.Bench.Micro;

/// <summary>Measures the CPU time of blocks: writing and merging per 100,000 spans, reading per page.</summary>
public class BlockBenchmarks
{
    private const int Spans = 100_000;
    private const int Inputs = 4;

    private readonly MemoryStore _store = new();
    private readonly BlockPage _page = new();
    private readonly BlockMeta[] _inputs = new BlockMeta[Inputs];
    private BlockFlusher _flusher = null!;
    private BlockReader _reader = null!;
    private BlockMerger _merger = null!;
    private CutBlock _block = null!;
    private PageEntry[] _pages = [];
    private int _nextPage;

    [GlobalSetup]
    public async Task Setup()
    {
        var source = new PayloadBlocks(PayloadBatch.ReadFolder(PayloadBatch.UsualFolder), _store);
        for (var i = 0; i < Inputs; i++)
            _inputs[i] = await source.WriteAsync(Spans / Inputs);
        _block = source.Cut(Spans);
        _store.Keeps = false;
        _flusher = new BlockFlusher(_store, TimeProvider.System);
        _reader = new BlockReader(_store);
        _merger = new BlockMerger(_store, _reader, TimeProvider.System);
        _pages = (await _reader.OpenAsync(_inputs[0], CancellationToken.None)).Pages;
        Console.WriteLine($"// a page has {_inputs[0].Spans / _pages.Length} spans in {_pages.Average(static p => p.Length):F0} bytes");
    }

    /// <summary>Sorts, encodes and compresses a cut block of 100,000 spans; the output is discarded.</summary>
    [Benchmark]
    public Task<BlockMeta> WriteBlock() => _flusher.WriteAsync(_block, CancellationToken.None);

    /// <summary>Verifies and decompresses one page from memory, and makes it into rows.</summary>
    [Benchmark]
    public ValueTask ReadPage() => _reader.ReadPageAsync(_inputs[0], _pages[_nextPage++ % _pages.Length], _page, CancellationToken.None);

    /// <summary>Merges four blocks of 25,000 spans into one.</summary>
    [Benchmark]
    public Task<BlockMeta> MergeBlocks() => _merger.MergeAsync(TenantId.Single, _inputs, CancellationToken.None);
}
