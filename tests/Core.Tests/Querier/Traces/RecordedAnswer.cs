using System.Globalization;
using System.Text.Json.Nodes;

namespace OrleansTempo.Core.Tests.Querier.Traces;

/// <summary>
/// A query for a trace and Tempo's answer, from <c>tests/golden/tempo-api</c> (its README says where they come from). Our answer matches if every
/// field does, except those specific to a run: when the spans were sent, and what it cost to find them.
/// </summary>
internal sealed class RecordedAnswer
{
    private static readonly string s_folder = Path.Combine(AppContext.BaseDirectory, "golden", "tempo-api");

    private readonly JsonNode _response;

    private RecordedAnswer(JsonNode recorded)
    {
        _response = recorded["response"]!;
        var request = recorded["request"]!;
        var path = request["path"]!.GetValue<string>();
        var parameters = request["params"]!.AsObject().Select(static p => $"{p.Key}={p.Value}").ToArray();
        TraceId = path[(path.LastIndexOf('/') + 1)..];
        IsV1 = path.StartsWith("/api/traces/", StringComparison.Ordinal);
        HasRange = parameters.Length > 0;
        PathAndQuery = HasRange ? $"{path}?{string.Join('&', parameters)}" : path;
    }

    /// <summary>The names of all recorded answers.</summary>
    public static IReadOnlyList<string> Files => [.. Directory.GetFiles(s_folder, "*-trace-v?.json").Select(static f => Path.GetFileName(f)).Order(StringComparer.Ordinal)];

    /// <summary>The query.</summary>
    public string PathAndQuery { get; }

    /// <summary>The trace's ID as written in the path.</summary>
    public string TraceId { get; }

    public bool IsV1 { get; }

    /// <summary>Whether the query also gave <c>start</c> and <c>end</c>.</summary>
    public bool HasRange { get; }

    public static RecordedAnswer Read(string file) => new(JsonNode.Parse(File.ReadAllBytes(Path.Combine(s_folder, file)))!);

    /// <summary>Fails if a JSON answer differs.</summary>
    public void AssertSame(JsonNode answer)
    {
        var (expected, actual) = (Comparable(_response), Comparable(answer));
        Assert.True(JsonNode.DeepEquals(expected, actual), $"expected {expected.ToJsonString()}\nactual   {actual.ToJsonString()}");
    }

    private static JsonNode Comparable(JsonNode answer)
    {
        answer = answer.DeepClone();
        var resources = Elements(answer["batches"] ?? answer["trace"]!["resourceSpans"]);

        // Tempo answers a resource's attributes in the order of its blocks' columns, and those without a column by key; ours are in the order sent.
        foreach (var resource in resources.Select(static r => r["resource"]!))
            resource["attributes"] = new JsonArray([.. Elements(resource["attributes"]).OrderBy(static a => a["key"]!.GetValue<string>(), StringComparer.Ordinal).Select(static a => a.DeepClone())]);

        // Absent if only live traces were searched.
        if (answer["metrics"]?["inspectedBytes"] is { } inspected)
        {
            Assert.Matches("^[1-9][0-9]*$", inspected.GetValue<string>());
            answer["metrics"]!.AsObject().Remove("inspectedBytes");
        }

        MoveToZero([.. resources.SelectMany(static r => Elements(r["scopeSpans"])).SelectMany(static s => Elements(s["spans"]))]);
        return answer;
    }

    // The earliest of a trace's spans begins at 0.
    private static void MoveToZero(JsonNode[] spans)
    {
        if (spans.Length == 0)
            return;
        var times = (
            from span in spans.SelectMany(static span => (IEnumerable<JsonNode>)[span, .. Elements(span["events"])])
            from name in (string[])["startTimeUnixNano", "endTimeUnixNano", "timeUnixNano"]
            where span[name] is not null
            select (span, name)).ToArray();
        var first = spans.Min(static span => Time(span, "startTimeUnixNano"));
        foreach (var (span, name) in times)
            span[name] = (Time(span, name) - first).ToString(CultureInfo.InvariantCulture);
    }

    private static decimal Time(JsonNode span, string name) => decimal.Parse(span[name]!.GetValue<string>(), CultureInfo.InvariantCulture);

    private static JsonNode[] Elements(JsonNode? array) => [.. (array?.AsArray() ?? []).Select(static element => element!)];
}
