using System.Buffers.Binary;
using FsCheck;
using FsCheck.Fluent;
using OrleansTempo.Core.Blocks.Format;
using OrleansTempo.Core.Blocks.Format.Pages;

namespace OrleansTempo.Core.Tests.Blocks.Format.Pages;

/// <summary>A <see cref="BlockPage"/> reads what a <see cref="PageBuilder"/> makes.</summary>
public sealed class PageTests
{
    [Fact]
    public void Any_rows_come_back_page_after_page_with_the_same_builder_and_reader()
    {
        var builder = new PageBuilder();
        var page = new BlockPage();
        var number = 0;
        Prop.ForAll((from seed in Gen.Choose(0, int.MaxValue) from traces in Gen.Choose(1, 80) from spans in Gen.Elements(1, 5, 60) select (seed, traces, spans)).ToArbitrary(), input =>
        {
            var rows = new RandomRows(input.seed, input.traces, input.spans);

            Read(Write(rows, builder, number++), page);

            AssertSame(rows, page);
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(150));
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(1, 1000)]
    [InlineData(1000, 1000)]
    [InlineData(1, 1_000_000)]
    [InlineData(1_000_000, 1)]
    [InlineData(1_000_000, 1_000_000)]
    public void Clocks_of_any_precision_are_kept_and_coarse_ones_take_less(int startTick, int durationTick)
    {
        var fine = Write(WithClocks(1, 1));
        var bytes = Write(WithClocks(startTick, durationTick));
        var page = new BlockPage();

        Read(bytes, page);

        AssertSame(WithClocks(startTick, durationTick), page);
        Assert.True(startTick + durationTick == 2 || bytes.Length < fine.Length, $"{bytes.Length} bytes, {fine.Length} at nanoseconds");
    }

    [Fact]
    public void One_time_in_nanoseconds_among_others_in_milliseconds_is_kept()
    {
        var rows = WithClocks(1_000_000, 1_000_000);
        rows.Traces[7].Rows[0] = rows.Traces[7].Rows[0] with { Row = rows.Traces[7].Rows[0].Row with { StartTimeUnixNano = 1_780_000_000_000_000_001, DurationNano = 3 } };
        var page = new BlockPage();

        Read(Write(rows), page);

        AssertSame(rows, page);
    }

    [Theory]
    [InlineData(0UL, 0UL)]
    [InlineData(0UL, ulong.MaxValue)]
    [InlineData(ulong.MaxValue, 0UL)]
    [InlineData(ulong.MaxValue, 1UL)]
    [InlineData(5UL, ulong.MaxValue - 4)]
    [InlineData(1UL, 1UL << 63)]
    [InlineData(1UL << 63, (1UL << 63) - 1)]
    public void Times_at_their_ends_and_durations_below_zero_are_kept(ulong start, ulong duration)
    {
        var rows = new RandomRows(1, 2, 3);
        rows.Traces[0].Rows[0] = rows.Traces[0].Rows[0] with { Row = rows.Traces[0].Rows[0].Row with { StartTimeUnixNano = start, DurationNano = duration } };
        var page = new BlockPage();

        Read(Write(rows), page);

        AssertSame(rows, page);
    }

    [Fact]
    public void Parents_are_kept_in_small_and_large_traces_wherever_they_are()
    {
        foreach (var count in (int[])[1, 2, 127, 128, 129, 130, 3000])
        {
            var rows = new RandomRows(count, 2, 1);
            foreach (var (_, spans) in rows.Traces)
            {
                var first = spans[0];
                spans.Clear();
                for (var i = 1; i <= count; i++)
                    spans.Add(first with { Row = first.Row with { SpanId = (ulong)i, ParentSpanId = (ulong)((i * 7919) % (count + 3)) } });
            }

            var page = new BlockPage();

            Read(Write(rows), page);

            AssertSame(rows, page);
        }
    }

    [Fact]
    public void A_search_reads_the_first_part_and_the_span_IDs_come_after_it()
    {
        var rows = new RandomRows(3, 40, 10);

        var bytes = Write(rows, new PageBuilder(), 0, out var searchLength);

        Assert.InRange(searchLength, 1, bytes.Length - 1);
        Assert.Equal(rows.Traces[0].Rows[0].Row.SpanId, BinaryPrimitives.ReadUInt64BigEndian(bytes.AsSpan(searchLength)));
    }

    [Fact]
    public void The_builder_says_what_a_page_holds_and_forgets_it()
    {
        var rows = new RandomRows(9, 20, 4);
        var builder = new PageBuilder();
        for (var round = 0; round < 2; round++)
        {
            Add(rows, builder, round);
            var starts = rows.Traces.SelectMany(static t => t.Rows).Select(static r => r.Row.StartTimeUnixNano).ToArray();

            Assert.Equal((rows.Traces.Count, starts.Length, rows.Traces[0].Id), (builder.Traces, builder.Spans, builder.FirstTrace));
            Assert.Equal((starts.Min(), starts.Max()), (builder.MinStart, builder.MaxStart));
            builder.Clear();
            Assert.Equal((0, 0), (builder.Traces, builder.Spans));
        }
    }

    [Fact]
    public void A_page_is_full_by_spans_or_bytes_and_then_accepts_the_rest_of_a_trace_up_to_a_limit()
    {
        var bySpans = new PageBuilder();
        var shape = OneShape(bySpans, []);
        Assert.Equal((4096, 16_384), (CountUntil(() => bySpans.IsFull, bySpans, 0), CountUntil(() => bySpans.IsOverfull, bySpans, 0)));

        var byBytes = new PageBuilder();
        OneShape(byBytes, []);
        Assert.InRange(CountUntil(() => byBytes.IsFull, byBytes, 10_000), 50, 54);
        Assert.InRange(CountUntil(() => byBytes.IsOverfull, byBytes, 10_000), 830, 840);

        int CountUntil(Func<bool> isSo, PageBuilder builder, int otherBytes)
        {
            while (!isSo())
                builder.AddSpan(new SpanRow { SpanId = 1, OtherLength = otherBytes }, shape, [], new byte[otherBytes]);
            return builder.Spans;
        }
    }

    [Fact]
    public void Shared_values_count_too_so_that_no_dictionary_becomes_larger_than_a_page_may_be()
    {
        var builder = new PageBuilder();
        var spans = 0;
        for (; !builder.IsFull && spans < 200; spans++)
        {
            var shape = OneShape(builder, [.. BitConverter.GetBytes(spans), .. new byte[100_000]]);
            builder.AddSpan(new SpanRow { SpanId = 1 }, shape, [], []);
        }

        Assert.InRange(spans, 80, 90);
        Assert.True(builder.IsOverfull);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void A_resource_of_megabytes_is_not_repeated_for_every_span(int resources)
    {
        var builder = new PageBuilder();
        int[] shapes = [.. Enumerable.Range(0, resources).Select(i => OneShape(builder, [], new byte[(9 << 20) + i]))];
        while (!builder.IsFull)
            builder.AddSpan(new SpanRow { SpanId = 1 }, shapes[builder.Spans % resources], [], []);

        Assert.InRange(builder.Spans, (9 << 20) / 4096, 4096);
    }

    [Fact]
    public void Endless_resources_also_end_a_page()
    {
        var builder = new PageBuilder();
        while (!builder.IsFull && builder.Spans < 100)
            builder.AddSpan(new SpanRow { SpanId = 1 }, OneShape(builder, [], new byte[(4 << 20) + builder.Spans]), [], []);

        Assert.Equal(8, builder.Spans);
    }

    [Fact]
    public void A_mutated_page_is_refused_as_invalid_data_and_the_reader_continues_with_the_next()
    {
        var random = new Random(4711);
        var page = new BlockPage();
        var pages = Enumerable.Range(0, 20).Select(seed => Write(new RandomRows(seed, 1 + (seed % 5), 1 + (seed % 4)))).ToArray();
        var refused = 0;
        for (var i = 0; i < 40_000; i++)
        {
            var mutated = Mutate(pages[random.Next(pages.Length)], random);
            try
            {
                page.Read(mutated);
                TouchEverything(page);
            }
            catch (InvalidDataException)
            {
                refused++;
            }
        }

        Assert.True(refused > 10_000, $"{refused} refused: the mutations are too mild");
        var rows = new RandomRows(99, 10, 10);
        Read(Write(rows), page);
        AssertSame(rows, page);
    }

    [Fact]
    public void Every_prefix_of_a_page_is_refused()
    {
        var bytes = Write(new RandomRows(5, 3, 3));
        var page = new BlockPage();
        for (var length = 0; length < bytes.Length; length++)
            Assert.Throws<InvalidDataException>(() => page.Read(bytes.AsSpan(0, length)));
    }

    [Fact]
    public void A_page_with_spans_and_no_shape_is_refused()
    {
        // Written without any shape: the span refers to the first of none.
        var builder = new PageBuilder();
        builder.BeginTrace(new TraceId(1, 1));
        builder.AddSpan(new SpanRow { SpanId = 1 }, 0, [], []);
        builder.EndTrace();
        var bytes = builder.Encode(out _).ToArray();

        Assert.Throws<InvalidDataException>(() => new BlockPage().Read(bytes));
    }

    private static RandomRows WithClocks(int startTick, int durationTick)
    {
        var random = new Random(11);
        var rows = new RandomRows(11, 30, 20);
        foreach (var (_, spans) in rows.Traces)
        {
            for (var i = 0; i < spans.Count; i++)
            {
                var start = (1_780_000_000_000_000_000UL + (ulong)random.Next()) / (ulong)startTick * (ulong)startTick;
                var duration = (ulong)(random.Next() / durationTick * durationTick);
                spans[i] = spans[i] with { Row = spans[i].Row with { StartTimeUnixNano = start, DurationNano = duration } };
            }
        }

        return rows;
    }

    private static int OneShape(PageBuilder builder, byte[] attribute, params ReadOnlySpan<byte> resource)
    {
        var dictionary = builder.Dictionary;
        return dictionary.InternShape(
        [
            (uint)dictionary.Resources.Intern(resource), (uint)dictionary.Scopes.Intern([]), SpanShape.NoText, SpanShape.NoText, 0, 0, 0,
            SpanShape.OfAttribute(dictionary.Attributes.Intern(attribute)),
        ]);
    }

    private static void Add(RandomRows rows, PageBuilder builder, int number)
    {
        var source = new SpanSource();
        source.Use(rows.Dictionary);
        foreach (var (trace, spans) in rows.Traces)
        {
            builder.BeginTrace(trace);
            foreach (var (row, inline, other) in spans)
                builder.AddSpan(row, source.Translate(row.Shape, number, builder.Dictionary), inline, other);
            builder.EndTrace();
        }
    }

    private static byte[] Write(RandomRows rows) => Write(rows, new PageBuilder(), 0);

    private static byte[] Write(RandomRows rows, PageBuilder builder, int number) => Write(rows, builder, number, out _);

    private static byte[] Write(RandomRows rows, PageBuilder builder, int number, out int searchLength)
    {
        Add(rows, builder, number);
        var bytes = builder.Encode(out searchLength).ToArray();
        builder.Clear();
        return bytes;
    }

    // Followed by other bytes, as in a pooled buffer.
    private static void Read(byte[] bytes, BlockPage page) => page.Read(((byte[])[.. bytes, 1, 2, 3]).AsSpan(0, bytes.Length));

    private static void AssertSame(RandomRows rows, BlockPage page)
    {
        Assert.Equal(rows.Traces.Count, page.TraceCount);
        Assert.Equal(rows.Traces.Sum(static t => t.Rows.Count), page.SpanCount);
        var sent = new SpanRestorer(rows.Dictionary);
        var read = new SpanRestorer(page.Dictionary);
        for (var t = 0; t < rows.Traces.Count; t++)
        {
            var (id, spans) = rows.Traces[t];
            var trace = page.Traces[t];
            Assert.Equal(t, page.IndexOf(id));
            Assert.Equal((id, spans.Count, spans.Min(static s => s.Row.StartTimeUnixNano)), (trace.TraceId, trace.SpanCount, trace.StartTimeUnixNano));
            for (var i = 0; i < spans.Count; i++)
            {
                var (expected, inline, other) = spans[i];
                var span = trace.FirstSpan + i;
                var actual = page.Row(span);
                Assert.Equal(
                    (expected.SpanId, expected.ParentSpanId, expected.StartTimeUnixNano, expected.DurationNano),
                    (actual.SpanId, actual.ParentSpanId, actual.StartTimeUnixNano, actual.DurationNano));
                Assert.Equal(inline, page.Inline(span).ToArray());
                Assert.Equal(other, page.Other(span).ToArray());
                var (first, second) = (sent.Restore(id, expected, inline, other), read.Restore(id, actual, page.Inline(span), page.Other(span)));
                Assert.Equal(first.Span.ToArray(), second.Span.ToArray());
                Assert.Equal(first.Resource.ToArray(), second.Resource.ToArray());
                Assert.Equal(first.Scope.ToArray(), second.Scope.ToArray());
            }
        }

        Assert.Equal(-1, page.IndexOf(new TraceId(ulong.MaxValue, 0)));
        Assert.Equal(-1, page.IndexOf(new TraceId(0, 0)));
    }

    private static byte[] Mutate(byte[] page, Random random)
    {
        var mutated = page.ToArray();
        for (var i = random.Next(1, 4); i > 0; i--)
        {
            // Mostly in the numbers that everything else depends on.
            var at = random.Next(3) == 0 ? random.Next(mutated.Length) : random.Next(Math.Min(mutated.Length, 80));
            mutated[at] = random.Next(3) == 0 ? (byte)random.Next(256) : (byte)(mutated[at] ^ (1 << random.Next(8)));
        }

        return random.Next(10) == 0 ? mutated[..random.Next(mutated.Length)] : mutated;
    }

    private static void TouchEverything(BlockPage page)
    {
        var restorer = new SpanRestorer(page.Dictionary);
        foreach (var trace in page.Traces)
        {
            page.IndexOf(trace.TraceId);
            for (var span = trace.FirstSpan; span < trace.FirstSpan + trace.SpanCount; span++)
                restorer.Restore(trace.TraceId, page.Row(span), page.Inline(span), page.Other(span));
        }
    }
}
