using System.Text;
using System.Text.RegularExpressions;
using Google.Protobuf;
using OrleansTempo.Core.Otlp.Buffers;
using OrleansTempo.Core.Otlp.Json;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Tests.Otlp;

namespace OrleansTempo.Core.Tests.Otlp.Json;

public class OtlpJsonReaderTests
{
    [Fact]
    public void A_request_becomes_the_protobuf_its_sender_would_have_encoded()
    {
        for (var seed = 0; seed < 500; seed++)
        {
            var request = RandomRequest(new Random(seed));
            Assert.Equal(Convert.ToHexString(request.ToByteArray()), Convert.ToHexString(Read(ToOtlpJson(request))));
        }
    }

    [Fact]
    public void Original_field_names_and_any_order_of_fields_give_the_same_bytes()
    {
        var request = RandomRequest(new Random(7));
        var formatter = new JsonFormatter(JsonFormatter.Settings.Default.WithPreserveProtoFieldNames(true).WithFormatEnumsAsIntegers(true));
        Assert.Equal(request.ToByteArray(), Read(Reverse(HexIds(formatter.Format(request)))));
    }

    [Fact]
    public void Golden_bodies_survive_a_round_trip_through_json()
    {
        var files = Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "golden"), "*.otlp.pb");
        Assert.Equal(12, files.Length);
        foreach (var file in files)
        {
            var request = ExportTraceServiceRequest.Parser.ParseFrom(File.ReadAllBytes(file));
            Assert.Equal(request, ExportTraceServiceRequest.Parser.ParseFrom(Read(ToOtlpJson(request))));
        }
    }

    [Theory]
    [InlineData("{}")]
    [InlineData(" { } ")]
    [InlineData("""{"resourceSpans":null}""")]
    [InlineData("""{"resourceSpans":[]}""")]
    [InlineData("""{"unknown":{"a":[1,{"b":2}]},"other":"x"}""")]
    public void A_request_without_known_fields_becomes_no_bytes(string json) => Assert.Empty(Read(json));

    [Fact]
    public void Integers_are_read_from_numbers_and_strings()
    {
        var span = ReadSpan("""{"startTimeUnixNano":"1790000000000000001","endTimeUnixNano":1790000000000000002,"droppedLinksCount":"3","droppedEventsCount":4.0,"flags":257,"attributes":[{"key":"a","value":{"intValue":"-5"}},{"key":"b","value":{"intValue":1e3}},{"key":"c","value":{"intValue":0}},{"key":"d","value":{"intValue":"9223372036854775807"}}]}""");
        Assert.Equal(1790000000000000001u, span.StartTimeUnixNano);
        Assert.Equal(1790000000000000002u, span.EndTimeUnixNano);
        Assert.Equal(3u, span.DroppedLinksCount);
        Assert.Equal(4u, span.DroppedEventsCount);
        Assert.Equal(257u, span.Flags);
        Assert.Equal([-5, 1000, 0, long.MaxValue], span.Attributes.Select(a => a.Value.IntValue));
        Assert.All(span.Attributes, a => Assert.Equal(AnyValue.ValueOneofCase.IntValue, a.Value.ValueCase));
    }

    [Fact]
    public void Doubles_are_read_from_numbers_strings_and_names()
    {
        var span = ReadSpan("""{"attributes":[{"key":"a","value":{"doubleValue":1}},{"key":"b","value":{"doubleValue":"2.5e-3"}},{"key":"c","value":{"doubleValue":"NaN"}},{"key":"d","value":{"doubleValue":"-Infinity"}},{"key":"e","value":{"doubleValue":-0.0}}]}""");
        Assert.Equal([1, 0.0025, double.NaN, double.NegativeInfinity, -0.0], span.Attributes.Select(a => a.Value.DoubleValue));
    }

    [Fact]
    public void Enums_are_read_from_numbers_and_names_and_may_be_unknown_numbers()
    {
        Assert.Equal(Span.Types.SpanKind.Client, ReadSpan("""{"kind":"SPAN_KIND_CLIENT"}""").Kind);
        Assert.Equal(Span.Types.SpanKind.Server, ReadSpan("""{"kind":2}""").Kind);
        Assert.Equal(77, (int)ReadSpan("""{"kind":77}""").Kind);
        Assert.Equal(Status.Types.StatusCode.Error, ReadSpan("""{"status":{"code":"STATUS_CODE_ERROR","message":"no"}}""").Status.Code);
    }

    [Fact]
    public void Ids_are_hexadecimal_of_either_case_and_of_any_length()
    {
        var span = ReadSpan("""{"traceId":"0AF7651916cd43dd8448eb211c80319c","spanId":"b7ad","parentSpanId":""}""");
        Assert.Equal("0af7651916cd43dd8448eb211c80319c", Convert.ToHexStringLower(span.TraceId.Span));
        Assert.Equal("b7ad", Convert.ToHexStringLower(span.SpanId.Span));
        Assert.Equal(0, span.ParentSpanId.Length);
    }

    [Theory]
    [InlineData("+/8=")]
    [InlineData("+/8")]
    [InlineData("-_8")]
    public void Bytes_are_base64_of_either_alphabet(string base64) =>
        Assert.Equal([0xFB, 0xFF], ReadSpan("""{"attributes":[{"key":"a","value":{"bytesValue":"B64"}}]}""".Replace("B64", base64)).Attributes[0].Value.BytesValue.ToByteArray());

    [Fact]
    public void Escapes_become_their_characters() =>
        Assert.Equal("a\"\n\u00e9\U0001F600/", ReadSpan("""{"name":"a\"\n\u00e9\ud83d\ude00\/","na\u006de2":1}""").Name);

    [Fact]
    public void An_explicit_value_is_kept_even_if_it_is_the_default()
    {
        var span = ReadSpan("""{"attributes":[{"key":"a","value":{"stringValue":""}},{"key":"b","value":{"boolValue":false}},{"key":"c","value":{}},{"key":"d","value":{"arrayValue":{"values":[]}}},{"key":"e"}]}""");
        Assert.Equal(
            [AnyValue.ValueOneofCase.StringValue, AnyValue.ValueOneofCase.BoolValue, AnyValue.ValueOneofCase.None, AnyValue.ValueOneofCase.ArrayValue],
            span.Attributes.Take(4).Select(a => a.Value.ValueCase));
        Assert.Null(span.Attributes[4].Value);
    }

    [Theory]
    [InlineData("", "malformed JSON at byte 0")]
    [InlineData("[]", "the request at byte 0: expected an object, found an array")]
    [InlineData("{", "malformed JSON at byte 1")]
    [InlineData("{} x", "malformed JSON at byte 3")]
    [InlineData("""{"resourceSpans":{}}""", "resourceSpans at byte 17: expected an array, found an object")]
    [InlineData("""{"resourceSpans":[],"resource_spans":[]}""", "resourceSpans at byte 37: the field appears twice")]
    [InlineData("""{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":1}]}]}]}""", "resourceSpans[0].scopeSpans[0].spans[0].name at byte 51: expected a string, found the number 1")]
    [InlineData("""{"resourceSpans":[{},{"scopeSpans":[{"spans":[{"traceId":"0g"}]}]}]}""", "resourceSpans[1].scopeSpans[0].spans[0].traceId at byte 57: '0g' is not hexadecimal; only 0-9, a-f and A-F are allowed")]
    [InlineData("""{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"abc"}]}]}]}""", "resourceSpans[0].scopeSpans[0].spans[0].traceId at byte 54: 'abc' has 3 hexadecimal digits; the number must be even")]
    [InlineData("""{"resourceSpans":[{"scopeSpans":[{"spans":[{"kind":"SPAN_KIND_ODD"}]}]}]}""", "resourceSpans[0].scopeSpans[0].spans[0].kind at byte 51: 'SPAN_KIND_ODD' is neither a number nor one of SPAN_KIND_UNSPECIFIED, SPAN_KIND_INTERNAL, SPAN_KIND_SERVER, SPAN_KIND_CLIENT, SPAN_KIND_PRODUCER, SPAN_KIND_CONSUMER")]
    [InlineData("""{"resourceSpans":[{"scopeSpans":[{"spans":[{"endTimeUnixNano":-1}]}]}]}""", "resourceSpans[0].scopeSpans[0].spans[0].endTimeUnixNano at byte 62: -1 is outside 0 to 18446744073709551615")]
    [InlineData("""{"resourceSpans":[{"scopeSpans":[{"spans":[{"endTimeUnixNano":1.5}]}]}]}""", "resourceSpans[0].scopeSpans[0].spans[0].endTimeUnixNano at byte 62: '1.5' is not an integer")]
    [InlineData("""{"resourceSpans":[{"resource":{"attributes":[{"key":"a","value":{"stringValue":"x","intValue":1}}]}}]}""", "resourceSpans[0].resource.attributes[0].value.intValue at byte 94: the value already has another kind; only one is allowed")]
    [InlineData("""{"resourceSpans":[{"resource":{"attributes":[{"key":"a","value":{"doubleValue":"x"}}]}}]}""", "resourceSpans[0].resource.attributes[0].value.doubleValue at byte 79: 'x' is not a number; allowed are numbers, \"NaN\", \"Infinity\" and \"-Infinity\"")]
    [InlineData("""{"resourceSpans":[{"resource":{"attributes":[{"key":"a","value":{"bytesValue":"*"}}]}}]}""", "resourceSpans[0].resource.attributes[0].value.bytesValue at byte 78: '*' is not base64")]
    [InlineData("""{"resourceSpans":[{"schemaUrl":"x" "y"}]}""", "malformed JSON at byte 35 (in resourceSpans[0])")]
    public void Errors_name_the_field_the_offset_and_what_is_allowed(string json, string expected)
    {
        var output = new RequestMemory(long.MaxValue).Rent(16);
        Assert.False(OtlpJsonReader.TryRead(Encoding.UTF8.GetBytes(json), output, out var error));
        Assert.StartsWith(expected, error);
        output.Return();
    }

    [Theory]
    [InlineData("""\ud83d""", "\uFFFD")]
    [InlineData("""\uDE00""", "\uFFFD")]
    [InlineData("""Ship it \ud83d\n""", "Ship it \uFFFD\n")]
    [InlineData("""\ude00\ud83d""", "\uFFFD\uFFFD")]
    [InlineData("""\ud83d\ud83d\ude00""", "\uFFFD\U0001F600")]
    [InlineData("""\ud83dx""", "\uFFFDx")]
    [InlineData("""\ud83d\u0041\\\/\b\f\r\t\"é""", "\uFFFDA\\/\b\f\r\t\"é")]
    public void Half_a_surrogate_pair_becomes_one_replacement_character_and_the_spans_are_kept(string json, string expected)
    {
        var span = ReadSpan("""{"name":"TEXT","attributes":[{"key":"TEXT","value":{"stringValue":"TEXT"}}],"events":[{"name":"TEXT"}]}""".Replace("TEXT", json));
        Assert.Equal(expected, span.Name);
        Assert.Equal(new KeyValue { Key = expected, Value = new() { StringValue = expected } }, Assert.Single(span.Attributes));
        Assert.Equal(expected, Assert.Single(span.Events).Name);
    }

    [Fact]
    public void Text_that_is_not_utf8_gets_replacement_characters_and_the_spans_are_kept()
    {
        // ISO 8859-1, a truncated sequence, one that encodes half a surrogate pair, and an escape in between.
        byte[] json = [.. """{"resourceSpans":[{"schemaUrl":"M"""u8, 0xFC, .. "nchen "u8, 0xE2, 0x82, .. "\\n"u8, 0xED, 0xA0, 0xBD, .. "\"}]}"u8];
        Assert.Equal("M\uFFFDnchen \uFFFD\n\uFFFD\uFFFD\uFFFD", ExportTraceServiceRequest.Parser.ParseFrom(Read(json)).ResourceSpans[0].SchemaUrl);
    }

    [Theory]
    [InlineData("""{"\ud83d":[{"a":1}],"name":"x"}""")]
    [InlineData("""{"name":"x","\ude00\ud83d":"\ud83d"}""")]
    [InlineData("""{"n\u0061me":"x","\ud83d name that is longer than any that there is, and longer than the room that is made for one that is known, however it may be written by whoever sends it, in escapes or without":1}""")]
    public void A_member_name_with_half_a_surrogate_pair_is_an_unknown_member(string span) => Assert.Equal("x", ReadSpan(span).Name);

    [Fact]
    public void A_choice_with_half_a_surrogate_pair_is_refused_by_name()
    {
        var output = new RequestMemory(long.MaxValue).Rent(16);
        Assert.False(OtlpJsonReader.TryRead("""{"resourceSpans":[{"scopeSpans":[{"spans":[{"kind":"\ud83d"}]}]}]}"""u8, output, out var error));
        Assert.StartsWith("resourceSpans[0].scopeSpans[0].spans[0].kind at byte 51: '\\ud83d' is neither a number nor one of ", error);
        output.Return();
        Assert.Equal(Span.Types.SpanKind.Client, ReadSpan("""{"kind":"SPAN_KIND_CLI\u0045NT"}""").Kind);
    }

    [Fact]
    public void A_null_array_element_is_dropped()
    {
        var request = ExportTraceServiceRequest.Parser.ParseFrom(Read("""{"resourceSpans":[null,{"resource":{"attributes":[null,{"key":"a"}]},"scopeSpans":[null,{"spans":[null,{"name":"x","events":[null],"links":[null,{"traceState":"s"}]},null]}]}]}"""));
        var resourceSpans = Assert.Single(request.ResourceSpans);
        Assert.Equal("a", Assert.Single(resourceSpans.Resource.Attributes).Key);
        var span = Assert.Single(Assert.Single(resourceSpans.ScopeSpans).Spans);
        Assert.Equal("x", span.Name);
        Assert.Empty(span.Events);
        Assert.Equal("s", Assert.Single(span.Links).TraceState);
    }

    [Fact]
    public void Null_within_an_array_value_keeps_its_place_and_has_no_value()
    {
        var values = ReadSpan("""{"attributes":[{"key":"a","value":{"arrayValue":{"values":[null,{"intValue":1},null]}}}]}""").Attributes[0].Value.ArrayValue.Values;
        Assert.Equal([AnyValue.ValueOneofCase.None, AnyValue.ValueOneofCase.IntValue, AnyValue.ValueOneofCase.None], values.Select(static v => v.ValueCase));
    }

    [Fact]
    public void Nesting_is_bounded()
    {
        static string Nested(int depth) =>
            """{"resourceSpans":[{"resource":{"attributes":[{"key":"a","value":{""" + string.Concat(Enumerable.Repeat("\"arrayValue\":{\"values\":[{", depth))
            + string.Concat(Enumerable.Repeat("}]}", depth)) + "}}]}}]}";
        Assert.NotEmpty(Read(Nested(38)));
        var output = new RequestMemory(long.MaxValue).Rent(16);
        Assert.False(OtlpJsonReader.TryRead(Encoding.UTF8.GetBytes(Nested(100_000)), output, out var error));
        Assert.Contains("depth", error);
        output.Return();
    }

    [Fact]
    public void Mutated_requests_are_read_or_refused_and_never_crash()
    {
        var random = new Random(1);
        var json = Encoding.UTF8.GetBytes(ToOtlpJson(RandomRequest(new Random(3))));
        for (var i = 0; i < 20_000; i++)
        {
            var mutated = (byte[])json.Clone();
            for (var n = random.Next(1, 4); n > 0; n--)
                mutated[random.Next(mutated.Length)] = (byte)random.Next(256);
            var length = random.Next(3) == 0 ? random.Next(mutated.Length) : mutated.Length;
            var output = new RequestMemory(long.MaxValue).Rent(16);
            if (OtlpJsonReader.TryRead(mutated.AsSpan(0, length), output, out var error))
                ExportTraceServiceRequest.Parser.ParseFrom(output.Bytes);
            else
                Assert.NotEmpty(error);
            output.Return();
        }
    }

    private static byte[] Read(string json) => Read(Encoding.UTF8.GetBytes(json));

    private static byte[] Read(byte[] json)
    {
        var output = new RequestMemory(long.MaxValue).Rent(16);
        Assert.True(OtlpJsonReader.TryRead(json, output, out var error), error);
        var bytes = output.Bytes.ToArray();
        output.Return();
        return bytes;
    }

    private static Span ReadSpan(string json) =>
        ExportTraceServiceRequest.Parser.ParseFrom(Read($$"""{"resourceSpans":[{"scopeSpans":[{"spans":[{{json}}]}]}]}""")).ResourceSpans[0].ScopeSpans[0].Spans[0];

    private static string ToOtlpJson(ExportTraceServiceRequest request) =>
        HexIds(new JsonFormatter(JsonFormatter.Settings.Default.WithFormatEnumsAsIntegers(true)).Format(request));

    // The formatter writes proto3 JSON, where all bytes are base64; OTLP's IDs are hexadecimal.
    private static string HexIds(string json) => Regex.Replace(
        json,
        """("(?:traceId|spanId|parentSpanId|trace_id|span_id|parent_span_id)": )"([^"]*)" """.TrimEnd(),
        static m => $"{m.Groups[1].Value}\"{Convert.ToHexStringLower(Convert.FromBase64String(m.Groups[2].Value))}\"");

    private static string Reverse(string json)
    {
        return Turn(System.Text.Json.Nodes.JsonNode.Parse(json)!).ToJsonString();

        static System.Text.Json.Nodes.JsonNode Turn(System.Text.Json.Nodes.JsonNode node) => node switch
        {
            System.Text.Json.Nodes.JsonObject o => new System.Text.Json.Nodes.JsonObject(o.Reverse().Select(p => KeyValuePair.Create(p.Key, p.Value is null ? null : Turn(p.Value)))!),
            System.Text.Json.Nodes.JsonArray a => new System.Text.Json.Nodes.JsonArray([.. a.Select(v => Turn(v!))]),
            _ => node.DeepClone(),
        };
    }

    private static ExportTraceServiceRequest RandomRequest(Random random)
    {
        var request = new ExportTraceServiceRequest();
        for (var r = random.Next(3); r >= 0; r--)
        {
            var resourceSpans = new ResourceSpans { SchemaUrl = RandomText(random) };
            if (random.Next(4) > 0)
            {
                resourceSpans.Resource = new() { DroppedAttributesCount = RandomCount(random) };
                AddAttributes(random, resourceSpans.Resource.Attributes);
            }

            for (var s = random.Next(3); s > 0; s--)
            {
                var scopeSpans = new ScopeSpans { SchemaUrl = RandomText(random) };
                if (random.Next(2) > 0)
                {
                    scopeSpans.Scope = new() { Name = RandomText(random), Version = RandomText(random), DroppedAttributesCount = RandomCount(random) };
                    AddAttributes(random, scopeSpans.Scope.Attributes);
                }

                for (var n = random.Next(6); n > 0; n--)
                    scopeSpans.Spans.Add(RandomSpan(random));
                resourceSpans.ScopeSpans.Add(scopeSpans);
            }

            request.ResourceSpans.Add(resourceSpans);
        }

        return request;
    }

    private static Span RandomSpan(Random random)
    {
        var span = new Span
        {
            TraceId = RandomBytes(random, 16),
            SpanId = RandomBytes(random, 8),
            ParentSpanId = RandomBytes(random, random.Next(2) * 8),
            TraceState = RandomText(random),
            Name = RandomText(random),
            Kind = (Span.Types.SpanKind)random.Next(6),
            StartTimeUnixNano = (ulong)random.NextInt64(),
            EndTimeUnixNano = random.Next(3) == 0 ? ulong.MaxValue : 0,
            DroppedAttributesCount = RandomCount(random),
            DroppedEventsCount = RandomCount(random),
            DroppedLinksCount = RandomCount(random),
            Flags = RandomCount(random),
        };
        AddAttributes(random, span.Attributes);
        for (var i = random.Next(3); i > 0; i--)
        {
            var item = new Span.Types.Event { TimeUnixNano = (ulong)random.NextInt64(), Name = RandomText(random), DroppedAttributesCount = RandomCount(random) };
            AddAttributes(random, item.Attributes);
            span.Events.Add(item);
        }

        for (var i = random.Next(3); i > 0; i--)
        {
            var link = new Span.Types.Link { TraceId = RandomBytes(random, 16), SpanId = RandomBytes(random, 8), TraceState = RandomText(random), DroppedAttributesCount = RandomCount(random), Flags = RandomCount(random) };
            AddAttributes(random, link.Attributes);
            span.Links.Add(link);
        }

        if (random.Next(2) == 0)
            span.Status = new() { Message = RandomText(random), Code = (Status.Types.StatusCode)random.Next(3) };
        return span;
    }

    private static void AddAttributes(Random random, ICollection<KeyValue> attributes)
    {
        for (var i = random.Next(5); i > 0; i--)
            attributes.Add(new() { Key = RandomText(random), Value = random.Next(8) == 0 ? null : RandomValue(random, 3) });
    }

    private static AnyValue RandomValue(Random random, int depth)
    {
        switch (random.Next(depth > 0 ? 8 : 6))
        {
            case 0: return new() { StringValue = RandomText(random) };
            case 1: return new() { BoolValue = random.Next(2) == 0 };
            case 2: return new() { IntValue = random.Next(3) == 0 ? 0 : random.NextInt64(long.MinValue, long.MaxValue) };
            case 3: return new() { DoubleValue = random.Next(5) switch { 0 => double.NaN, 1 => double.PositiveInfinity, 2 => double.NegativeInfinity, 3 => 0, _ => random.NextDouble() * 1e9 } };
            case 4: return new() { BytesValue = RandomBytes(random, random.Next(10)) };
            case 5: return new();
            case 6:
                var list = new KeyValueList();
                AddAttributes(random, list.Values);
                return new() { KvlistValue = list };
            default:
                var array = new ArrayValue();
                for (var i = random.Next(4); i > 0; i--)
                    array.Values.Add(RandomValue(random, depth - 1));
                return new() { ArrayValue = array };
        }
    }

    private static string RandomText(Random random) => random.Next(5) switch
    {
        0 => "",
        1 => "http.request.method",
        2 => "a\"\\\n\t\u0001/<>&'",
        3 => "größe \u4e16\u754c \U0001F600 \u2028",
        _ => new string('x', random.Next(300)),
    };

    private static uint RandomCount(Random random) => random.Next(3) == 0 ? (uint)random.NextInt64(uint.MaxValue) : 0;

    private static ByteString RandomBytes(Random random, int length)
    {
        var bytes = new byte[length];
        random.NextBytes(bytes);
        return ByteString.CopyFrom(bytes);
    }
}
