using System.Globalization;
using System.Text.Json.Nodes;
using OrleansTempo.Tests.Otlp;

namespace OrleansTempo.Core.Tests.Querier;

/// <summary>Every recorded answer of Tempo's for a trace: tests/golden/README.md says where they come from.</summary>
public sealed class GoldenTraceTests
{
    private static readonly string s_folder = Path.Combine(AppContext.BaseDirectory, "golden");

    public static TheoryData<string> Answers => [.. Directory.GetFiles(Path.Combine(s_folder, "tempo-api"), "*-trace-v?.json").Select(static f => Path.GetFileName(f)).Order(StringComparer.Ordinal)];

    [Fact]
    public void There_are_recorded_answers() => Assert.Equal(14, Answers.Count);

    [Theory]
    [MemberData(nameof(Answers))]
    public async Task The_stored_bodies_are_answered_as_Tempo_answered(string file)
    {
        var recorded = JsonNode.Parse(await File.ReadAllBytesAsync(Path.Combine(s_folder, "tempo-api", file)))!;
        var path = recorded["request"]!["path"]!.GetValue<string>();
        Assert.True(TraceId.TryParse(path[(path.LastIndexOf('/') + 1)..], out var id));
        var expected = recorded["response"]!;
        var isV1 = file.Contains("-v1.", StringComparison.Ordinal);
        var resources = expected["batches"] ?? expected["trace"]!["resourceSpans"];
        var spans = Found.Spans(Stored(id, resources));
        spans.InspectedBytes = spans.Spans.Count == 0 ? 0 : 4711;
        var trace = Found.Assemble(spans);

        var actual = isV1 ? await Found.JsonV1(trace) : await Found.JsonV2(trace);

        // Tempo answers a resource's attributes in the order of its blocks' columns, those without one by key; here they are as sent.
        SortResourceAttributes(expected["batches"] ?? expected["trace"]!["resourceSpans"]);
        SortResourceAttributes(actual["batches"] ?? actual["trace"]!["resourceSpans"]);

        // What it costs to find a trace is our own.
        if (expected["metrics"]?["inspectedBytes"] is { } inspected)
        {
            Assert.Equal(inspected.GetValueKind(), actual["metrics"]!["inspectedBytes"]!.GetValueKind());
            actual["metrics"]!["inspectedBytes"] = inspected.DeepClone();
        }

        Found.AssertSame(expected, actual);
    }

    private static void SortResourceAttributes(JsonNode? resources)
    {
        foreach (var resource in Found.Array(resources).Select(static r => r!["resource"]!))
            resource["attributes"] = new JsonArray([.. Found.Array(resource["attributes"]).OrderBy(static a => a!["key"]!.GetValue<string>(), StringComparer.Ordinal).Select(static a => a!.DeepClone())]);
    }

    // The trace's part of the bodies, moved in time as far as the recorded answer has it.
    private static IEnumerable<ResourceSpans> Stored(TraceId id, JsonNode? recordedResources)
    {
        var recordedStarts = (
            from resource in Found.Array(recordedResources)
            from scope in Found.Array(resource!["scopeSpans"])
            from span in Found.Array(scope!["spans"])
            select ulong.Parse(span!["startTimeUnixNano"]!.GetValue<string>(), CultureInfo.InvariantCulture)).ToArray();
        var resources = (
            from body in Directory.GetFiles(s_folder, "*.otlp.pb").Order(StringComparer.Ordinal)
            where !Path.GetFileName(body).StartsWith("09-", StringComparison.Ordinal)
            from resource in ExportTraceServiceRequest.Parser.ParseFrom(File.ReadAllBytes(body)).ResourceSpans
            select resource).ToArray();
        foreach (var scope in resources.SelectMany(static r => r.ScopeSpans))
        {
            foreach (var other in scope.Spans.Where(s => TraceId.Read(s.TraceId.Span) != id).ToArray())
                scope.Spans.Remove(other);
        }

        var spans = Found.Each(resources).Select(static s => s.Span).ToArray();
        Assert.Equal(recordedStarts.Length, spans.Length);
        if (spans.Length == 0)
            return [];
        var shift = recordedStarts.Min() - spans.Min(static s => s.StartTimeUnixNano);
        foreach (var span in spans)
        {
            span.StartTimeUnixNano += shift;
            span.EndTimeUnixNano += shift;
        }

        return resources;
    }
}
