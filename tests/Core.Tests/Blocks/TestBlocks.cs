using Google.Protobuf;
using OrleansTempo.Core.Blocks.Format;
using OrleansTempo.Core.Blocks.Format.Pages;
using OrleansTempo.Core.Configuration.Ingester;
using OrleansTempo.Core.Ingester;
using OrleansTempo.Core.Ingester.Flush;
using OrleansTempo.Core.Ingester.Live;
using OrleansTempo.Core.Objects;
using OrleansTempo.Core.Otlp;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Core.Tests.Otlp;
using OrleansTempo.Tests.Otlp;
using static OrleansTempo.Core.Tests.Ingester.Log.WalTestData;
using Span = OrleansTempo.Tests.Otlp.Span;

namespace OrleansTempo.Core.Tests.Blocks;

/// <summary>Blocks as an ingester cuts them, and what is in them.</summary>
internal static class TestBlocks
{
    public static readonly DateTimeOffset CreatedAt = new(2026, 5, 28, 12, 0, 0, TimeSpan.Zero);

    /// <summary>Writes these spans, of any traces, as one block.</summary>
    public static Task<BlockMeta> WriteAsync(IObjectStore store, params IEnumerable<Span> spans) => WriteAsync(store, TestBatch.Request(spans).ToByteArray());

    public static async Task<BlockMeta> WriteAsync(IObjectStore store, byte[] request)
    {
        var time = new ManualTimeProvider();
        var ingester = new TraceIngester(Acme, new LiveTraceCount(), new IngesterOptions(), time);
        Refusals? refusals = null;
        using (var batch = TestBatch.Of(request))
            ingester.Push(batch.Batch, batch.All, 1, default, ref refusals);
        var block = ingester.Cut(CutReason.Everything)!;
        var meta = await new BlockFlusher(store, time).WriteAsync(block, CancellationToken.None);
        ingester.Flushed(block, meta);
        return meta;
    }

    /// <summary>Spans of this many traces, with IDs spread like random ones, and with parents, attributes and events.</summary>
    public static List<Span> Spans(int traces, int spansPerTrace, int seed = 1)
    {
        var random = new Random(seed);
        var spans = new List<Span>();
        for (var t = 0; t < traces; t++)
        {
            var trace = new TraceId((ulong)random.NextInt64(), (ulong)random.NextInt64());
            var first = spans.Count;
            for (var i = 0; i < spansPerTrace; i++)
            {
                var span = TestBatch.Span(trace, (ulong)random.NextInt64(1, long.MaxValue), $"name {random.Next(20)}");
                span.Kind = (Span.Types.SpanKind)random.Next(6);
                span.StartTimeUnixNano = 1_780_000_000_000_000_000 + (ulong)random.Next(1_000_000_000);
                span.EndTimeUnixNano = span.StartTimeUnixNano + (ulong)random.Next(1_000_000);
                if (i > 0)
                    span.ParentSpanId = spans[first + random.Next(i)].SpanId;
                span.Attributes.Add(new KeyValue { Key = "http.method", Value = new AnyValue { StringValue = random.Next(2) == 0 ? "GET" : "POST" } });
                span.Attributes.Add(new KeyValue { Key = "url", Value = new AnyValue { StringValue = $"/cart/{random.Next(100_000)}" } });
                if (random.Next(10) == 0)
                    span.Events.Add(new Span.Types.Event { Name = "retry", TimeUnixNano = span.StartTimeUnixNano });
                spans.Add(span);
            }
        }

        return spans;
    }

    /// <summary>The spans as they must be found.</summary>
    public static ILookup<TraceId, SentSpan> Sent(params IEnumerable<Span> spans) => SentSpan.AllOf(TestBatch.Request(spans).ToByteArray()).ToLookup(static s => s.TraceId);

    public static async Task<TraceSpans> FindAsync(this BlockReader reader, BlockMeta block, TraceId trace)
    {
        var found = new TraceSpans(trace);
        await reader.FindAsync(block, trace, found, CancellationToken.None);
        return found;
    }

    /// <summary>All spans of a block, in its order.</summary>
    public static async Task<List<(TraceId Trace, FoundSpan Span)>> ReadAllAsync(this BlockReader reader, BlockMeta block)
    {
        var all = new List<(TraceId, FoundSpan)>();
        var footer = await reader.OpenAsync(block, CancellationToken.None);
        var page = new BlockPage();
        foreach (var entry in footer.Pages)
        {
            await reader.ReadPageAsync(block, entry, page, CancellationToken.None);
            var restorer = new SpanRestorer(page.Dictionary);
            foreach (var trace in page.Traces.ToArray())
            {
                for (var span = trace.FirstSpan; span < trace.FirstSpan + trace.SpanCount; span++)
                    all.Add((trace.TraceId, restorer.Restore(trace.TraceId, page.Row(span), page.Inline(span), page.Other(span))));
            }
        }

        return all;
    }
}
