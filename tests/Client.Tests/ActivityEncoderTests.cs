using System.Diagnostics;
using OpenTelemetry.Resources;
using OrleansTempo.Tests.Otlp;
using OtlpResource = OrleansTempo.Tests.Otlp.Resource;
using Resource = OpenTelemetry.Resources.Resource;

namespace OrleansTempo.Client.Tests;

/// <summary>What the encoder writes, read by protobuf's own reader. <see cref="OfficialExporterTests"/> compares it with OpenTelemetry's exporter.</summary>
public sealed class ActivityEncoderTests
{
    [Theory]
    [MemberData(nameof(Values))]
    public void Value_is_written_as_its_otlp_type(object? value, string expected)
    {
        using var shop = new RecordedActivities();

        var span = Encode(shop.Record("GET", a => a.AddTag("key", value)));

        var attribute = Assert.Single(span.Attributes);
        Assert.Equal("key", attribute.Key);
        Assert.Equal(expected, attribute.Value.ToString());
    }

    public static TheoryData<object?, string> Values => new()
    {
        { "text", """{ "stringValue": "text" }""" },
        { "", """{ "stringValue": "" }""" },
        { 'c', """{ "stringValue": "c" }""" },
        { false, """{ "boolValue": false }""" },
        { 0, """{ "intValue": "0" }""" },
        { -1, """{ "intValue": "-1" }""" },
        { (byte)7, """{ "intValue": "7" }""" },
        { long.MinValue, """{ "intValue": "-9223372036854775808" }""" },
        { 5UL, """{ "intValue": "5" }""" },
        { ulong.MaxValue, """{ "stringValue": "18446744073709551615" }""" },
        { 0.5f, """{ "doubleValue": 0.5 }""" },
        { double.NaN, """{ "doubleValue": "NaN" }""" },
        { 1.5m, """{ "stringValue": "1.5" }""" },
        { new DateTime(2026, 11, 24), """{ "stringValue": "11/24/2026 00:00:00" }""" },
        { null, "{ }" },
        { new byte[] { 1, 2, 3 }, """{ "bytesValue": "AQID" }""" },
        { new[] { "a", null }, """{ "arrayValue": { "values": [ { "stringValue": "a" }, { } ] } }""" },
        { new List<object> { 1, true, new[] { 2.5 } }, """{ "arrayValue": { "values": [ { "intValue": "1" }, { "boolValue": true }, { "arrayValue": { "values": [ { "doubleValue": 2.5 } ] } } ] } }""" },
        { new Dictionary<string, object?> { ["a"] = 1 }, """{ "kvlistValue": { "values": [ { "key": "a", "value": { "intValue": "1" } } ] } }""" },
        { Array.Empty<int>(), """{ "arrayValue": { } }""" },
    };

    [Fact]
    public void Value_that_fails_costs_its_attribute_and_no_more()
    {
        using var shop = new RecordedActivities();

        var span = Encode(shop.Record("GET", a => a.AddTag("before", 1).AddTag("bad", new object[] { 1, new Unprintable() }).AddTag("after", 2)));

        Assert.Equal(["before", "after"], span.Attributes.Select(static a => a.Key));
        Assert.Equal(1u, span.DroppedAttributesCount);
    }

    [Fact]
    public void Value_that_contains_itself_has_an_end()
    {
        using var shop = new RecordedActivities();
        var list = new List<object>();
        list.Add(list);

        var value = Encode(shop.Record("GET", a => a.AddTag("key", list))).Attributes[0].Value;

        var depth = 0;
        for (; value.ValueCase == AnyValue.ValueOneofCase.ArrayValue; depth++)
            value = value.ArrayValue.Values[0];
        Assert.Equal(8, depth);
        Assert.StartsWith("System.Collections.Generic.List", value.StringValue);
    }

    [Fact]
    public void What_is_over_the_limits_is_counted_and_left_out()
    {
        using var shop = new RecordedActivities();
        var limits = new ActivityLimits { AttributeValueLength = 3, Attributes = 1, Events = 1, EventAttributes = 0, Links = 1, LinkAttributes = 1 };
        var tags = new ActivityTagsCollection { ["a"] = "abcd", ["b"] = "b" };

        var span = Encode(
            shop.Record("GET", a => a
                .AddTag("a", "abc😀").AddTag("b", "b")
                .AddEvent(new ActivityEvent("e", tags: tags)).AddEvent(new ActivityEvent("f"))
                .AddLink(new ActivityLink(default, tags)).AddLink(default).AddLink(default)),
            limits);

        Assert.Equal("abc", Assert.Single(span.Attributes).Value.StringValue);
        Assert.Equal(1u, span.DroppedAttributesCount);
        Assert.Equal(1u, span.DroppedEventsCount);
        Assert.Empty(Assert.Single(span.Events).Attributes);
        Assert.Equal(2u, span.Events[0].DroppedAttributesCount);
        Assert.Equal(2u, span.DroppedLinksCount);
        Assert.Equal("abc", Assert.Single(Assert.Single(span.Links).Attributes).Value.StringValue);
        Assert.Equal(1u, span.Links[0].DroppedAttributesCount);
    }

    [Theory]
    [InlineData("ab😀", "ab😀")]
    [InlineData("abc😀", "abc")]
    public void Text_is_cut_between_characters(string text, string expected)
    {
        using var shop = new RecordedActivities();

        var span = Encode(shop.Record("GET", a => a.AddTag("key", text)), new ActivityLimits { AttributeValueLength = 4 });

        Assert.Equal(expected, span.Attributes[0].Value.StringValue);
    }

    [Fact]
    public void Limits_are_read_from_opentelemetrys_variables()
    {
        var variables = new Dictionary<string, string>
        {
            ["OTEL_ATTRIBUTE_COUNT_LIMIT"] = "10",
            ["OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT"] = "100",
            ["OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT"] = "50",
            ["OTEL_SPAN_EVENT_COUNT_LIMIT"] = "many",
            ["OTEL_LINK_ATTRIBUTE_COUNT_LIMIT"] = "3",
        };

        var limits = ActivityLimits.Read(variables.GetValueOrDefault);

        Assert.Equal(new ActivityLimits { AttributeValueLength = 50, Attributes = 10, Events = 128, Links = 128, EventAttributes = 10, LinkAttributes = 3 }, limits);
    }

    [Fact]
    public void Spans_are_sorted_by_their_source()
    {
        using var web = new RecordedActivities(new ActivitySource("web", "1.0", new Dictionary<string, object?> { ["team"] = "blue" }));
        using var shop = new RecordedActivities(new ActivitySource(new ActivitySourceOptions("shop") { TelemetrySchemaUrl = "https://example.org/2" }));
        Activity[] activities = [web.Record("1"), shop.Record("2"), web.Record("3")];

        var bytes = new ActivityEncoder(new ActivityLimits()).Encode(activities, new Resource([new("service.name", "shop"), new("replicas", 3L)]));

        var resource = Assert.Single(ExportTraceServiceRequest.Parser.ParseFrom(bytes).ResourceSpans);
        Assert.Equal(
            new OtlpResource
            {
                Attributes =
                {
                    new KeyValue { Key = "service.name", Value = new AnyValue { StringValue = "shop" } },
                    new KeyValue { Key = "replicas", Value = new AnyValue { IntValue = 3 } },
                },
            },
            resource.Resource);
        Assert.Equal(["web", "shop"], resource.ScopeSpans.Select(static s => s.Scope.Name));
        Assert.Equal(["1", "3"], resource.ScopeSpans[0].Spans.Select(static s => s.Name));
        Assert.Equal("1.0", resource.ScopeSpans[0].Scope.Version);
        Assert.Equal("blue", Assert.Single(resource.ScopeSpans[0].Scope.Attributes).Value.StringValue);
        Assert.Equal("https://example.org/2", resource.ScopeSpans[1].SchemaUrl);
    }

    [Theory]
    [InlineData(127)]
    [InlineData(128)]
    [InlineData(20_000)]
    [InlineData(3_000_000)]
    public void Message_of_any_length_is_read_back(int length)
    {
        using var shop = new RecordedActivities();
        var text = new string('x', length);

        var span = Encode(shop.Record("GET", a => a.AddTag("long", text).AddTag("short", "y")));

        Assert.Equal([text, "y"], span.Attributes.Select(static a => a.Value.StringValue));
    }

    private static Span Encode(Activity activity, ActivityLimits? limits = null)
    {
        var bytes = new ActivityEncoder(limits ?? new ActivityLimits()).Encode([activity], Resource.Empty);
        return ExportTraceServiceRequest.Parser.ParseFrom(bytes).ResourceSpans.Single().ScopeSpans.Single().Spans.Single();
    }

    private sealed class Unprintable
    {
        public override string ToString() => throw new InvalidOperationException("no text");
    }
}
