using FsCheck;
using FsCheck.Fluent;
using Google.Protobuf;
using OrleansTempo.Core.Otlp.Buffers;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Tests.Otlp;
using Span = OrleansTempo.Tests.Otlp.Span;

namespace OrleansTempo.Core.Tests.Otlp.Reading;

public sealed class SpanBatchTests
{
    [Fact]
    public void Any_request_reads_like_in_protobuf_whatever_encoder_wrote_it()
    {
        var seeded = from request in OtlpGen.Request
                     from seed in Gen.Choose(0, int.MaxValue)
                     select (request, seed);
        Prop.ForAll(seeded.ToArbitrary(), input =>
        {
            var bytes = new WireShuffler(new Random(input.seed)).Shuffle(input.request.ToByteArray());
            var expected = SpanBatchText.Of(ExportTraceServiceRequest.Parser.ParseFrom(bytes));

            Assert.Equal(expected, Read(bytes, SpanBatchText.Of));
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(500));
    }

    [Fact]
    public void A_span_says_where_its_own_bytes_are()
    {
        var span = new Span { Name = "GET /", TraceId = ByteString.CopyFrom(new byte[16]) };
        var request = Request(span, new Span { Name = "other" });

        var lengths = Read(request.ToByteArray(), batch => batch.Spans.ToArray().Select(s => s.Message.Length).ToArray());

        Assert.Equal([span.CalculateSize(), 7], lengths);
    }

    [Fact]
    public void A_million_mutated_bodies_are_read_or_refused_and_nothing_else()
    {
        var random = new Random(4711);
        var bodies = Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "golden"), "*.pb").Order().Select(File.ReadAllBytes).Where(b => b.Length < 500).ToArray();
        Assert.NotEmpty(bodies);
        int read = 0, refused = 0;
        for (var i = 0; i < 1_000_000; i++)
        {
            var body = Mutate(bodies[random.Next(bodies.Length)], random);
            if (!SpanBatch.TryRead(Buffer(body), 64, out var batch, out var error))
            {
                Assert.InRange(error.Offset, 0, body.Length);
                refused++;
                continue;
            }

            TouchEverything(batch);
            batch.Release();
            read++;
        }

        Assert.True(read > 10_000 && refused > 10_000, $"{read} read, {refused} refused: the mutations are too mild or too wild");
    }

    [Fact]
    public void Accepted_mutations_are_those_that_protobuf_accepts()
    {
        var random = new Random(1234);
        var bodies = Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "golden"), "*.pb").Order().Select(File.ReadAllBytes).Where(b => b.Length < 500).ToArray();
        for (var i = 0; i < 20_000; i++)
        {
            var body = Mutate(bodies[random.Next(bodies.Length)], random);
            string[]? expected = null;
            try
            {
                expected = SpanBatchText.Of(ExportTraceServiceRequest.Parser.ParseFrom(body));
            }
            catch (InvalidProtocolBufferException)
            {
            }

            string[]? actual = null;
            if (SpanBatch.TryRead(Buffer(body), 0, out var batch, out var error))
            {
                actual = SpanBatchText.Of(batch);
                batch.Release();
            }

            Assert.True(expected is null == actual is null, $"{error} {Convert.ToHexString(body)}");
            Assert.Equal(expected, actual);
        }
    }

    [Fact]
    public void A_malformed_body_is_refused_with_the_field_and_the_offset()
    {
        var request = Request(new Span { Name = "first" }, new Span { Name = "second" });
        var bytes = request.ToByteArray();
        var name = bytes.AsSpan().IndexOf("second"u8);
        bytes[name - 1] = 100;

        Assert.False(SpanBatch.TryRead(Buffer(bytes), 0, out _, out var error));

        Assert.Equal("resource_spans[0].scope_spans[0].spans[1].name", error.Field);
        Assert.Equal(name - 1, error.Offset);
        Assert.Contains("runs past the end", error.Problem);
    }

    [Fact]
    public void Values_nested_without_end_are_refused()
    {
        var value = new AnyValue { StringValue = "deep" };
        for (var i = 0; i < 60; i++)
            value = new AnyValue { ArrayValue = new ArrayValue { Values = { value } } };
        var request = Request(new Span { Attributes = { new KeyValue { Key = "k", Value = value } } });

        Assert.False(SpanBatch.TryRead(Buffer(request.ToByteArray()), 0, out _, out var error));

        Assert.Contains("nested", error.Problem);
    }

    [Fact]
    public void Overlong_attributes_are_counted_wherever_they_are_and_cut_at_a_character()
    {
        var longText = new string('a', 9) + "é";
        var request = new ExportTraceServiceRequest
        {
            ResourceSpans =
            {
                new ResourceSpans
                {
                    Resource = new Resource { Attributes = { Text("r", longText) } },
                    ScopeSpans =
                    {
                        new ScopeSpans
                        {
                            Scope = new InstrumentationScope { Attributes = { Text("scope", "short"), Text("s", longText) } },
                            Spans =
                            {
                                new Span
                                {
                                    Attributes = { Text(longText, "v"), new KeyValue { Key = "n", Value = new AnyValue { IntValue = 5 } } },
                                    Events = { new Span.Types.Event { Name = longText, Attributes = { Text("e", longText) } } },
                                    Links = { new Span.Types.Link { Attributes = { Text("l", longText) } } },
                                },
                            },
                        },
                    },
                },
            },
        };
        Assert.True(SpanBatch.TryRead(Buffer(request.ToByteArray()), 10, out var batch, out _));
        Assert.Equal(5, batch.OversizedAttributes);

        var memory = new RequestMemory(long.MaxValue);
        var shorter = OtlpTruncation.Truncate(batch, 10, memory, out _);
        Assert.Equal(shorter.Capacity, memory.OutstandingBytes);

        var cut = ExportTraceServiceRequest.Parser.ParseFrom(shorter.Bytes.ToArray());
        var span = cut.ResourceSpans[0].ScopeSpans[0].Spans[0];
        Assert.Equal(new string('a', 9), cut.ResourceSpans[0].Resource.Attributes[0].Value.StringValue);
        Assert.Equal(new string('a', 9), cut.ResourceSpans[0].ScopeSpans[0].Scope.Attributes[1].Value.StringValue);
        Assert.Equal(new string('a', 9), span.Attributes[0].Key);
        Assert.Equal(5, span.Attributes[1].Value.IntValue);
        Assert.Equal(longText, span.Events[0].Name);
        Assert.Equal(new string('a', 9), span.Events[0].Attributes[0].Value.StringValue);
        Assert.Equal(new string('a', 9), span.Links[0].Attributes[0].Value.StringValue);
        batch.Release();
        shorter.Return();
    }

    [Fact]
    public void Releasing_more_often_than_leasing_is_an_error()
    {
        Assert.True(SpanBatch.TryRead(Buffer([]), 0, out var batch, out _));
        batch.Lease();
        batch.Release();
        batch.Release();

        Assert.Throws<InvalidOperationException>(batch.Release);
    }

    private static KeyValue Text(string key, string value) => new() { Key = key, Value = new AnyValue { StringValue = value } };

    private static ExportTraceServiceRequest Request(params Span[] spans) => new()
    {
        ResourceSpans = { new ResourceSpans { ScopeSpans = { new ScopeSpans { Spans = { spans } } } } },
    };

    private static T Read<T>(byte[] bytes, Func<SpanBatch, T> use)
    {
        Assert.True(SpanBatch.TryRead(Buffer(bytes), 0, out var batch, out var error), error?.ToString());
        var result = use(batch);
        batch.Release();
        return result;
    }

    private static RequestBuffer Buffer(byte[] bytes) => new RequestMemory(long.MaxValue).Copy(bytes);

    private static byte[] Mutate(byte[] body, Random random)
    {
        var bytes = body.ToArray();
        for (var changes = random.Next(1, 4); changes > 0; changes--)
        {
            var at = random.Next(bytes.Length);
            switch (random.Next(5))
            {
                case 0:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 1:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 2 when at > 0:
                    bytes = bytes[..at];
                    break;
                case 3:
                    bytes = [.. bytes[..at], (byte)random.Next(256), .. bytes[at..]];
                    break;
                default:
                    bytes[at] = 0xFF;
                    break;
            }
        }

        return bytes;
    }

    private static void TouchEverything(SpanBatch batch)
    {
        var sum = 0;
        var scratch = new System.Buffers.ArrayBufferWriter<byte>();
        foreach (ref readonly var span in batch.Spans)
        {
            foreach (var slice in (ReadOnlySpan<Slice>)[span.Message, span.Name, span.TraceId, span.SpanId, span.ParentSpanId, span.StatusMessage, span.TraceState])
                sum += batch.Bytes.Slice(slice.Offset, slice.Length).Length;
            foreach (ref readonly var attribute in batch.Attributes(span))
                sum += AttributeText.Get(batch.Bytes, attribute, scratch).Length;
            foreach (ref readonly var attribute in batch.Attributes(batch.Resources[span.Resource]))
                sum += AttributeText.Get(batch.Bytes, attribute, scratch).Length;
        }

        Assert.True(sum >= 0);
    }
}
