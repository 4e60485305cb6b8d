using Google.Protobuf;
using OrleansTempo.Core.Blocks.Format;
using OrleansTempo.Core.Tests.Objects;
using OrleansTempo.Core.Tests.Otlp;
using OrleansTempo.Core.Tests.RemoteWrite.Queue;
using OrleansTempo.Tests.Otlp;
using static OrleansTempo.Core.Tests.Ingester.Log.WalTestData;

namespace OrleansTempo.Core.Tests.Blocks.Format;

/// <summary>
/// A block as it was first written, which must be readable for ever; tests/golden/README.md says what it holds. When the format changes, it stays,
/// and another one is added.
/// </summary>
public sealed class GoldenBlockTests
{
    private static readonly string s_golden = Path.Combine(AppContext.BaseDirectory, "golden");

    [Fact]
    public async Task The_first_block_is_read_and_holds_the_golden_bodies()
    {
        var data = await File.ReadAllBytesAsync(Path.Combine(s_golden, "block-v1", "data"));
        var json = await File.ReadAllBytesAsync(Path.Combine(s_golden, "block-v1", "meta.json"));
        var id = Guid.Parse("019e88e1-0000-7000-8000-0000000000b1");
        Assert.True(BlockMetaJson.TryRead(json, Acme, id, out BlockMeta? meta, out var error), error?.Message);
        var store = new InMemoryObjectStore();
        await store.PutAsync(BlockPaths.Data(Acme, id), data);

        var read = await new BlockReader(store).ReadAllAsync(meta);

        Assert.Equal((1, data.Length, read.Count), (meta.FormatVersion, meta.SizeBytes, meta.Spans));
        var sent = SentSpan.AllOf(Bodies()).ToLookup(static s => s.TraceId);
        Assert.Equal(sent.Count, meta.Traces);
        foreach (var trace in sent)
            SentSpan.AssertAre(trace, await new BlockReader(store).FindAsync(meta, trace.Key));
    }

    /// <summary>Today's program still writes such a block; if GOLDEN_BLOCK_FOLDER names a folder, the block is saved there.</summary>
    [Fact]
    public async Task A_block_of_the_same_bodies_written_now_is_read_the_same()
    {
        var store = new InMemoryObjectStore();
        var written = await TestBlocks.WriteAsync(store, Bodies());
        foreach (var trace in SentSpan.AllOf(Bodies()).GroupBy(static s => s.TraceId))
            SentSpan.AssertAre(trace, await new BlockReader(store).FindAsync(written, trace.Key));

        if (Environment.GetEnvironmentVariable("GOLDEN_BLOCK_FOLDER") is not { } folder)
            return;
        var meta = written with { BlockId = Guid.Parse("019e88e1-0000-7000-8000-0000000000b1") };
        await File.WriteAllBytesAsync(Path.Combine(folder, "data"), store[BlockPaths.Data(Acme, written.BlockId)]);
        await File.WriteAllBytesAsync(Path.Combine(folder, "meta.json"), BlockMetaJson.Write(meta).ToArray());
    }

    // All of them as one request, plus one trace with many values of a key, so that some are inline.
    private static byte[] Bodies()
    {
        var all = new ExportTraceServiceRequest();
        foreach (var body in Directory.GetFiles(s_golden, "*.otlp.pb").Order(StringComparer.Ordinal))
            all.MergeFrom(File.ReadAllBytes(body));
        all.MergeFrom(TestBatch.Request(Enumerable.Range(1, 400).Select(static i =>
        {
            var span = TestBatch.Span(new TraceId(0xB10C, 1), (ulong)i, $"GET /{i % 7}");
            span.StartTimeUnixNano = 1_780_000_000_000_000_000 + ((ulong)i * 1000);
            span.EndTimeUnixNano = span.StartTimeUnixNano + ((ulong)i * 1000);
            span.ParentSpanId = i == 1 ? ByteString.Empty : TestBatch.SpanId((ulong)i / 2);
            span.Attributes.Add(new KeyValue { Key = "url", Value = new AnyValue { StringValue = $"/cart/{i}" } });
            if (i % 100 == 0)
                span.Events.Add(new OrleansTempo.Tests.Otlp.Span.Types.Event { Name = "retry" });
            return span;
        })).ToByteArray());

        // Spans without valid IDs never reach a block.
        foreach (var scope in all.ResourceSpans.SelectMany(static r => r.ScopeSpans))
        {
            foreach (var invalid in scope.Spans.Where(static s => s.TraceId.Length != TraceId.Length || s.SpanId.Length != 8).ToArray())
                scope.Spans.Remove(invalid);
        }

        return all.ToByteArray();
    }
}
