using Google.Protobuf;
using OrleansTempo.Core.Blocks.Format;
using OrleansTempo.Core.Configuration.Ingester;
using OrleansTempo.Core.Ingester;
using OrleansTempo.Core.Ingester.Flush;
using OrleansTempo.Core.Ingester.Live;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Core.Tests.Objects;
using OrleansTempo.Core.Tests.Otlp;
using OrleansTempo.Core.Tests.RemoteWrite.Queue;
using OrleansTempo.Tests.Otlp;
using static OrleansTempo.Core.Tests.Ingester.Log.WalTestData;
using Span = OrleansTempo.Tests.Otlp.Span;

namespace OrleansTempo.Core.Tests.Blocks.Format;

public sealed class BlockReaderTests
{
    private readonly InMemoryObjectStore _store = new();
    private readonly BlockReader _reader;

    public BlockReaderTests() => _reader = new BlockReader(_store);

    private int Reads => _store.Calls.GetValueOrDefault("Read");

    [Fact]
    public async Task The_meta_says_what_the_block_holds()
    {
        var spans = TestBlocks.Spans(50, 4);
        spans[17].StartTimeUnixNano = 1_700_000_000_000_000_100;
        spans[30].EndTimeUnixNano = 1_800_000_000_000_000_199;
        spans[31].EndTimeUnixNano = 5;

        var meta = await TestBlocks.WriteAsync(_store, spans);

        Assert.Equal((Acme, 50, 200, 0, 1), (meta.Tenant, meta.Traces, meta.Spans, meta.CompactionLevel, meta.FormatVersion));
        Assert.Equal(_store[BlockPaths.Data(Acme, meta.BlockId)].Length, meta.SizeBytes);
        Assert.InRange(meta.FooterOffset, 8, meta.SizeBytes - 1);
        Assert.Equal(DateTimeOffset.UnixEpoch.AddTicks(17_000_000_000_000_001), meta.StartTime);
        Assert.Equal(DateTimeOffset.UnixEpoch.AddTicks(18_000_000_000_000_001), meta.EndTime);
        Assert.Equal(new ManualTimeProvider().GetUtcNow(), meta.CreatedAt);
        Assert.True(BlockMetaJson.TryRead(_store[BlockPaths.Meta(Acme, meta.BlockId)], Acme, meta.BlockId, out BlockMeta? stored, out _));
        Assert.Equal(meta, stored);
        Assert.Equal("OTBLOCK\x01"u8.ToArray(), _store[BlockPaths.Data(Acme, meta.BlockId)][..8]);
    }

    [Fact]
    public async Task Times_beyond_the_calendar_do_no_harm()
    {
        var span = TestBatch.Span(new TraceId(1, 1), 1);
        (span.StartTimeUnixNano, span.EndTimeUnixNano) = (0, ulong.MaxValue);

        var meta = await TestBlocks.WriteAsync(_store, span);

        Assert.Equal(DateTimeOffset.UnixEpoch, meta.StartTime);
        Assert.InRange(meta.EndTime, new DateTimeOffset(2554, 1, 1, 0, 0, 0, TimeSpan.Zero), DateTimeOffset.MaxValue);
        SentSpan.AssertAre(TestBlocks.Sent(span)[new TraceId(1, 1)], await _reader.FindAsync(meta, new TraceId(1, 1)));
    }

    [Fact]
    public async Task Every_trace_is_found_whole_and_costs_one_page()
    {
        var spans = TestBlocks.Spans(3000, 5);
        var sent = TestBlocks.Sent(spans);
        var meta = await TestBlocks.WriteAsync(_store, spans);
        var footer = await _reader.OpenAsync(meta, CancellationToken.None);
        Assert.InRange(footer.Pages.Length, 4, 10);
        Assert.Equal(1, Reads);

        foreach (var trace in sent)
        {
            var before = Reads;
            var found = await _reader.FindAsync(meta, trace.Key);
            SentSpan.AssertAre(trace, found);
            Assert.Equal(1, Reads - before);
            Assert.InRange(found.InspectedBytes, 10_000, 1_000_000);
        }
    }

    [Fact]
    public async Task Absent_traces_cost_no_read_except_one_in_thousands()
    {
        var meta = await TestBlocks.WriteAsync(_store, TestBlocks.Spans(2000, 1));
        await _reader.OpenAsync(meta, CancellationToken.None);
        Assert.True(_reader.IsOpen(meta));
        var before = Reads;
        var random = new Random(99);
        for (var i = 0; i < 100_000; i++)
            Assert.Empty((await _reader.FindAsync(meta, i % 2 == 0 ? new TraceId(0, (ulong)i) : new TraceId((ulong)random.NextInt64(), (ulong)random.NextInt64()))).Spans);

        Assert.InRange(Reads - before, 1, 60);
    }

    [Theory]
    [InlineData(100, 1)]
    [InlineData(16_384, 2)]
    [InlineData(16_385, 2)]
    [InlineData(40_000, 4)]
    public async Task A_trace_over_several_pages_is_found_whole_and_so_are_its_neighbours(int large, int pages)
    {
        var others = TestBlocks.Spans(300, 3);
        var trace = new TraceId(1UL << 62, 0);
        var spans = others.Concat(Enumerable.Range(1, large).Select(i => Numbered(trace, i, i / 2)));
        var meta = await TestBlocks.WriteAsync(_store, spans);
        var footer = await _reader.OpenAsync(meta, CancellationToken.None);
        Assert.Equal(301, meta.Traces);
        Assert.Equal(large + 900, footer.Pages.Sum(static p => p.Spans));
        Assert.Equal(pages, footer.Pages.Length);

        var found = await _reader.FindAsync(meta, trace);

        Assert.Equal(large, found.Spans.Count);
        Assert.All(found.Spans, s =>
        {
            SpanIds.TryReadParent(s.Span.Span, out var parent);
            Assert.Equal(s.SpanId / 2, parent);
        });
        var sent = TestBlocks.Sent(others);
        foreach (var other in sent)
            SentSpan.AssertAre(other, await _reader.FindAsync(meta, other.Key));
    }

    [Fact]
    public async Task A_trace_larger_than_a_page_continues_in_the_next()
    {
        var trace = new TraceId(5, 5);
        var spans = Enumerable.Range(1, 60).Select(i =>
        {
            var span = Numbered(trace, i, 0);
            span.TraceState = new string((char)('a' + (i % 26)), 300_000);
            return span;
        }).ToList();
        spans.AddRange(TestBlocks.Spans(10, 2));

        var meta = await TestBlocks.WriteAsync(_store, spans);

        Assert.InRange((await _reader.OpenAsync(meta, CancellationToken.None)).Pages.Length, 3, 4);
        foreach (var sent in TestBlocks.Sent(spans))
            SentSpan.AssertAre(sent, await _reader.FindAsync(meta, sent.Key));
    }

    [Fact]
    public async Task Traces_that_differ_in_one_bit_are_told_apart()
    {
        var ids = Enumerable.Range(0, 64).Select(static bit => new TraceId(0, 1UL << bit)).Concat(Enumerable.Range(0, 64).Select(static bit => new TraceId(1UL << bit, 0))).ToArray();
        var spans = ids.Select(static (id, i) => TestBatch.Span(id, (ulong)i + 1)).ToArray();

        var meta = await TestBlocks.WriteAsync(_store, spans);

        Assert.Equal(128, meta.Traces);
        for (var i = 0; i < ids.Length; i++)
            Assert.Equal((ulong)i + 1, Assert.Single((await _reader.FindAsync(meta, ids[i])).Spans).SpanId);
    }

    [Fact]
    public async Task A_flipped_bit_anywhere_is_harmless_or_reported_as_corruption()
    {
        var spans = TestBlocks.Spans(6, 3);
        var meta = await TestBlocks.WriteAsync(_store, spans);
        var sent = TestBlocks.Sent(spans).ToDictionary(static t => t.Key, static t => t.ToList());
        var absent = new TraceId(7, 7);
        var name = BlockPaths.Data(Acme, meta.BlockId);
        var whole = _store[name].ToArray();
        var corrupt = 0;
        for (var at = 0; at < whole.Length; at++)
        {
            for (var bit = 0; bit < 8; bit += 3)
            {
                var damaged = whole.ToArray();
                damaged[at] ^= (byte)(1 << bit);
                await _store.PutAsync(name, damaged);
                var reader = new BlockReader(_store);
                var allocated = GC.GetAllocatedBytesForCurrentThread();
                foreach (var (trace, expected) in sent.Append(new(absent, [])))
                {
                    try
                    {
                        SentSpan.AssertAre(expected, await reader.FindAsync(meta, trace));
                    }
                    catch (BlockCorruptException e)
                    {
                        Assert.Equal(meta, e.Block);
                        corrupt++;
                    }
                }

                Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - allocated, 0, 2_000_000);
            }
        }

        // Everything but the first bytes, which no reader needs.
        Assert.Equal((whole.Length - BlockWriter.Magic.Length) * 3 * 6, corrupt - AbsentCorrupt());

        // A lookup of an absent trace notices only damage to the footer.
        int AbsentCorrupt() => (int)(meta.SizeBytes - meta.FooterOffset) * 3;
    }

    [Fact]
    public async Task Truncated_or_missing_data_is_corrupt()
    {
        var spans = TestBlocks.Spans(6, 3);
        var meta = await TestBlocks.WriteAsync(_store, spans);
        var trace = TestBlocks.Sent(spans).First();
        var name = BlockPaths.Data(Acme, meta.BlockId);
        var whole = _store[name].ToArray();
        SentSpan.AssertAre(trace, await _reader.FindAsync(meta, trace.Key));
        for (var length = 0; length < whole.Length; length += 7)
        {
            await _store.PutAsync(name, whole.AsMemory(0, length));
            await Assert.ThrowsAsync<BlockCorruptException>(() => new BlockReader(_store).FindAsync(meta, trace.Key));

            // With the footer in memory, only the page is missing.
            if (length < meta.FooterOffset)
                Assert.Contains("truncated", (await Assert.ThrowsAsync<BlockCorruptException>(() => _reader.FindAsync(meta, trace.Key))).Reason);
            else
                SentSpan.AssertAre(trace, await _reader.FindAsync(meta, trace.Key));
        }

        await _store.DeleteAsync(name);
        Assert.Contains("is missing", (await Assert.ThrowsAsync<BlockCorruptException>(() => _reader.FindAsync(meta, trace.Key))).Reason);
    }

    [Fact]
    public async Task A_meta_that_contradicts_the_data_is_corrupt_and_allocates_nothing_for_it()
    {
        var meta = await TestBlocks.WriteAsync(_store, TestBlocks.Spans(6, 3));
        foreach (var wrong in (BlockMeta[])[meta with { FooterOffset = 0 }, meta with { FooterOffset = meta.FooterOffset - 1 }, meta with { FooterOffset = meta.FooterOffset + 1 }, meta with { FooterOffset = meta.SizeBytes - 1 }, meta with { FooterOffset = meta.SizeBytes }, meta with { SizeBytes = meta.SizeBytes - 1 }, meta with { SizeBytes = meta.SizeBytes + 1 }, meta with { SizeBytes = 1L << 40 }])
            await Assert.ThrowsAsync<BlockCorruptException>(() => new BlockReader(_store).FindAsync(wrong, new TraceId(1, 1)));
    }

    [Fact]
    public async Task A_failing_store_does_not_make_a_block_corrupt()
    {
        var meta = await TestBlocks.WriteAsync(_store, TestBlocks.Spans(1, 1));
        _store.Before = static (_, _) => throw new IOException("unplugged");

        await Assert.ThrowsAsync<IOException>(() => _reader.FindAsync(meta, new TraceId(1, 1)));
    }

    [Fact]
    public async Task A_block_that_is_not_completed_has_no_meta()
    {
        var ingester = new TraceIngester(Acme, new LiveTraceCount(), new IngesterOptions(), TimeProvider.System);
        Refusals? refusals = null;
        using (var batch = TestBatch.Of(TestBlocks.Spans(5, 5)))
            ingester.Push(batch.Batch, batch.All, 1, default, ref refusals);
        var block = ingester.Cut(CutReason.Everything)!;
        var flusher = new BlockFlusher(_store, TimeProvider.System);
        foreach (var failing in (string[])["Create", "Put"])
        {
            foreach (var file in (string[])["data", "meta.json"])
            {
                _store.Before = (operation, name) => operation == failing && name.EndsWith(file, StringComparison.Ordinal) ? throw new IOException("full") : Task.CompletedTask;
                if ((failing, file) != ("Create", "meta.json"))
                    await Assert.ThrowsAsync<IOException>(() => flusher.WriteAsync(block, CancellationToken.None));
                Assert.DoesNotContain(_store.Names, static n => n.EndsWith("meta.json", StringComparison.Ordinal));
            }
        }

        // Read again, the block is sound.
        _store.Before = null;
        var meta = await flusher.WriteAsync(block, CancellationToken.None);
        Assert.Equal((block.BlockId, 5, 25), (meta.BlockId, meta.Traces, meta.Spans));
        Assert.Equal(25, (await _reader.ReadAllAsync(meta)).Count);
    }

    [Fact]
    public async Task Pages_follow_each_other_in_the_order_of_trace_IDs_and_the_index_knows_their_times()
    {
        var spans = TestBlocks.Spans(3000, 5);
        var meta = await TestBlocks.WriteAsync(_store, spans);
        var footer = await _reader.OpenAsync(meta, CancellationToken.None);

        var all = await _reader.ReadAllAsync(meta);

        Assert.Equal(all.Select(static s => s.Trace).Order(), all.Select(static s => s.Trace));
        Assert.Equal(15_000, all.Count);
        Assert.Equal(8, footer.Pages[0].Offset);
        Assert.Equal(meta.FooterOffset, footer.Pages[^1].Offset + footer.Pages[^1].Length);
        foreach (var (page, next) in footer.Pages.Zip(footer.Pages.Skip(1)))
            Assert.Equal(next.Offset, page.Offset + page.Length);
        foreach (var page in footer.Pages)
        {
            var starts = all.Take(page.Spans).Select(static s => s.Span.StartTimeUnixNano).ToArray();
            Assert.Equal((starts.Min(), starts.Max(), all[0].Trace), (page.MinStart, page.MaxStart, page.FirstTrace));
            all.RemoveRange(0, page.Spans);
        }
    }

    private static Span Numbered(TraceId trace, int id, int parent)
    {
        var span = TestBatch.Span(trace, (ulong)id, "n");
        span.StartTimeUnixNano = 1_780_000_000_000_000_000 + (ulong)id;
        span.EndTimeUnixNano = span.StartTimeUnixNano + 1;
        if (parent > 0)
            span.ParentSpanId = TestBatch.SpanId((ulong)parent);
        return span;
    }
}
