using OrleansTempo.Core.TraceQL.Metrics;

namespace OrleansTempo.Core.TraceQL.Syntax;

/// <summary>Parses a whole query.</summary>
internal sealed class QueryParser(TokenReader reader)
{
    private readonly FieldParser _fields = new(reader);

    public Query Parse()
    {
        var body = new PipelineParser(reader, _fields).ParseQuery();
        List<Hint> hints = reader.TryTakeWord("with") ? ParseHints() : [];
        if (reader.Current.Kind != TokenKind.End)
            throw reader.Unexpected("an operator, |, with or the end of the query");
        return body is MetricsExpression metrics ? new Query(null, metrics, hints) : new Query((Pipeline)body, null, hints);
    }

    private List<Hint> ParseHints()
    {
        var hints = new List<Hint>();
        reader.Expect("(");
        do
        {
            if (reader.Current.Kind != TokenKind.Word)
                throw reader.Unexpected("the name of a hint");
            var name = reader.Take();
            reader.Expect("=");
            hints.Add(new Hint(name.Text, _fields.ParseConstant()));
        }
        while (reader.TryTake(","));
        reader.Expect(")");
        return hints;
    }
}
