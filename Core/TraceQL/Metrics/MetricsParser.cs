using OrleansTempo.Core.TraceQL.Semantics;
using OrleansTempo.Core.TraceQL.Syntax;

namespace OrleansTempo.Core.TraceQL.Metrics;

/// <summary>Parses and checks the stages of metrics queries: the function that makes series, and what follows it.</summary>
internal sealed class MetricsParser(TokenReader reader, FieldParser fields)
{
    /// <summary>The functions' names.</summary>
    public static readonly Dictionary<string, MetricsAggregation> Aggregations = new()
    {
        ["rate"] = MetricsAggregation.Rate,
        ["count_over_time"] = MetricsAggregation.Count,
        ["min_over_time"] = MetricsAggregation.Min,
        ["max_over_time"] = MetricsAggregation.Max,
        ["avg_over_time"] = MetricsAggregation.Avg,
        ["sum_over_time"] = MetricsAggregation.Sum,
        ["quantile_over_time"] = MetricsAggregation.Quantile,
        ["histogram_over_time"] = MetricsAggregation.Histogram,
    };

    // Tempo's: series have five labels, of which quantiles, histograms and averages need one themselves.
    private const int MaxGroups = 5;
    private const long MaxCompareTop = 1000;

    /// <summary>Whether a stage begins here that only metrics queries have.</summary>
    public bool IsAtFunction => reader.Current.Kind == TokenKind.Word && (reader.Current.Text == "compare" || Aggregations.ContainsKey(reader.Current.Text));

    public MetricsFunction ParseFunction(Func<SpansetFilter> parseFilter)
    {
        var name = reader.Take();
        return name.Text == "compare" ? ParseCompare(name, parseFilter) : ParseAggregation(name, Aggregations[name.Text]);
    }

    /// <summary>Whether a query may go on with a comparison.</summary>
    public bool IsAtComparison => reader.Current.Kind == TokenKind.Symbol && Operators.Comparisons.ContainsKey(reader.Current.Text);

    /// <summary><c>topk(n)</c> or <c>bottomk(n)</c></summary>
    public RankStage ParseRank()
    {
        var name = reader.Current;
        if (!name.IsWord("topk") && !name.IsWord("bottomk"))
            throw reader.Unexpected("topk or bottomk");
        reader.Take();
        reader.Expect("(");
        var count = ParseInteger();
        reader.Expect(")");
        FieldParser.Check(name, count > 0 ? null : $"{name}() needs a number of at least 1");
        return new RankStage(name.Text == "topk", count);
    }

    /// <summary>Adds a stage to series, which those of <c>compare()</c> do not have.</summary>
    public static MetricsSeries With(MetricsSeries series, MetricsStage stage, in Token token)
    {
        RefuseCompare(series, token);
        FieldParser.Check(token, series.Stages.Count < TokenReader.MaxStages ? null : $"series have at most {TokenReader.MaxStages} stages");
        return series with { Stages = [.. series.Stages, stage] };
    }

    public static MetricsMath Join(in Token op, MetricsExpression left, MetricsExpression right)
    {
        RefuseCompare(left, op);
        RefuseCompare(right, op);
        if (!Operators.Arithmetic.TryGetValue(op.Text, out var arithmetic) || arithmetic is ArithmeticOperator.Modulo or ArithmeticOperator.Power)
            throw new QuerySyntaxException(op.Offset, $"syntax error: unexpected {op} between series, expecting one of + - * /");
        return new MetricsMath(arithmetic, left, right, []);
    }

    public static MetricsConstant Constant(in Token op, in Value value)
    {
        FieldParser.Check(op, value.Type == DataType.Duration ? "series cannot be combined with a duration, only with a number" : null);
        return new MetricsConstant(value);
    }

    private static void RefuseCompare(MetricsExpression series, in Token token) =>
        FieldParser.Check(token, series is MetricsPipeline { Function: CompareFunction } ? "compare() must be the last stage" : null);

    private AggregationFunction ParseAggregation(in Token name, MetricsAggregation aggregation)
    {
        reader.Expect("(");
        var of = aggregation is MetricsAggregation.Rate or MetricsAggregation.Count ? null : fields.ParseField();
        List<double> quantiles = aggregation == MetricsAggregation.Quantile ? ParseQuantiles() : [];
        reader.Expect(")");
        var by = reader.TryTakeWord("by") ? fields.ParseFields() : [];
        var most = aggregation is MetricsAggregation.Quantile or MetricsAggregation.Histogram or MetricsAggregation.Avg ? MaxGroups - 1 : MaxGroups;
        FieldParser.Check(name, by.Count <= most ? null : $"{name}() groups by at most {most} fields, not by {by.Count}");
        return new AggregationFunction(aggregation, of, quantiles, by);
    }

    private List<double> ParseQuantiles()
    {
        var quantiles = new List<double>();
        reader.Expect(",");
        do
        {
            var token = reader.Current;
            if (token.Kind != TokenKind.Number)
                throw reader.Unexpected("a number from 0 to 1");
            FieldParser.Check(token, token.Value.Number <= 1 ? null : $"quantiles are from 0 to 1, not {token}");
            quantiles.Add(reader.Take().Value.Number);
        }
        while (reader.TryTake(","));
        return quantiles;
    }

    private CompareFunction ParseCompare(in Token name, Func<SpansetFilter> parseFilter)
    {
        reader.Expect("(");
        var selection = parseFilter();
        var numbers = new List<long>();
        while (numbers.Count < 3 && reader.TryTake(","))
            numbers.Add(ParseInteger());
        if (numbers.Count == 2)
            throw reader.Unexpected(", and the end of the selection");
        reader.Expect(")");
        var (top, start, end) = (numbers.Count > 0 ? numbers[0] : CompareFunction.DefaultTop, numbers.ElementAtOrDefault(1), numbers.ElementAtOrDefault(2));
        FieldParser.Check(name, top is > 0 and <= MaxCompareTop ? null : $"compare() takes a number of values from 1 to {MaxCompareTop}, not {top}");
        FieldParser.Check(name, (start == 0 && end == 0) || (start > 0 && end > start) ? null : "compare() takes a start and a later end as Unix times in nanoseconds");
        return new CompareFunction(selection, top, start, end);
    }

    private long ParseInteger()
    {
        var token = reader.Current;
        return token.Kind == TokenKind.Number && token.Value.Type == DataType.Integer ? reader.Take().Value.Whole : throw reader.Unexpected("an integer");
    }
}
