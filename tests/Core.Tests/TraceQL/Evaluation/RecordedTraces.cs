using System.Text.Json.Nodes;
using OrleansTempo.Core.Otlp;
using OrleansTempo.Core.Otlp.Buffers;
using OrleansTempo.Core.Otlp.Json;
using OrleansTempo.Core.Tests.Querier.Traces;
using OrleansTempo.Core.TraceQL.Evaluation;
using OrleansTempo.Tests.Otlp;

namespace OrleansTempo.Core.Tests.TraceQL.Evaluation;

/// <summary>The traces of <c>tests/golden/traceql</c>, and what Tempo answered to questions about them; times are from the base on.</summary>
internal static class RecordedTraces
{
    private static readonly string s_folder = Path.Combine(AppContext.BaseDirectory, "golden", "traceql");

    public static IReadOnlyList<QueriedTrace> Read()
    {
        var traces = new Dictionary<TraceId, TraceSpans>();
        foreach (var json in JsonNode.Parse(File.ReadAllBytes(Path.Combine(s_folder, "requests.json")))!.AsArray())
        {
            foreach (var (resource, scope, span) in Found.Each(ToProtobuf(json!).ResourceSpans))
            {
                var id = TraceId.Read(span.TraceId.Span);
                traces.TryAdd(id, new TraceSpans(id));
                traces[id].Add(Found.Of(resource, scope, span));
            }
        }

        return [.. traces.Values.Select(QueriedTrace.Read)];
    }

    /// <summary>Of a kind of question each text and its answer.</summary>
    public static IEnumerable<(string Question, JsonNode Answer)> Answers(string kind) =>
        from answer in JsonNode.Parse(File.ReadAllBytes(Path.Combine(s_folder, "answers.json")))!.AsObject()
        where answer.Key.StartsWith(kind + " ", StringComparison.Ordinal)
        select (answer.Key[(kind.Length + 1)..], answer.Value);

    private static ExportTraceServiceRequest ToProtobuf(JsonNode json)
    {
        var output = new RequestMemory(long.MaxValue).Rent(1 << 10);
        Assert.True(OtlpJsonReader.TryRead(System.Text.Encoding.UTF8.GetBytes(json.ToJsonString()), output, out var error), error);
        var request = ExportTraceServiceRequest.Parser.ParseFrom(output.Bytes);
        output.Return();
        return request;
    }
}
