using OrleansTempo.Core.Configuration.Generator;
using OrleansTempo.Core.Configuration.Ingester;
using OrleansTempo.Core.Ingester;
using OrleansTempo.Core.Ingester.Live;
using OrleansTempo.Core.Otlp;
using OrleansTempo.Core.Otlp.Buffers;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Core.Tests.Generator;
using OrleansTempo.Core.Tests.Otlp;

namespace OrleansTempo.Core.Tests.Cost;

/// <summary>
/// What is small on the wire is small inside. Where something can be counted, it is. Where only time would tell, there is so much of it that a cost
/// that grows with the square would be hours, and half a minute is the limit.
/// </summary>
public sealed class LinearCostTests
{
    private const int HalfAMinute = 30_000;

    [Fact(Timeout = HalfAMinute)]
    public Task A_span_with_as_many_attributes_without_a_key_as_are_let_in_is_taken_like_any_other() => Task.Run(() =>
    {
        using var batch = TestBatch.Of(AttackBodies.KeylessAttributes(340_000));
        var ingester = new TraceIngester(TenantId.Single, new LiveTraceCount(), new IngesterOptions(), TimeProvider.System);
        Refusals? refusals = null;

        ingester.Push(batch.Batch, batch.All, segment: 1, default, ref refusals);

        var found = new TraceSpans(new TraceId(1, 1));
        ingester.Find(new TraceId(1, 1), found);
        Assert.True(Assert.Single(found.Spans).Span.Length > 680_000);
    });

    [Fact]
    public void A_resource_in_any_number_of_parts_has_each_attribute_once_more_than_it_was_sent_at_most()
    {
        const int parts = 20_000;
        using var batch = TestBatch.Of(AttackBodies.RepeatedResource(parts));

        Assert.Equal(parts, batch.Batch.Resources[0].AttributeCount);
        Assert.InRange(batch.Batch.AttributeCount, parts, 2 * parts);
    }

    [Fact]
    public void The_parts_of_a_resource_merge_around_the_spans_and_count_their_oversized_values_once()
    {
        static byte[] Part(string key, string value) => AttackBodies.Field(1, AttackBodies.Field(1, AttackBodies.Attribute(key, value)));
        var scope = AttackBodies.Field(2, AttackBodies.Field(2, AttackBodies.Span(1, 1, 1, AttackBodies.Field(9, AttackBodies.Attribute("of the span", "v")))));
        byte[] request = AttackBodies.Field(1, [.. Part("a", "longer than eight"), .. scope, .. AttackBodies.Field(1, []), .. Part("b", "2"), .. scope, .. Part("c", "longer than eight")]);

        Assert.True(SpanBatch.TryRead(new RequestMemory(long.MaxValue).Copy(request), 16, out var batch, out _));

        Assert.Equal(["a", "b", "c"], Keys(batch, batch.Attributes(batch.Resources[0])));
        Assert.Equal(["of the span"], Keys(batch, batch.Attributes(batch.Spans[0])));
        Assert.Equal(["of the span"], Keys(batch, batch.Attributes(batch.Spans[1])));
        Assert.Equal(2, batch.OversizedAttributes);
        batch.Release();
    }

    [Fact]
    public void A_broken_part_of_a_resource_is_refused_whichever_part_it_is()
    {
        var whole = AttackBodies.OfService("a");
        byte[] broken = [0x0A, 0x02, 0x0A, 0x05];

        foreach (var parts in (byte[][])[[.. broken, .. whole], [.. whole, .. broken], [.. whole, .. broken, .. whole]])
        {
            Assert.False(SpanBatch.TryRead(new RequestMemory(long.MaxValue).Copy(AttackBodies.Field(1, parts)), 0, out _, out var error));
            Assert.Equal("resource_spans[0].resource.attributes", error.Field);
        }
    }

    [Theory(Timeout = HalfAMinute)]
    [InlineData("filter")]
    [InlineData("multiplier")]
    [InlineData("dimension")]
    [InlineData("mapping")]
    [InlineData("edges")]
    public Task What_is_asked_of_a_resource_is_asked_once_and_not_for_each_of_its_spans(string of) => Task.Run(() =>
    {
        // A list of 2 million numbers, 200,000 other attributes, and 50,000 spans.
        byte[] list = AttackBodies.Field(5, [.. Enumerable.Repeat<byte[]>([0x0A, 0x02, 0x18, 0x01], 2_000_000).SelectMany(static e => e)]);
        byte[] attribute = AttackBodies.Field(1, [.. AttackBodies.Field(1, "list"u8), .. AttackBodies.Field(2, list)]);
        byte[] other = AttackBodies.Field(1, AttackBodies.Attribute("other", ""));
        byte[] resource = [.. attribute, .. Enumerable.Repeat(other, 200_000).SelectMany(static a => a), .. AttackBodies.Field(1, AttackBodies.Attribute("service.name", "a"))];
        var spans = Enumerable.Range(1, 50_000).SelectMany(static i => AttackBodies.Field(2, AttackBodies.Span((ulong)i, 1, 7)));
        byte[] request = AttackBodies.Field(1, [.. AttackBodies.Field(1, resource), .. AttackBodies.Field(2, [.. spans])]);
        var bench = new GeneratorBench(settings => settings with
        {
            SpanMetrics = settings.SpanMetrics with
            {
                FilterPolicies = of == "filter" ? [new() { Exclude = new() { MatchType = PolicyMatchType.Regex, Attributes = [new() { Key = "resource.absent", Value = "x" }, new() { Key = "resource.list", Value = "x" }] } }] : [],
                SpanMultiplierKey = of == "multiplier" ? "absent" : "",
                Dimensions = of == "dimension" ? ["list"] : [],
                DimensionMappings = of == "mapping" ? [new() { Name = "joined", SourceLabels = ["list", "list"], Join = "," }] : [],
            },
            ServiceGraphs = settings.ServiceGraphs with { Dimensions = of == "edges" ? ["list"] : [] },
        });

        bench.Time.Advance(DateTimeOffset.UtcNow - bench.Time.GetUtcNow());
        bench.Push(request);

        var calls = bench.Collect().Samples.Where(static s => s.Key.StartsWith("traces_spanmetrics_calls_total", StringComparison.Ordinal)).Sum(static s => s.Value.Value);
        Assert.Equal(50_000, calls);
    });

    private static string[] Keys(SpanBatch batch, ReadOnlySpan<AttributeRecord> attributes)
    {
        var keys = new List<string>();
        foreach (ref readonly var attribute in attributes)
            keys.Add(System.Text.Encoding.UTF8.GetString(batch.Bytes.Slice(attribute.Key.Offset, attribute.Key.Length)));
        return [.. keys];
    }
}
