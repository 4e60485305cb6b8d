using OrleansTempo.Tests.Otlp;

namespace OrleansTempo.Core.Tests.Querier.Traces;

/// <summary>Compares with every answer recorded from Tempo for a trace; tests/golden/README.md says where they come from.</summary>
public sealed class GoldenTraceTests
{
    private static readonly string s_folder = Path.Combine(AppContext.BaseDirectory, "golden");

    public static TheoryData<string> Answers => [.. RecordedAnswer.Files];

    [Fact]
    public void There_are_recorded_answers() => Assert.Equal(14, Answers.Count);

    [Theory]
    [MemberData(nameof(Answers))]
    public async Task The_stored_bodies_are_answered_as_Tempo_answered(string file)
    {
        var recorded = RecordedAnswer.Read(file);
        Assert.True(TraceId.TryParse(recorded.TraceId, out var id));
        var spans = Found.Spans(Stored(id));
        spans.InspectedBytes = spans.Spans.Count == 0 ? 0 : 4711;
        var trace = Found.Assemble(spans);

        recorded.AssertSame(recorded.IsV1 ? await Found.JsonV1(trace) : await Found.JsonV2(trace));
    }

    // The trace's part of the bodies.
    private static ResourceSpans[] Stored(TraceId id)
    {
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

        return resources;
    }
}
