using Google.Protobuf;
using OrleansTempo.Core.Blocks.Format;
using OrleansTempo.Core.Configuration.Ingester;
using OrleansTempo.Core.Ingester;
using OrleansTempo.Core.Ingester.Flush;
using OrleansTempo.Core.Ingester.Live;
using OrleansTempo.Core.Otlp;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Core.Tests.Blocks;
using OrleansTempo.Core.Tests.Objects;
using OrleansTempo.Core.Tests.Otlp;
using OrleansTempo.Tests.Otlp;
using static OrleansTempo.Core.Tests.Ingester.Log.WalTestData;
using Span = OrleansTempo.Tests.Otlp.Span;

namespace OrleansTempo.Core.Tests.Ingester;

public sealed class TraceIngesterTests
{
    private static readonly IngesterOptions s_options = new()
    {
        TraceIdlePeriod = TimeSpan.FromSeconds(5),
        TraceLivePeriod = TimeSpan.FromSeconds(30),
        MaxBlockBytes = 1 << 20,
        MaxBlockDuration = TimeSpan.FromMinutes(10),
        CompleteBlockTimeout = TimeSpan.FromMinutes(15),
    };

    private readonly ManualTimeProvider _time = new();
    private readonly LiveTraceCount _live = new();
    private readonly InMemoryObjectStore _store = new();
    private readonly TraceIngester _ingester;
    private readonly BlockFlusher _flusher;
    private readonly BlockReader _reader;
    private ulong _lastId;

    public TraceIngesterTests()
    {
        _ingester = Ingester(s_options);
        _flusher = new BlockFlusher(_store, _time);
        _reader = new BlockReader(_store);
    }

    [Fact]
    public async Task A_trace_is_found_while_it_is_live_cut_and_being_written_and_then_in_its_block_alone()
    {
        var sent = Push(1, Trace(1), Trace(1), Trace(2));
        AssertFound(sent, 1);
        Assert.False(_ingester.IsEmpty);

        Advance(5);
        Assert.Null(_ingester.Cut(CutReason.Due));
        Assert.Equal(0, _live.Value);
        AssertFound(sent, 1);

        var block = _ingester.Cut(CutReason.Memory)!;
        Assert.Equal((Acme, 2), (block.Tenant, block.Traces));
        AssertFound(sent, 1);

        var meta = await _flusher.WriteAsync(block, CancellationToken.None);
        AssertFound(sent, 1);
        _ingester.Flushed(block, meta);
        Assert.Empty(Find(1).Spans);
        Assert.Equal([meta], _ingester.FlushedBlocks);
        SentSpan.AssertAre(sent.Where(s => s.TraceId == Id(1)), await FindInBlockAsync(meta, 1));
        SentSpan.AssertAre(sent.Where(s => s.TraceId == Id(2)), await FindInBlockAsync(meta, 2));
    }

    [Fact]
    public void A_trace_that_was_never_sent_is_not_found()
    {
        Push(1, Trace(1));

        Assert.Empty(Find(2).Spans);
        Assert.Equal(0, Find(2).InspectedBytes);
    }

    [Fact]
    public void A_trace_is_cut_when_no_span_has_arrived_for_the_idle_period()
    {
        Push(1, Trace(1), Trace(2));
        Advance(4);
        Push(1, Trace(2));
        Advance(0.999);
        _ingester.Cut(CutReason.Due);
        Assert.Equal(2, _live.Value);

        Advance(0.001);
        _ingester.Cut(CutReason.Due);
        Assert.Equal(1, _live.Value);
        Assert.True(_ingester.CutBytes > 0);

        Advance(4);
        _ingester.Cut(CutReason.Due);
        Assert.Equal(0, _live.Value);
    }

    [Fact]
    public void A_trace_that_never_rests_is_cut_after_the_live_period()
    {
        for (var second = 0; second < 30; second++)
        {
            Push(1, Trace(1));
            _ingester.Cut(CutReason.Due);
            Assert.Equal(1, _live.Value);
            Advance(1);
        }

        _ingester.Cut(CutReason.Due);
        Assert.Equal(0, _live.Value);
    }

    [Fact]
    public void A_late_span_makes_a_cut_trace_live_again_and_it_stays_one_piece()
    {
        var sent = Push(1, Trace(1), Trace(2));
        Advance(5);
        _ingester.Cut(CutReason.Due);

        sent.AddRange(Push(2, Trace(1)));

        Assert.Equal(1, _live.Value);
        Assert.Equal(2, _ingester.TracesCreated);
        var block = _ingester.Cut(CutReason.Memory)!;
        Assert.Equal(1, block.Traces);
        AssertFound(sent, 1);
        Advance(5);
        Assert.Equal(1, _ingester.Cut(CutReason.Memory)!.Traces);
        AssertFound(sent, 1);
    }

    [Fact]
    public async Task A_late_span_after_the_block_was_cut_makes_another_piece_and_all_of_it_is_found()
    {
        var sent = Push(1, Trace(1));
        Advance(5);
        var first = _ingester.Cut(CutReason.Memory)!;

        sent.AddRange(Push(2, Trace(1)));

        AssertFound(sent, 1);
        Assert.Equal((1, 2L), (_live.Value, _ingester.TracesCreated));
        await FlushAsync(first);
        AssertFound([sent[1]], 1);
        var second = _ingester.Cut(CutReason.Everything)!;
        AssertFound([sent[1]], 1);
        Assert.NotEqual(first.BlockId, second.BlockId);
        await FlushAsync(second);
        Assert.Equal(0, _live.Value);
    }

    [Fact]
    public void The_same_span_twice_is_found_once()
    {
        var span = TestBatch.Span(Id(1), 7, "a");
        Push(1, span, span);
        Push(1, span);

        Assert.Single(Find(1).Spans);
        Assert.Equal(3 * span.CalculateSize(), Find(1).InspectedBytes);

        // A client and a server span that share an ID, as in Zipkin, are two spans.
        span.Kind = Span.Types.SpanKind.Client;
        Push(1, span);
        Assert.Equal(2, Find(1).Spans.Count);
    }

    [Fact]
    public void A_block_is_due_when_its_cut_traces_take_enough_memory()
    {
        var ingester = Ingester(s_options with { MaxBlockBytes = 200_000 });
        CutBlock? block = null;
        long bytesBefore = 0;
        for (ulong i = 1; i < 10_000 && block is null; i += 100)
        {
            for (ulong trace = i; trace < i + 100; trace++)
                PushTo(ingester, 1, default, Trace(trace));
            Advance(5);
            bytesBefore = ingester.MemoryBytes;
            block = ingester.Cut(CutReason.Due);
        }

        Assert.InRange(bytesBefore, 200_000, 260_000);
        Assert.Equal(ingester.MemoryBytes, block!.MemoryBytes);
        Assert.Equal(0, ingester.UncutBytes);
    }

    [Fact]
    public void Live_traces_do_not_count_towards_a_block()
    {
        var ingester = Ingester(s_options with { MaxBlockBytes = 200_000 });
        for (ulong i = 1; i < 5000; i++)
            PushTo(ingester, 1, default, Trace(i));
        Assert.True(ingester.UncutBytes > 400_000);

        Assert.Null(ingester.Cut(CutReason.Due));

        Assert.Equal(0, ingester.CutBytes);
        Advance(5);
        Assert.NotNull(ingester.Cut(CutReason.Due));
    }

    [Fact]
    public void A_block_is_due_when_its_first_trace_was_cut_long_enough_ago()
    {
        Push(1, Trace(1));
        Advance(5);
        Assert.Null(_ingester.Cut(CutReason.Due));
        Push(1, Trace(2));
        Advance(599.999);
        Assert.Null(_ingester.Cut(CutReason.Due));
        Advance(0.001);

        Assert.Equal(2, _ingester.Cut(CutReason.Due)!.Traces);

        // And the next one counts from its own first trace.
        Push(1, Trace(3));
        Advance(300);
        Assert.Null(_ingester.Cut(CutReason.Due));
        Advance(599.999);
        Assert.Null(_ingester.Cut(CutReason.Due));
        Advance(0.001);
        Assert.NotNull(_ingester.Cut(CutReason.Due));
    }

    [Fact]
    public async Task A_trace_that_gets_spans_for_ever_still_goes_into_blocks_and_releases_the_log()
    {
        var newest = 0;
        for (var second = 0; second < 3600; second++)
        {
            newest = second / 60;
            Push(newest, Trace(1));
            if (_ingester.Cut(CutReason.Due) is { } block)
                await FlushAsync(block);
            Advance(1);
        }

        Assert.InRange(_ingester.OldestSegment, newest - 12, newest);
        Assert.InRange(_store.Names.Count(static n => n.EndsWith("meta.json", StringComparison.Ordinal)), 5, 6);
    }

    [Fact]
    public async Task Live_traces_move_to_the_next_generation_whole()
    {
        // With more values than are shared, with names and events, so that every part of a row moves.
        var sent = new List<SentSpan>();
        for (var i = 0; i < 400; i++)
        {
            sent.AddRange(Push(1, Rich(1, i)));
            Push(1, Rich(2, i));
        }

        Advance(5);
        sent.AddRange(Push(2, Rich(1, 1000)));

        var block = _ingester.Cut(CutReason.Memory)!;

        Assert.Equal((1, 1), (block.Traces, _live.Value));
        AssertFound(sent, 1);
        await FlushAsync(block);
        AssertFound(sent, 1);
        sent.AddRange(Push(3, Rich(1, 1001)));
        sent.AddRange(Push(3, Rich(1, 5)));
        AssertFound(sent, 1);

        var last = _ingester.Cut(CutReason.Everything)!;
        SentSpan.AssertAre(sent, await FindInBlockAsync(await FlushAsync(last), 1));
    }

    [Fact]
    public void When_memory_is_short_a_block_of_idle_traces_is_cut_however_small()
    {
        Push(1, Trace(1));
        Assert.Null(_ingester.Cut(CutReason.Memory));
        Advance(4);
        Push(1, Trace(2));
        Advance(1);

        Assert.Equal(1, _ingester.Cut(CutReason.Memory)!.Traces);
        Assert.Equal(1, _live.Value);
    }

    [Fact]
    public void Everything_is_cut_live_or_not()
    {
        Push(1, Trace(1));
        Advance(5);
        _ingester.Cut(CutReason.Due);
        Push(1, Trace(2));

        Assert.Equal(2, _ingester.Cut(CutReason.Everything)!.Traces);
        Assert.Equal(0, _live.Value);
        Assert.Null(_ingester.Cut(CutReason.Everything));
    }

    [Fact]
    public void A_tenant_has_exactly_the_maximum_number_of_live_traces_in_all_its_partitions()
    {
        var other = Ingester(s_options);
        var limits = new IngesterLimits { MaxTraces = 3 };
        Assert.Null(PushTo(_ingester, 1, limits, Trace(1), Trace(2)));
        Assert.Null(PushTo(other, 1, limits, Trace(3)));

        var refused = PushTo(_ingester, 1, limits, Trace(1), Trace(4), Trace(4), Trace(2), Trace(5))!;

        Assert.Equal([1, 2, 4], refused.Spans);
        Assert.Equal((3, 0), (refused.LiveTracesExceeded.Count, refused.TracesTooLarge.Count));
        Assert.Equal([0], PushTo(other, 1, limits, Trace(6))!.Spans);
        Assert.Equal(3, _live.Value);
        Assert.Equal((2, 1), (_ingester.TracesCreated, other.TracesCreated));
        Assert.Equal(2, Find(1).Spans.Count);
        Assert.Empty(Find(4).Spans);

        // A cut trace makes room for another, and exceeds the limit itself when a late span revives it.
        Advance(5);
        other.Cut(CutReason.Due);
        Assert.Null(PushTo(_ingester, 1, limits, Trace(4)));
        Assert.Single(PushTo(other, 1, limits, Trace(3))!.LiveTracesExceeded);
        Assert.Single(Find(other, 3).Spans);
        Assert.Equal(1, other.Cut(CutReason.Memory)!.Traces);
    }

    [Fact]
    public void A_trace_holds_up_to_its_maximum_bytes_and_smaller_spans_still_fit()
    {
        var size = Trace(1).CalculateSize();
        var limits = new IngesterLimits { MaxBytesPerTrace = 3 * size };
        Assert.Null(PushTo(_ingester, 1, limits, Trace(1), Trace(1)));
        var large = Trace(1);
        large.TraceState = "too much";

        var refused = PushTo(_ingester, 1, limits, large, Trace(1), Trace(1), Trace(2))!;

        Assert.Equal([0, 2], refused.Spans);
        Assert.Equal((0, 2), (refused.LiveTracesExceeded.Count, refused.TracesTooLarge.Count));
        Assert.Equal(3, Find(1).Spans.Count);
        Assert.Single(Find(2).Spans);

        // As long as it is held, cut or not.
        Advance(5);
        _ingester.Cut(CutReason.Due);
        Assert.Single(PushTo(_ingester, 1, limits, Trace(1))!.TracesTooLarge);
        _ingester.Cut(CutReason.Everything);
        Assert.Null(PushTo(_ingester, 1, limits, Trace(1)));
    }

    [Theory]
    [InlineData(1, 0)]
    [InlineData(0, 1)]
    public void Refused_spans_leave_nothing_behind(int maxTraces, int maxBytes)
    {
        _live.TryAdd(0);
        var limits = new IngesterLimits { MaxTraces = maxTraces, MaxBytesPerTrace = maxBytes };

        var refused = PushTo(_ingester, 3, limits, Trace(1), Trace(1), Trace(2))!;

        Assert.Equal(3, refused.Spans.Count);
        Assert.Equal(1, _live.Value);
        Assert.True(_ingester.IsEmpty);
        Assert.Equal((0, 0), (_ingester.TracesCreated, _ingester.CutBytes));

        // The table in which it was looked up, once.
        Assert.InRange(_ingester.MemoryBytes, 0, 2000);
        Assert.Equal(long.MaxValue, _ingester.OldestSegment);
        Assert.Empty(Find(1).Spans);
        Assert.Null(_ingester.Cut(CutReason.Everything));
    }

    [Fact]
    public async Task The_oldest_segment_is_the_first_of_a_span_in_no_complete_block()
    {
        Assert.Equal(long.MaxValue, _ingester.OldestSegment);
        Push(3, Trace(1));
        Push(4, Trace(2));
        Assert.Equal(3, _ingester.OldestSegment);
        Advance(4);
        Push(6, Trace(2));
        Advance(1);

        // Trace 1 leaves; trace 2, with its first span in segment 4, stays.
        var first = _ingester.Cut(CutReason.Memory)!;
        Assert.Equal((3, 3), (first.OldestSegment, _ingester.OldestSegment));
        Push(7, Trace(3));
        await FlushAsync(first);
        Assert.Equal(4, _ingester.OldestSegment);

        var second = _ingester.Cut(CutReason.Everything)!;
        Push(9, Trace(4));
        Assert.Equal(4, _ingester.OldestSegment);
        var third = _ingester.Cut(CutReason.Everything)!;
        await FlushAsync(third);
        Assert.Equal(4, _ingester.OldestSegment);
        await FlushAsync(second);
        Assert.Equal(long.MaxValue, _ingester.OldestSegment);
    }

    [Fact]
    public async Task A_block_is_flushed_once_and_by_the_ingester_that_cut_it()
    {
        Push(1, Trace(1));
        var block = _ingester.Cut(CutReason.Everything)!;
        var meta = await FlushAsync(block);

        Assert.Contains($"{block.BlockId}", Assert.Throws<InvalidOperationException>(() => _ingester.Flushed(block, meta)).Message);

        Push(1, Trace(1));
        var another = _ingester.Cut(CutReason.Everything)!;
        Assert.Throws<InvalidOperationException>(() => Ingester(s_options).Flushed(another, meta));
        Assert.Single(Find(1).Spans);
    }

    [Fact]
    public async Task Flushed_blocks_are_reported_until_every_querier_has_listed_them()
    {
        Push(1, Trace(1));
        var first = await FlushAsync(_ingester.Cut(CutReason.Everything)!);
        Advance(60);
        Push(1, Trace(1));
        var second = await FlushAsync(_ingester.Cut(CutReason.Everything)!);

        Advance((14 * 60) - 0.001);
        _ingester.Cut(CutReason.Due);
        Assert.Equal([first, second], _ingester.FlushedBlocks);
        Advance(0.001);
        _ingester.Cut(CutReason.Due);
        Assert.Equal([second], _ingester.FlushedBlocks);
        Assert.False(_ingester.IsEmpty);
        Advance(60);
        _ingester.Cut(CutReason.Due);
        Assert.True(_ingester.IsEmpty);
    }

    [Fact]
    public async Task Memory_is_counted_and_goes_back_to_nothing()
    {
        for (var i = 0; i < 2000; i++)
            Push(1, Rich((ulong)(i % 100) + 1, i));
        var held = _ingester.MemoryBytes;
        Assert.InRange(held, 200_000, 2_000_000);
        Assert.Equal(held, _ingester.UncutBytes);

        var block = _ingester.Cut(CutReason.Everything)!;
        Assert.Equal((held, 0, 0), (_ingester.MemoryBytes, _ingester.UncutBytes, _ingester.CutBytes));
        await FlushAsync(block);

        Assert.Equal(0, _ingester.MemoryBytes);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public async Task Whatever_happens_it_holds_what_a_plain_dictionary_would(int seed)
    {
        var random = new Random(seed);
        var options = s_options with { MaxBlockBytes = long.MaxValue, MaxBlockDuration = TimeSpan.FromSeconds(90) };
        var ingester = Ingester(options);
        var model = new IngesterModel(options, _time);
        var writing = new List<(CutBlock Block, Dictionary<TraceId, List<SentSpan>> Model)>();
        var segment = 1;
        for (var step = 0; step < 600; step++)
        {
            switch (random.Next(10))
            {
                case < 5:
                    var traces = Enumerable.Range(0, random.Next(1, 6)).Select(_ => Rich((ulong)random.Next(1, 30), random.Next(2000))).ToArray();
                    segment += random.Next(2);
                    Assert.Null(PushTo(ingester, segment, default, traces));
                    model.Push(Sent(traces), segment);
                    break;
                case < 7:
                    Advance(random.Next(12));
                    break;
                case < 9:
                    var reason = random.Next(8) switch { 0 => CutReason.Everything, 1 => CutReason.Memory, _ => CutReason.Due };
                    var block = ingester.Cut(reason);
                    var expected = model.Cut(reason);
                    Assert.Equal(expected?.Count, block?.Traces);
                    if (block is not null)
                        writing.Add((block, expected!));
                    break;
                case 9 when writing.Count > 0:
                    var (written, content) = writing[random.Next(writing.Count)];
                    var meta = await _flusher.WriteAsync(written, CancellationToken.None);
                    ingester.Flushed(written, meta);
                    writing.RemoveAll(w => w.Block == written);
                    model.Flushed(content);
                    Assert.Equal((content.Count, content.Values.Sum(static s => s.Count)), (meta.Traces, meta.Spans));
                    foreach (var (trace, spans) in content)
                        SentSpan.AssertAre(spans, await FindInBlockAsync(meta, trace.Low));
                    break;
            }

            Assert.Equal(model.LiveTraces, _live.Value);
            Assert.InRange(ingester.OldestSegment, 0, model.OldestSegment);
            var asked = (ulong)random.Next(1, 31);
            SentSpan.AssertAre(model.Find(Id(asked)), Find(ingester, asked));
        }
    }

    private static TraceId Id(ulong trace) => new(0, trace);

    private static List<SentSpan> Sent(params Span[] spans) => SentSpan.AllOf(TestBatch.Request(spans).ToByteArray());

    // A span of the trace with an ID of its own.
    private Span Trace(ulong trace) => TestBatch.Span(Id(trace), ++_lastId, "a span");

    // A trace with a bit of everything, some of it too diverse to be shared.
    private Span Rich(ulong trace, int n)
    {
        var span = Trace(trace);
        span.Name = $"name {n % 50}";
        span.ParentSpanId = TestBatch.SpanId(_lastId - (ulong)(n % 3));
        span.StartTimeUnixNano = _time.NowNanos + (ulong)n;
        span.EndTimeUnixNano = span.StartTimeUnixNano + ((ulong)n * 1000);
        span.Attributes.Add(new KeyValue { Key = "url", Value = new AnyValue { StringValue = $"/{n}" } });
        span.Attributes.Add(new KeyValue { Key = "method", Value = new AnyValue { StringValue = "GET" } });
        if (n % 2 == 0)
            span.Events.Add(new Span.Types.Event { Name = $"event {n}" });
        return span;
    }

    private TraceIngester Ingester(IngesterOptions options) => new(Acme, _live, options, _time);

    private void Advance(double seconds) => _time.Advance(TimeSpan.FromSeconds(seconds));

    private List<SentSpan> Push(long segment, params Span[] spans)
    {
        Assert.Null(PushTo(_ingester, segment, default, spans));
        return Sent(spans);
    }

    private static Refusals? PushTo(TraceIngester ingester, long segment, IngesterLimits limits, params Span[] spans)
    {
        Refusals? refusals = null;
        using var batch = TestBatch.Of(spans);
        ingester.Push(batch.Batch, batch.All, segment, limits, ref refusals);
        return refusals;
    }

    private TraceSpans Find(ulong trace) => Find(_ingester, trace);

    private static TraceSpans Find(TraceIngester ingester, ulong trace)
    {
        var found = new TraceSpans(Id(trace));
        ingester.Find(Id(trace), found);
        return found;
    }

    private void AssertFound(List<SentSpan> sent, ulong trace) => SentSpan.AssertAre(sent.Where(s => s.TraceId == Id(trace)), Find(trace));

    private async Task<BlockMeta> FlushAsync(CutBlock block)
    {
        var meta = await _flusher.WriteAsync(block, CancellationToken.None);
        _ingester.Flushed(block, meta);
        return meta;
    }

    private async Task<TraceSpans> FindInBlockAsync(BlockMeta block, ulong trace)
    {
        var found = new TraceSpans(Id(trace));
        await _reader.FindAsync(block, Id(trace), found, CancellationToken.None);
        return found;
    }
}
