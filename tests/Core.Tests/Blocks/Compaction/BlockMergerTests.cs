using FsCheck;
using FsCheck.Fluent;
using Google.Protobuf;
using OrleansTempo.Core.Blocks.Compaction;
using OrleansTempo.Core.Blocks.Format;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Core.Tests.Objects;
using OrleansTempo.Core.Tests.Otlp;
using OrleansTempo.Core.Tests.RemoteWrite.Queue;
using OrleansTempo.Tests.Otlp;
using static OrleansTempo.Core.Tests.Ingester.Log.WalTestData;
using Span = OrleansTempo.Tests.Otlp.Span;

namespace OrleansTempo.Core.Tests.Blocks.Compaction;

public sealed class BlockMergerTests
{
    private readonly InMemoryObjectStore _store = new();
    private readonly ManualTimeProvider _time = new();
    private readonly BlockReader _reader;
    private readonly BlockMerger _merger;

    public BlockMergerTests()
    {
        _reader = new BlockReader(_store);
        _merger = new BlockMerger(_store, _reader, _time);
    }

    [Fact]
    public void A_merged_block_has_all_spans_of_its_inputs_each_once()
    {
        var inputs = from requests in OtlpGen.RequestWithValidIds.ListOf().Resize(6)
                     from seed in Gen.Choose(0, int.MaxValue)
                     select (requests, seed);
        Prop.ForAll(inputs.ToArbitrary(), input =>
        {
            // A retry may end up in another block, or in the same one.
            var random = new Random(input.seed);
            var blocks = new List<byte[]>();
            foreach (var request in input.requests.Where(static r => r.ResourceSpans.Any(static s => s.ScopeSpans.Any(static p => p.Spans.Count > 0))))
            {
                var bytes = request.ToByteArray();
                blocks.Add([.. bytes, .. random.Next(3) == 0 ? bytes : [], .. random.Next(3) == 0 && blocks.Count > 0 ? blocks[random.Next(blocks.Count)] : []]);
            }

            if (blocks.Count > 0)
                MergeAsync(blocks).GetAwaiter().GetResult();
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(100));
    }

    [Fact]
    public async Task Large_blocks_that_overlap_are_merged()
    {
        var all = TestBlocks.Spans(2500, 4);
        var random = new Random(3);
        var inputs = Enumerable.Range(0, 4).Select(_ => TestBatch.Request(all.Where(_ => random.Next(3) == 0)).ToByteArray()).ToArray();

        var merged = await MergeAsync(inputs);

        Assert.InRange((await _reader.OpenAsync(merged, CancellationToken.None)).Pages.Length, 2, 5);
    }

    [Fact]
    public async Task A_trace_in_many_blocks_may_become_larger_than_a_page()
    {
        var trace = new TraceId(1UL << 62, 0);
        var others = TestBlocks.Spans(50, 2);

        // Each third of one block is also in the next.
        var inputs = Enumerable.Range(0, 4).Select(i => TestBatch.Request(others.Concat(Enumerable.Range((i * 6000) + 1, 9000).Select(n => TestBatch.Span(trace, (ulong)n)))).ToByteArray()).ToArray();

        var merged = await MergeAsync(inputs);

        Assert.Equal((51, 100 + 27_000), (merged.Traces, merged.Spans));
        Assert.Equal(27_000, (await _reader.FindAsync(merged, trace)).Spans.Count);
        Assert.Equal(3, (await _reader.OpenAsync(merged, CancellationToken.None)).Pages.Length);
    }

    [Fact]
    public async Task A_client_and_a_server_that_share_an_ID_are_two_spans()
    {
        var server = TestBatch.Span(new TraceId(1, 1), 5, "s");
        server.Kind = Span.Types.SpanKind.Server;
        var client = TestBatch.Span(new TraceId(1, 1), 5, "c");
        client.Kind = Span.Types.SpanKind.Client;

        var merged = await MergeAsync([TestBatch.Request(server).ToByteArray(), TestBatch.Request(client, server).ToByteArray()]);

        Assert.Equal(2, merged.Spans);
    }

    [Fact]
    public async Task One_block_alone_is_rewritten_without_its_duplicates_and_a_merged_one_is_merged_again()
    {
        var spans = TestBlocks.Spans(20, 2);
        var first = await _merger.MergeAsync(Acme, [await TestBlocks.WriteAsync(_store, spans.Concat(spans))], CancellationToken.None);
        Assert.Equal((1, 20, 40), (first.CompactionLevel, first.Traces, first.Spans));

        var second = await _merger.MergeAsync(Acme, [await TestBlocks.WriteAsync(_store, spans), first], CancellationToken.None);

        Assert.Equal((2, 20, 40), (second.CompactionLevel, second.Traces, second.Spans));
        Assert.Equal(40, (await _reader.ReadAllAsync(second)).Count);
    }

    [Fact]
    public async Task A_corrupt_input_is_named_and_no_block_is_written()
    {
        var spans = TestBlocks.Spans(2000, 3);
        var sound = await TestBlocks.WriteAsync(_store, spans.Take(3000));
        var broken = await TestBlocks.WriteAsync(_store, spans.Skip(3000));
        var name = BlockPaths.Data(Acme, broken.BlockId);
        var whole = _store[name].ToArray();

        // In the first page, in the last one and in the footer; then everything is gone.
        foreach (var at in (long[])[20, broken.FooterOffset - 1, broken.FooterOffset + 5, -1])
        {
            var damaged = whole.ToArray();
            if (at >= 0)
                damaged[at] ^= 4;
            await _store.PutAsync(name, at < 0 ? [] : damaged);
            var before = _store.Names;
            var merger = new BlockMerger(_store, new BlockReader(_store), _time);

            var e = await Assert.ThrowsAsync<BlockCorruptException>(() => merger.MergeAsync(Acme, [sound, broken], CancellationToken.None));

            Assert.Equal(broken, e.Block);
            Assert.Contains($"{broken.BlockId}", e.Message);
            Assert.Equal(before, _store.Names);
        }
    }

    [Theory]
    [InlineData("Create", "data")]
    [InlineData("Put", "data")]
    [InlineData("Put", "meta.json")]
    public async Task A_store_that_fails_leaves_no_meta(string operation, string file)
    {
        var input = await TestBlocks.WriteAsync(_store, TestBlocks.Spans(10, 1));
        _store.Before = (o, name) => o == operation && name.EndsWith(file, StringComparison.Ordinal) ? throw new IOException("full") : Task.CompletedTask;

        await Assert.ThrowsAsync<IOException>(() => _merger.MergeAsync(Acme, [input, input], CancellationToken.None));

        Assert.Single(_store.Names, static n => n.EndsWith("meta.json", StringComparison.Ordinal));
    }

    // Merges blocks of these requests and compares the result with the union of what was sent.
    private async Task<BlockMeta> MergeAsync(IReadOnlyList<byte[]> requests)
    {
        var inputs = new List<BlockMeta>();
        foreach (var request in requests)
            inputs.Add(await TestBlocks.WriteAsync(_store, request));
        _time.Advance(TimeSpan.FromMinutes(1));

        var merged = await _merger.MergeAsync(Acme, inputs, CancellationToken.None);

        var sent = requests.SelectMany(SentSpan.AllOf).ToLookup(static s => (s.TraceId, s.Key));
        var read = await _reader.ReadAllAsync(merged);
        Assert.Equal(read.Select(static r => r.Trace).Order(), read.Select(static r => r.Trace));
        Assert.Equal(sent.Select(static s => s.Key).Order(), read.Select(static r => (r.Trace, (r.Span.SpanId, r.Span.Kind))).Order());
        foreach (var (trace, span) in read)
        {
            var copies = sent[(trace, (span.SpanId, span.Kind))].ToArray();
            if (copies.Length == 1)
                copies[0].AssertIs(span);
            else
                Assert.Contains(copies, c => c.Span.Equals(Span.Parser.ParseFrom(span.Span.Span)));
        }

        Assert.Equal((Acme, inputs.Max(static i => i.CompactionLevel) + 1, _time.GetUtcNow()), (merged.Tenant, merged.CompactionLevel, merged.CreatedAt));
        Assert.Equal((read.Select(static r => r.Trace).Distinct().Count(), read.Count), (merged.Traces, merged.Spans));
        Assert.InRange(merged.StartTime, inputs.Min(static i => i.StartTime), inputs.Max(static i => i.EndTime));
        Assert.InRange(merged.EndTime, merged.StartTime, inputs.Max(static i => i.EndTime));
        if (sent.All(static s => s.Count() == 1))
            Assert.Equal((inputs.Min(static i => i.StartTime), inputs.Max(static i => i.EndTime)), (merged.StartTime, merged.EndTime));
        Assert.DoesNotContain(merged.BlockId, inputs.Select(static i => i.BlockId));
        Assert.Contains(BlockPaths.Meta(Acme, merged.BlockId), _store.Names);
        return merged;
    }
}
