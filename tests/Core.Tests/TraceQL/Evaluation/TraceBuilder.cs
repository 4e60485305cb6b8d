using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Core.TraceQL.Evaluation;
using OrleansTempo.Core.TraceQL.Semantics;
using OrleansTempo.Core.TraceQL.Syntax;

namespace OrleansTempo.Core.Tests.TraceQL.Evaluation;

/// <summary>Small traces for tests, and the names of the spans that a query finds in them.</summary>
internal static class TraceBuilder
{
    public static readonly TraceId Id = new(0x0af7651916cd43dd, 0x8448eb211c80319c);

    /// <summary>A span with an ID, a parent's ID or 0, and attributes as pairs of a key and a value.</summary>
    public static QueriedSpan Span(ulong id, ulong parent, params (string Key, object? Value)[] attributes) => new()
    {
        Id = id,
        ParentId = parent,
        Name = $"s{id}",
        StartTimeUnixNano = 1000,
        EndTimeUnixNano = 1000 + (id * 100),
        Attributes = Attributes(attributes),
        Resource = Attributes(("service.name", "shop")),
    };

    /// <summary>Attributes of the types that .NET values have; an array is one of values.</summary>
    public static QueriedAttributes Attributes(params (string Key, object? Value)[] attributes) =>
        new([.. attributes.Select(static a => new KeyValuePair<string, Value>(a.Key, ToValue(a.Value)))]);

    /// <summary>The sets of spans that a query yields, each as the spans' names: <c>s1 s2 | s3</c>.</summary>
    public static string Find(string query, params QueriedSpan[] spans) => string.Join(" | ", Run(query, spans).Select(static set => string.Join(' ', set.Spans.Select(static span => span.Name))));

    /// <summary>What a query's stages find out about each set.</summary>
    public static IEnumerable<string> Facts(string query, params QueriedSpan[] spans) => Run(query, spans).Select(static set => string.Join(", ", set.Attributes.Select(static a => $"{a.Key} is {a.Value}")));

    /// <summary>Whether a condition is met by one span.</summary>
    public static bool Matches(string condition, QueriedSpan span) => Run($"{{ {condition} }}", [span]).Count > 0;

    private static IReadOnlyList<Spanset> Run(string text, QueriedSpan[] spans)
    {
        Assert.True(Query.TryParse(text, out var query, out var error), $"{error}");
        return PipelineEvaluator.Evaluate(query.Search!, new QueriedTrace(Id, spans));
    }

    private static Value ToValue(object? value) => value switch
    {
        null => Value.Nil,
        string text => Value.String(text),
        bool truth => Value.Boolean(truth),
        int number => Value.Integer(number),
        long number => Value.Integer(number),
        double number => Value.Float(number),
        object[] elements => Value.Array([.. elements.Select(ToValue)]),
        _ => Value.Other,
    };
}
