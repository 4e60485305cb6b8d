using System.Text.RegularExpressions;
using OrleansTempo.Core.TraceQL.Syntax;

namespace OrleansTempo.Core.Tests.TraceQL.Corpora;

/// <summary>Queries of other projects: which are accepted, which are refused, and that those accepted print as themselves.</summary>
public sealed class CorpusTests
{
    // What cerberus takes and Tempo refuses as we do: parent, a comparison of types that do not compare, and unfinished queries, which are for tag values.
    private static readonly HashSet<string> s_refused =
    [
        """{ parent && resource.service.name = "api" }""",
        """{ parent = "fedcba9876543210" }""",
        "{ name > 3 }",
        "{{{",
        """{ span.http.method = "GET" && resource.cluster = }""",
        """{ resource.service.name = "checkout" && resource.cluster = }""",
    ];

    [CorporaFact]
    public void Tempos_examples_are_accepted_and_refused_as_there()
    {
        var accepted = false;
        var queries = new List<(string, bool)>();
        foreach (var line in ReadLines("tempo/pkg/traceql/test_examples.yaml"))
        {
            if (Regex.Match(line, @"^(\w+):$") is { Success: true } section)
                accepted = section.Groups[1].Value == "valid";
            else if (Regex.Match(line, @"^  - '(.*)'\s*(#.*)?$") is { Success: true } plain)
                queries.Add((plain.Groups[1].Value.Replace("''", "'"), accepted));
            else if (Regex.Match(line, @"^  - (""(?:[^""\\]|\\.)*"")\s*(#.*)?$") is { Success: true } escaped)
                queries.Add((QuotedText.Read(escaped.Groups[1].Value.AsSpan()[1..^1], out _, out _), accepted));
        }

        AssertSame(queries, 463);
    }

    [CorporaFact]
    public void The_editor_accepts_no_more_than_the_parser()
    {
        var text = string.Join('\n', ReadLines("lezer-traceql/test/expression.txt"));
        AssertSame([.. Regex.Matches(text, @"^# .*\n([\s\S]*?)\n==>(.*)", RegexOptions.Multiline).Select(static m => (m.Groups[1].Value.Trim(), !m.Groups[2].Value.Contains('⚠')))], 128);
    }

    [CorporaFact]
    public void What_cerberus_asks_is_accepted()
    {
        var specs = Directory.GetFiles(Path.Combine(CorporaFactAttribute.Folder!, "cerberus/test/spec/traceql"), "*.txtar").Select(File.ReadAllText);
        var smoke = string.Join('\n', ReadLines("cerberus/compatibility/tempo/driver/corpus/smoke.txtar"));
        AssertSame([.. specs.Append(smoke).SelectMany(static text => Regex.Matches(text, @"^-- query(?:\.traceql)? --\n([\s\S]*?)\n(?=-- )", RegexOptions.Multiline))
            .Select(static m => m.Groups[1].Value.Trim()).Select(static query => (query, !s_refused.Contains(query)))], 296);
    }

    private static string[] ReadLines(string file) => File.ReadAllLines(Path.Combine(CorporaFactAttribute.Folder!, file));

    private static void AssertSame(IReadOnlyList<(string Query, bool IsAccepted)> queries, int atLeast)
    {
        Assert.InRange(queries.Count, atLeast, int.MaxValue);
        var wrong = new List<string>();
        foreach (var (text, isAccepted) in queries)
        {
            if (Query.TryParse(text, out var query, out var error) != isAccepted)
                wrong.Add(isAccepted ? $"refused: {text}: {error}" : $"accepted: {text}");
            if (query is not null && (!Query.TryParse(query.ToString(), out var again, out error) || again.ToString() != query.ToString()))
                wrong.Add($"printed: {text} as {query}: {error}");
        }

        Assert.True(wrong.Count == 0, $"{queries.Count - wrong.Count} of {queries.Count}\n{string.Join('\n', wrong)}");
    }
}
