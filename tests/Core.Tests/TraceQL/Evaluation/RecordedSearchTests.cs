using System.Globalization;
using System.Text.Json.Nodes;
using OrleansTempo.Core.TraceQL.Evaluation;
using OrleansTempo.Core.TraceQL.Semantics;
using OrleansTempo.Core.TraceQL.Syntax;

namespace OrleansTempo.Core.Tests.TraceQL.Evaluation;

/// <summary>
/// What Tempo answered to searches over 80 traces, against what the evaluator finds: which traces, when and how long, their roots, and of each set of
/// spans which spans it has and what stages found out about it.
/// </summary>
public sealed class RecordedSearchTests
{
    // Where we differ, as docs/traceql.md says.
    private static readonly HashSet<string> s_differences =
    [
        // Spans that no root reaches take part in structure here, by their parent IDs.
        "({ kind = client } && { kind = server }) >> { status = error }",
        "{ } > { }",
        "{ status = error } < { kind = server }",
        "{ kind = client } !< { kind = server }",
        // Tempo leaves out spans of the left side that take part.
        "{ kind = client } &<< { kind = server }",
        "{ kind = client } &>> { kind = server }",
        // Beside an integer Tempo does not see attributes that are floats.
        "{ span.http.status_code != 200 }",
        "{ span.http.status_code > 403 }",
        "{ span.ratio > 1 }",
        "{ } | sum(span.http.status_code) > 1000",
        // Tempo finds nothing.
        "{ !(span.retry = true) }",
        // Tempo finds arrays with another element beside the one excluded.
        """{ span.tags != "red" }""",
        // Tempo takes leading zeros off the ID, but not off what it is compared with.
        """{ span:id = "0000000100000001" }""",
        // Two traces have two roots.
        "{ name = rootName }",
    ];

    [Fact]
    public void Searches_find_what_tempo_found()
    {
        var traces = RecordedTraces.Read();
        Assert.Equal((80, 361), (traces.Count, traces.Sum(static trace => trace.Spans.Count)));

        var same = 0;
        var different = new List<string>();
        foreach (var (question, recorded) in RecordedTraces.Answers("search"))
        {
            var expected = recorded["answer"]?.AsArray().Select(trace => OfTempo(trace!, traces)).Order(StringComparer.Ordinal).ToList();
            var actual = Query.TryParse(question, out var query, out _)
                ? traces.Select(trace => OfUs(trace, PipelineEvaluator.Evaluate(query.Search!, trace))).OfType<string>().Order(StringComparer.Ordinal).ToList() : null;
            if (expected is null ? actual is null : actual is not null && expected.SequenceEqual(actual))
                same++;
            else if (!s_differences.Contains(question))
                different.Add($"{question}\n  Tempo alone: {string.Join("\n    ", (expected ?? []).Except(actual ?? []).Take(3))}\n  we alone: {string.Join("\n    ", (actual ?? []).Except(expected ?? []).Take(3))}");
        }

        Assert.True(different.Count == 0, $"{different.Count} of {different.Count + same + s_differences.Count} differ\n{string.Join('\n', different)}");
        Assert.Equal(113 - s_differences.Count, same);
    }

    [Theory]
    [InlineData("range", 24)]
    [InlineData("instant", 25)]
    public void Metrics_queries_are_accepted_and_refused_as_in_tempo(string kind, int count)
    {
        var answers = RecordedTraces.Answers(kind).ToList();
        Assert.Equal(count, answers.Count);
        Assert.All(answers, static a =>
        {
            var isMetrics = Query.TryParse(a.Question, out var query, out _) && query.Metrics is not null;
            Assert.True(isMetrics == (a.Answer["status"]!.GetValue<int>() == 200), a.Question);
        });
    }

    // Of several roots Tempo takes the one that it stored last, and we the first to begin.
    private static string OfTempo(JsonNode trace, IReadOnlyList<QueriedTrace> traces)
    {
        var root = string.Join('/', trace["root"]!.AsArray());
        if (traces.First(known => ShortId(known) == trace["id"]!.GetValue<string>()) is { } known && known.Spans.Count(static span => span.ParentId == 0) > 1)
            root = RootOf(known);
        var sets = trace["sets"]!.AsArray().Select(static set => Describe(
            set!["attributes"]?.AsArray().Select(static text => OfAttribute(JsonNode.Parse(text!.GetValue<string>())!.AsArray())) ?? [],
            set["spans"]!.AsArray().Select(static span => span![0]!.GetValue<string>())));
        return Describe(trace["id"]!.GetValue<string>(), root, trace["start"]!.GetValue<long>(), trace["ms"]?.GetValue<long>() ?? 0, sets);
    }

    private static string? OfUs(QueriedTrace trace, IReadOnlyList<Spanset> spansets) => spansets.Count == 0 ? null : Describe(
        ShortId(trace), RootOf(trace), (long)trace.StartTimeUnixNano, trace.DurationNanos / 1_000_000,
        spansets.Select(static set => Describe(set.Attributes.Select(static a => $"{a.Key}: {Text(a.Value)}"), set.Spans.Select(static span => span.Id.ToString("x16", CultureInfo.InvariantCulture)))));

    private static string ShortId(QueriedTrace trace) => trace.Id.ToString().TrimStart('0');

    // A root of a service without a name is like none.
    private static string RootOf(QueriedTrace trace) => $"{(string.IsNullOrEmpty(trace.Root?.ServiceName) ? "<root span not yet received>" : trace.Root.ServiceName)}/{trace.Root?.Name}";

    private static string Describe(string id, string root, long start, long milliseconds, IEnumerable<string> sets) =>
        $"{id} {root} from {start} for {milliseconds} ms {string.Join(' ', sets.Order(StringComparer.Ordinal))}";

    private static string Describe(IEnumerable<string> attributes, IEnumerable<string> spans) => $"[{string.Join(", ", attributes)}: {string.Join(' ', spans.Order(StringComparer.Ordinal))}]";

    private static string OfAttribute(JsonArray attribute) => $"{attribute[0]}: {attribute[1]!.AsObject().Single().Value}";

    private static string Text(Value value) => value.Type switch
    {
        DataType.String => value.Text,
        DataType.Float => value.Number.ToString(CultureInfo.InvariantCulture),
        _ => value.ToString(),
    };
}
