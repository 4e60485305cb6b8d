using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Google.Protobuf;
using OrleansTempo.Core.Otlp.Buffers;
using OrleansTempo.Core.Otlp.Json;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Tests.Otlp;
using Span = OrleansTempo.Tests.Otlp.Span;

namespace OrleansTempo.Core.Tests.Otlp.Json;

public sealed class OtlpJsonWriterTests
{
    [Fact]
    public void Every_field_of_a_span_has_its_form()
    {
        var span = new Span
        {
            TraceId = ByteString.CopyFrom([0xFB, 0xEF, 0xFF]),
            SpanId = ByteString.CopyFrom([1, 2, 3, 4, 5, 6, 7, 8]),
            TraceState = "a=b",
            ParentSpanId = ByteString.CopyFrom([8]),
            Name = "GET <é> \"q\" \u0001 \U0001F600",
            Kind = Span.Types.SpanKind.Consumer,
            StartTimeUnixNano = ulong.MaxValue,
            EndTimeUnixNano = 1,
            DroppedAttributesCount = uint.MaxValue,
            DroppedEventsCount = 2,
            DroppedLinksCount = 3,
            Flags = 257,
            Events = { new Span.Types.Event { TimeUnixNano = 5, Name = "e", DroppedAttributesCount = 4, Attributes = { new KeyValue { Key = "k" } } } },
            Links = { new Span.Types.Link { TraceId = ByteString.CopyFrom([1]), SpanId = ByteString.CopyFrom([2]), TraceState = "c=d", Flags = 1, DroppedAttributesCount = 6 } },
            Status = new Status { Code = Status.Types.StatusCode.Error, Message = "m" },
        };

        AssertWritten(
            """
            {"traceId":"++//","spanId":"AQIDBAUGBwg=","traceState":"a=b","parentSpanId":"CA==","name":"GET <é> \"q\" \u0001 😀","kind":"SPAN_KIND_CONSUMER",
             "startTimeUnixNano":"18446744073709551615","endTimeUnixNano":"1","droppedAttributesCount":4294967295,
             "events":[{"timeUnixNano":"5","name":"e","attributes":[{"key":"k","value":{}}],"droppedAttributesCount":4}],"droppedEventsCount":2,
             "links":[{"traceId":"AQ==","spanId":"Ag==","traceState":"c=d","droppedAttributesCount":6,"flags":1}],"droppedLinksCount":3,
             "status":{"message":"m","code":"STATUS_CODE_ERROR"},"flags":257}
            """,
            span.ToByteArray());
    }

    [Fact]
    public void Every_kind_of_value_has_its_form_and_is_written_even_if_it_is_the_default()
    {
        AnyValue[] values =
        [
            new() { StringValue = "" }, new() { BoolValue = false }, new() { IntValue = 0 }, new() { IntValue = long.MinValue }, new() { DoubleValue = 0 },
            new() { DoubleValue = 1.5 }, new() { DoubleValue = double.NaN }, new() { DoubleValue = double.NegativeInfinity }, new() { BytesValue = ByteString.Empty },
            new() { ArrayValue = new() }, new() { KvlistValue = new() }, new(),
            new() { ArrayValue = new() { Values = { new AnyValue { KvlistValue = new() { Values = { new KeyValue { Key = "k", Value = new() { BoolValue = true } } } } }, new AnyValue() } } },
        ];
        var span = new Span { Attributes = { values.Select(static v => new KeyValue { Value = v }) } };

        AssertWritten(
            """
            {"attributes":[
              {"value":{"stringValue":""}},{"value":{"boolValue":false}},{"value":{"intValue":"0"}},{"value":{"intValue":"-9223372036854775808"}},{"value":{"doubleValue":0}},
              {"value":{"doubleValue":1.5}},{"value":{"doubleValue":"NaN"}},{"value":{"doubleValue":"-Infinity"}},{"value":{"bytesValue":""}},
              {"value":{"arrayValue":{}}},{"value":{"kvlistValue":{}}},{"value":{}},
              {"value":{"arrayValue":{"values":[{"kvlistValue":{"values":[{"key":"k","value":{"boolValue":true}}]}},{}]}}}],
             "status":{}}
            """,
            span.ToByteArray());
    }

    [Fact]
    public void Of_several_values_the_last_counts() =>
        AssertWritten("""{"attributes":[{"value":{"intValue":"7"}}],"status":{}}""", SpanOf(AttributeOf([0x0A, 1, (byte)'a', 0x18, 7])));

    [Fact]
    public void A_field_of_the_wrong_wire_type_is_an_unknown_field() =>
        AssertWritten("""{"name":"n","status":{}}""", [0x28, 5, 0x2A, 1, (byte)'n', 0x3A, 1, 9, 0x4D, 1, 2, 3, 4, 0x7A, 0]);

    [Fact]
    public void Enum_values_without_a_name_are_numbers()
    {
        AssertWritten("""{"kind":17,"status":{"code":9}}""", new Span { Kind = (Span.Types.SpanKind)17, Status = new() { Code = (Status.Types.StatusCode)9 } }.ToByteArray());
        AssertWritten("""{"kind":-1,"status":{"code":-2}}""", new Span { Kind = (Span.Types.SpanKind)(-1), Status = new() { Code = (Status.Types.StatusCode)(-2) } }.ToByteArray());
    }

    [Fact]
    public void Text_that_is_not_utf8_is_written_with_replacement_characters()
    {
        byte[] name = [0x2A, 3, (byte)'a', 0xFF, (byte)'b'];
        byte[] value = [0x0A, 2, 0xC3, (byte)'x'];

        AssertWritten("""{"name":"a\ufffdb","attributes":[{"value":{"stringValue":"\ufffdx"}}],"status":{}}""", [.. name, .. SpanOf(AttributeOf(value))]);
    }

    [Fact]
    public void Values_nested_as_deep_as_they_are_received_are_written()
    {
        var value = new AnyValue { StringValue = "deep" };
        for (var i = 0; i < 45; i++)
            value = new AnyValue { KvlistValue = new KeyValueList { Values = { new KeyValue { Key = "k", Value = value } } } };
        var span = new Span { Attributes = { new KeyValue { Key = "k", Value = value } } };
        var body = new ExportTraceServiceRequest { ResourceSpans = { new ResourceSpans { ScopeSpans = { new ScopeSpans { Spans = { span } } } } } }.ToByteArray();
        Assert.True(SpanBatch.TryRead(new RequestMemory(long.MaxValue).Copy(body), 0, out var batch, out _));
        batch.Release();

        Assert.Contains("deep", Encoding.UTF8.GetString(Write(span.ToByteArray())));
    }

    private static byte[] AttributeOf(byte[] value) => [0x12, (byte)value.Length, .. value];

    private static byte[] SpanOf(byte[] attribute) => [0x4A, (byte)attribute.Length, .. attribute];

    private static void AssertWritten(string expected, byte[] span)
    {
        var written = Write(span);
        var options = new JsonDocumentOptions { MaxDepth = 1000 };
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(expected), JsonNode.Parse(written, documentOptions: options)), Encoding.UTF8.GetString(written));
    }

    private static byte[] Write(byte[] span)
    {
        using var output = new MemoryStream();
        using (var json = new Utf8JsonWriter(output, OtlpJsonWriter.Options))
        {
            json.WriteStartObject();
            OtlpJsonWriter.WriteFields(json, span, OtlpJsonShape.Span);
            json.WriteEndObject();
        }

        return output.ToArray();
    }
}
