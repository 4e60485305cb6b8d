using System.Globalization;
using System.Text.Json.Nodes;

namespace OrleansTempo.Harness.Traces;

/// <summary>
/// A query for a trace and what Tempo answered it with, from <c>tests/golden/tempo-api</c> (its README says where they come from). An
/// answer here is the same where every field is, but for what is each run's own: when the spans were sent, and what it cost to find them.
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

    /// <summary>The names of all of them.</summary>
    public static IReadOnlyList<string> Files => [.. Directory.GetFiles(s_folder, "*-trace-v?.json").Select(static f => Path.GetFileName(f)).Order(StringComparer.Ordinal)];

    /// <summary>What was asked.</summary>
    public string PathAndQuery { get; }

    /// <summary>The trace's ID as it stands in the path.</summary>
    public string TraceId { get; }

    public bool IsV1 { get; }

    /// <summary>Whether it was asked for by <c>start</c> and <c>end</c>, too.</summary>
    public bool HasRange { get; }

    public static RecordedAnswer Read(string file) => new(JsonNode.Parse(File.ReadAllBytes(Path.Combine(s_folder, file)))!);

    /// <summary>Fails where an answer in JSON is not the same.</summary>
    public void AssertSame(JsonNode answer)
    {
        var (expected, actual) = (Comparable(_response), Comparable(answer));
        Assert.True(JsonNode.DeepEquals(expected, actual), $"expected {expected.ToJsonString()}\nactual   {actual.ToJsonString()}");
    }

    private static JsonNode Comparable(JsonNode answer)
    {
        answer = answer.DeepClone();
        var resources = Elements(answer["batches"] ?? answer["trace"]!["resourceSpans"]);

        // Tempo answers a resource's attributes in the order of its blocks' columns, those without one by key; here they are as sent.
        foreach (var resource in resources.Select(static r => r["resource"]!))
            resource["attributes"] = new JsonArray([.. Elements(resource["attributes"]).OrderBy(static a => a["key"]!.GetValue<string>(), StringComparer.Ordinal).Select(static a => a.DeepClone())]);

        // Absent where nothing but live traces was looked at.
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
