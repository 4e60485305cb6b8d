using System.Buffers.Binary;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Google.Protobuf;
using OrleansTempo.Core.Blocks.Format.Pages;
using OrleansTempo.Core.Ingester.Live;
using OrleansTempo.Core.Otlp;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Core.Tests.Otlp;
using OrleansTempo.Tests.Otlp;
using static OrleansTempo.Core.Tests.Otlp.TestBatch;
using Span = OrleansTempo.Tests.Otlp.Span;

namespace OrleansTempo.Core.Tests.Ingester.Live;

/// <summary>Spans that go into a generation as rows come out as they were sent.</summary>
public sealed class RowEncoderTests : IDisposable
{
    private static readonly TraceId s_trace = new(0x0102030405060708, 0x090A0B0C0D0E0F10);

    private readonly Generation _generation = new();
    private readonly RowEncoder _encoder = new();

    public void Dispose() => _generation.Dispose();

    [Fact]
    public void Any_spans_come_back_whatever_encoder_wrote_them()
    {
        var batches = from requests in OtlpGen.RequestWithValidIds.ListOf(2)
                      from seed in Gen.Choose(0, int.MaxValue)
                      select (requests, seed);
        Prop.ForAll(batches.ToArbitrary(), input =>
        {
            using var generation = new Generation();
            var encoder = new RowEncoder();
            foreach (var request in input.requests)
                AssertRestored(new WireShuffler(new Random(input.seed)).Shuffle(request.ToByteArray()), generation, encoder);
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(150));
    }

    [Fact]
    public void Rows_written_earlier_stay_readable_while_the_dictionary_grows()
    {
        var first = Request(Enumerable.Range(1, 50).Select(i => Named(i, "a", ("k", $"{i}")))).ToByteArray();
        var rows = Add(first);
        for (var round = 0; round < 20; round++)
            AssertRestored(Request(Enumerable.Range(1, 50).Select(i => Named(i, $"name {round}/{i}", ($"key {round}", $"{round}/{i}"), ("k", $"{round}/{i}")))).ToByteArray());

        AssertAreRestored(SentSpan.AllOf(first), rows);
    }

    [Fact]
    public void Similar_spans_share_everything_but_their_own_values()
    {
        AssertRestored(Request(Enumerable.Range(1, 1000).Select(i => Named(i, "GET /", ("http.route", "/"), ("peer", "db")))).ToByteArray());

        Assert.Equal((1, 1, 1, 1, 2), (_generation.Dictionary.Shapes.Count, _generation.Dictionary.Resources.Count, _generation.Dictionary.Scopes.Count, _generation.Dictionary.Texts.Count, _generation.Dictionary.Attributes.Count));
        Assert.InRange(_generation.Rows.MemoryBytes, 48_000, 100_000);
    }

    [Fact]
    public void A_key_with_too_many_values_to_share_stores_the_rest_with_their_spans()
    {
        AssertRestored(Request(Enumerable.Range(1, 2000).Select(i => Named(i, "GET /", ("http.method", "GET"), ("url", $"/cart/{i}"), ("user", $"{i % 700}")))).ToByteArray());

        Assert.Equal(1 + 256 + 256, _generation.Dictionary.Attributes.Count);
        Assert.InRange(_generation.Dictionary.Shapes.Count, 257, 1000);
    }

    [Fact]
    public void Values_of_every_kind_are_kept_shared_or_not()
    {
        AnyValue Value(int i) => (i % 7) switch
        {
            0 => new AnyValue { StringValue = $"{i}" },
            1 => new AnyValue { IntValue = -i },
            2 => new AnyValue { DoubleValue = i / 3.0 },
            3 => new AnyValue { BytesValue = ByteString.CopyFromUtf8($"{i}") },
            4 => new AnyValue { ArrayValue = new ArrayValue { Values = { new AnyValue { IntValue = i } } } },
            5 => new AnyValue { KvlistValue = new KeyValueList { Values = { new KeyValue { Key = $"{i}" } } } },
            _ => new AnyValue { StringValue = "" },
        };

        AssertRestored(Request(Enumerable.Range(1, 3000).Select(i => With(Named(i, "a"), new KeyValue { Key = "k", Value = Value(i) }, new KeyValue { Key = "k", Value = Value(i + 1) }))).ToByteArray());
    }

    [Fact]
    public void Names_and_messages_beyond_those_that_are_shared_are_kept()
    {
        AssertRestored(Request(Enumerable.Range(1, 6000).Select(i =>
        {
            var span = Named(i, $"name {i}", ("k", $"{i}"));
            span.Status = new Status { Code = Status.Types.StatusCode.Error, Message = $"message {i}" };
            return span;
        })).ToByteArray());

        Assert.Equal(4096, _generation.Dictionary.Texts.Count);
    }

    [Fact]
    public void A_client_that_invents_keys_fills_the_keys_and_loses_nothing()
    {
        AssertRestored(Request(Enumerable.Range(1, 200).Select(i => Named(i, "a", [.. Enumerable.Range(0, 100).Select(k => ($"{i}.{k}", "v"))]))).ToByteArray());

        Assert.Equal(16_384, _generation.Dictionary.Keys.Count);
        AssertRestored(Request(Named(1, "a", ("one more", "w"), ("1.0", "new"))).ToByteArray());
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(0, 1)]
    [InlineData(1, 0)]
    [InlineData(1_780_000_000_000_000_000, 1_780_000_000_000_000_000)]
    [InlineData(1_780_000_000_000_000_000, 1_779_999_999_999_999_999)]
    [InlineData(ulong.MaxValue, ulong.MaxValue)]
    [InlineData(ulong.MaxValue, 0)]
    [InlineData(0, ulong.MaxValue)]
    [InlineData(1UL << 63, (1UL << 63) - 1)]
    public void Times_of_any_kind_are_kept(ulong start, ulong end)
    {
        var span = Named(1, "a");
        (span.StartTimeUnixNano, span.EndTimeUnixNano) = (start, end);

        AssertRestored(Request(span).ToByteArray());
    }

    [Theory]
    [InlineData("")]
    [InlineData("0102030405060708")]
    [InlineData("0000000000000001")]
    [InlineData("0000000000000000")]
    [InlineData("01")]
    [InlineData("01020304050607")]
    [InlineData("010203040506070809")]
    [InlineData("01020304050607080910111213141516")]
    public void A_parent_ID_of_any_length_is_kept_as_it_came(string hex)
    {
        var alone = Named(1, "a");
        alone.ParentSpanId = ByteString.CopyFrom(Convert.FromHexString(hex));
        var withMore = alone.Clone();
        withMore.TraceState = "vendor=1";

        AssertRestored(Request(alone, withMore).ToByteArray());
    }

    [Theory]
    [InlineData("0102030405060708", "")]
    [InlineData("", "0102030405060708")]
    [InlineData("01020304", "0102030405060708")]
    [InlineData("0102030405060708", "01020304")]
    [InlineData("01020304", "")]
    [InlineData("0000000000000000", "0102030405060708")]
    public void If_a_parent_ID_is_sent_twice_the_last_counts(string first, string last)
    {
        byte[] span = [.. Named(1, "a").ToByteArray(), .. Field(4, Convert.FromHexString(first)), .. Field(4, Convert.FromHexString(last)), .. Field(3, "vendor=1"u8)];

        AssertRestored(RequestOf(span));
        AssertRestored(RequestOf(span[..^10]));
    }

    [Fact]
    public void Fields_without_a_place_of_their_own_are_kept()
    {
        var span = Named(1, "a", ("k", "v"));
        span.TraceState = "vendor=1";
        span.Flags = 0xFFFFFFFF;
        span.DroppedAttributesCount = uint.MaxValue;
        span.DroppedEventsCount = 1;
        span.DroppedLinksCount = 2;
        span.Events.Add(new Span.Types.Event { Name = "exception", TimeUnixNano = 5, DroppedAttributesCount = 9, Attributes = { new KeyValue { Key = "message", Value = new AnyValue { StringValue = "no" } } } });
        span.Events.Add(new Span.Types.Event());
        span.Links.Add(new Span.Types.Link { TraceId = span.TraceId, SpanId = span.SpanId, TraceState = "x=y", Flags = 1, DroppedAttributesCount = 3 });
        byte[] unknown = [.. span.ToByteArray(), .. Field(99, "later"u8), 0xA0, 0x06, 0x07, 0xA1, 0x06, 1, 2, 3, 4, 5, 6, 7, 8, 0xA5, 0x06, 1, 2, 3, 4];

        AssertRestored(RequestOf(unknown));

        var restored = Span.Parser.ParseFrom(Restore(Add(RequestOf(unknown))[0]).Span.Span);
        Assert.Equal(span.Events, restored.Events);
        Assert.Equal(unknown.Length - span.CalculateSize(), restored.CalculateSize() - span.CalculateSize() - new Span { Status = new Status() }.CalculateSize());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(300)]
    public void Attributes_in_unusual_encodings_are_kept_byte_for_byte(int valuesBefore)
    {
        // After 300 values, their keys' values are no longer shared.
        foreach (var key in (string[])["", "k"])
            AssertRestored(Request(Enumerable.Range(1, Math.Max(valuesBefore, 1)).Select(i => Raw(i, [.. Field(1, Encoding.UTF8.GetBytes(key)), .. Field(2, Field(1, BitConverter.GetBytes(i)))]))).ToByteArray());
        byte[][] attributes =
        [
            [],
            [.. Field(2, Field(1, "value without a key"u8))],
            [.. Field(2, Field(1, "value before key"u8)), .. Field(1, "k"u8)],
            [.. Field(1, ""u8), .. Field(2, Field(1, "key empty, and said so"u8))],
            [.. Field(1, "k"u8)],
            [.. Field(1, "k"u8), .. Field(1, ""u8)],
            [.. Field(1, "other"u8), .. Field(2, Field(1, "between"u8)), .. Field(1, "k"u8)],
            [.. Field(1, "k"u8), .. Field(2, Field(1, "v"u8)), .. Field(2, Field(3, ""u8))],
            [.. Field(1, "k"u8), .. Field(2, Field(1, "v"u8)), .. Field(77, "unknown"u8)],
            [0x0A, 0x81, 0x00, (byte)'k', .. Field(2, Field(1, "key's length in two bytes"u8))],
            [0x8A, 0x00, 0x01, (byte)'k', .. Field(2, Field(1, "key's tag in two bytes"u8))],
            [.. Field(1, "k"u8), 0x12, 0x84, 0x00, 0x0A, 0x02, (byte)'o', (byte)'k'],
            [.. Field(1, "k\xFF\xFE"u8), .. Field(2, Field(1, [0xC3, 0x28, 0x00]))],
        ];

        var found = Restore(Add(RequestOf(SpanBytes(1, attributes)))[0]);

        Assert.Equal(attributes.Select(Convert.ToHexString), AttributesOf(found.Span));

        static Span Raw(int id, byte[] attribute) => Span.Parser.ParseFrom(SpanBytes(id, attribute));
    }

    [Fact]
    public void Huge_texts_and_values_are_kept_shared_or_not()
    {
        for (var i = 1; i <= 258; i++)
        {
            var large = i > 255 ? new string((char)('a' + (i % 26)), 1 << 20) : "";
            AssertRestored(Request(Named(i, $"name {i}{large}", ("k", $"{i}{large}"))).ToByteArray());
        }
    }

    [Fact]
    public void Bytes_that_are_not_UTF8_come_back_unchanged()
    {
        // In the order in which a span is restored, so that all its bytes can be compared.
        byte[] span =
        [
            .. SpanBytes(7),
            .. Field(4, [1, 2, 3, 4, 5, 6, 7, 8]),
            .. Field(5, [0xFF, 0xFE, 0x80]),
            0x30, 0x03,
            0x39, 1, 0, 0, 0, 0, 0, 0, 0,
            0x41, 2, 0, 0, 0, 0, 0, 0, 0,
            .. Field(9, [.. Field(1, [0xC0, 0x80]), .. Field(2, Field(1, [0xED, 0xA0, 0x80]))]),
            .. Field(3, [0xF8]),
            .. Field(11, Field(2, [0xFF])),
            .. Field(15, [.. Field(2, [0xFE]), 0x18, 0x02]),
            0x85, 0x01, 1, 1, 0, 0,
        ];
        byte[] resource = [.. Field(1, Field(1, [.. Field(1, [0xFF]), .. Field(2, Field(1, [0xFE]))])), .. Field(3, [0x80])];
        byte[] scope = [.. Field(1, [.. Field(1, [0xFF]), .. Field(2, [0xFE])]), .. Field(3, [0x81])];
        byte[] request = Field(1, [.. resource, .. Field(2, [.. scope, .. Field(2, span)])]);

        var found = Restore(Add(request)[0]);

        Assert.Equal(Convert.ToHexString(span), Convert.ToHexString(found.Span.Span));
        Assert.Equal(Convert.ToHexString(resource), Convert.ToHexString(found.Resource.Span));
        Assert.Equal(Convert.ToHexString(scope), Convert.ToHexString(found.Scope.Span));
    }

    [Fact]
    public void Spans_of_one_resource_share_its_bytes_when_restored()
    {
        var rows = Add(Request(Named(1, "a"), Named(2, "b")).ToByteArray());
        var restorer = new SpanRestorer(_generation.Dictionary);

        var resources = rows.Select(r => restorer.Restore(s_trace, _generation.Rows.Read(r, out var inline, out var other), inline, other).Resource).ToArray();

        Assert.True(resources[0].Equals(resources[1]));
    }

    private static Span Named(int id, string name, params (string Key, string Value)[] attributes) =>
        With(TestBatch.Span(s_trace, (ulong)id, name), [.. attributes.Select(a => new KeyValue { Key = a.Key, Value = new AnyValue { StringValue = a.Value } })]);

    private static Span With(Span span, params KeyValue[] attributes)
    {
        span.Attributes.Add(attributes);
        return span;
    }

    private static byte[] Field(int number, ReadOnlySpan<byte> content)
    {
        var field = new ColumnBuffer();
        field.WriteVarint(((ulong)number << 3) | 2);
        field.WriteVarint((ulong)content.Length);
        field.WriteBytes(content);
        return field.Bytes.ToArray();
    }

    // A span of the trace with raw attributes.
    private static byte[] SpanBytes(int id, params byte[][] attributes)
    {
        var trace = new byte[TraceId.Length];
        s_trace.Write(trace);
        var spanId = new byte[8];
        BinaryPrimitives.WriteInt64BigEndian(spanId, id);
        return [.. Field(1, trace), .. Field(2, spanId), .. attributes.SelectMany(a => Field(9, a))];
    }

    private static byte[] RequestOf(byte[] span) => Field(1, Field(2, Field(2, span)));

    private static IEnumerable<string> AttributesOf(ReadOnlyMemory<byte> span)
    {
        var attributes = new List<string>();
        var fields = new ProtobufFields(span.Span, 0, span.Length);
        while (fields.MoveNext())
        {
            if (fields.Field == 9)
                attributes.Add(Convert.ToHexString(span.Span.Slice(fields.Content.Offset, fields.Content.Length)));
        }

        return attributes;
    }

    private uint[] Add(byte[] request) => Add(request, _generation, _encoder);

    private static uint[] Add(byte[] request, Generation generation, RowEncoder encoder)
    {
        using var batch = TestBatch.Of(request);
        encoder.Begin(batch.Batch, generation);
        var rows = new List<uint>();
        foreach (ref readonly var span in batch.Batch.Spans)
            rows.Add(encoder.Add(span, rows.LastOrDefault()));
        return [.. rows];
    }

    private FoundSpan Restore(uint row) => Restore(s_trace, row, _generation);

    private static FoundSpan Restore(TraceId trace, uint row, Generation generation) =>
        new SpanRestorer(generation.Dictionary).Restore(trace, generation.Rows.Read(row, out var inline, out var other), inline, other);

    private void AssertRestored(byte[] request) => AssertRestored(request, _generation, _encoder);

    private static void AssertRestored(byte[] request, Generation generation, RowEncoder encoder) =>
        AssertAreRestored(SentSpan.AllOf(request), Add(request, generation, encoder), generation);

    private void AssertAreRestored(List<SentSpan> sent, uint[] rows) => AssertAreRestored(sent, rows, _generation);

    private static void AssertAreRestored(List<SentSpan> sent, uint[] rows, Generation generation)
    {
        Assert.Equal(sent.Count, rows.Length);
        for (var i = 0; i < rows.Length; i++)
            sent[i].AssertIs(Restore(sent[i].TraceId, rows[i], generation));
    }
}
