using OrleansTempo.Core.TraceQL.Metrics;
using OrleansTempo.Core.TraceQL.Semantics;

namespace OrleansTempo.Core.TraceQL.Syntax;

/// <summary>
/// Parses what is outside of <c>{ }</c>. What an opening parenthesis begins is known only later: spansets, a pipeline, an aggregate, a number or
/// series. So all of them are terms, joined by one set of operators, and each operator says which terms it takes.
/// </summary>
internal sealed class PipelineParser
{
    private const string Stage = "{, (, by, coalesce, select, an aggregate or a metrics function";

    private static readonly Dictionary<string, AggregateFunction> s_aggregates = new()
    {
        ["count"] = AggregateFunction.Count,
        ["min"] = AggregateFunction.Min,
        ["max"] = AggregateFunction.Max,
        ["avg"] = AggregateFunction.Avg,
        ["sum"] = AggregateFunction.Sum,
    };

    private readonly TokenReader _reader;
    private readonly FieldParser _fields;
    private readonly MetricsParser _metrics;

    public PipelineParser(TokenReader reader, FieldParser fields)
    {
        _reader = reader;
        _fields = fields;
        _metrics = new MetricsParser(reader, fields);
    }

    /// <summary>A <see cref="Pipeline"/> or a <see cref="MetricsExpression"/>.</summary>
    public object ParseQuery() => ParseStages() switch
    {
        SpansetTerm spansets => new Pipeline([new SpansetStage(spansets.Expression)]),
        PipelineTerm stages => stages.Pipeline,
        SeriesTerm series => series.Series,
        ConstantTerm => throw _reader.Unexpected("an operator and ( … | rate() ) or another metrics query"),
        _ => throw _reader.Unexpected("a comparison"),
    };

    // What stands in a query or in parentheses; a single spanset expression or term as such, so that parentheses group.
    private Term ParseStages() => _reader.Deeper(() =>
    {
        var stages = new List<PipelineStage>();
        SeriesTerm? series = null;
        do
        {
            var token = _reader.Current;
            FieldParser.Check(token, stages.Count < TokenReader.MaxStages ? null : $"a pipeline has at most {TokenReader.MaxStages} stages");
            if (series is not null)
                series = ParseThresholds(new SeriesTerm(MetricsParser.With(series.Series, _metrics.ParseRank(), token)));
            else if (_metrics.IsAtFunction && stages.Count > 0)
                series = ParseThresholds(new SeriesTerm(new MetricsPipeline(new Pipeline(stages), _metrics.ParseFunction(ParseFilter), [])));
            else if (ParseNamedStage(stages.Count == 0) is { } named)
                stages.Add(named);
            else
                switch (ParseTerm(Operators.AnyPrecedence))
                {
                    case SpansetTerm spansets:
                        stages.Add(new SpansetStage(spansets.Expression));
                        break;
                    case ComparedTerm compared:
                        stages.Add(compared.Stage);
                        break;
                    case SeriesTerm first when stages.Count == 0:
                        series = first;
                        break;
                    case var other when stages.Count == 0:
                        return other;
                    case AggregateTerm when _reader.Current.IsSymbol(")"):
                        throw new QuerySyntaxException(token.Offset, "comparing what pipelines yield is not supported; a comparison of an aggregate with a number is: | count() > 1");
                    case AggregateTerm:
                        throw _reader.Unexpected("a comparison");
                    default:
                        throw new QuerySyntaxException(token.Offset, $"syntax error: unexpected {token}, expecting {Stage}");
                }
        }
        while (_reader.TryTake("|"));

        if (series is not null)
            return series;
        return stages is [SpansetStage only] ? new SpansetTerm(only.Expression, IsWrapped: false) : new PipelineTerm(new Pipeline(stages));
    });

    private PipelineStage? ParseNamedStage(bool isFirst)
    {
        var name = _reader.Current;
        if (name.IsWord("coalesce") && isFirst)
            throw _reader.Unexpected("another stage before it");
        if (_reader.TryTakeWord("by"))
        {
            _reader.Expect("(");
            var key = _fields.Parse();
            _reader.Expect(")");
            FieldParser.Check(name, TypeRules.OfGroup(key));
            return new GroupStage(key);
        }

        if (_reader.TryTakeWord("coalesce"))
        {
            _reader.Expect("(");
            _reader.Expect(")");
            return new CoalesceStage();
        }

        return _reader.TryTakeWord("select") ? new SelectStage(_fields.ParseFields()) : null;
    }

    private SpansetFilter ParseFilter()
    {
        var brace = _reader.Current;
        _reader.Expect("{");
        if (_reader.TryTake("}"))
            return new SpansetFilter(new Literal(Value.Boolean(true)));
        var condition = _fields.Parse();
        _reader.Expect("}");
        FieldParser.Check(brace, TypeRules.OfCondition(condition));
        return new SpansetFilter(condition);
    }

    // rate() > 10 < 20
    private SeriesTerm ParseThresholds(SeriesTerm series)
    {
        while (_metrics.IsAtComparison)
        {
            var op = _reader.Take();
            series = Threshold(op, series, ParseTerm(Operators.Sum));
        }

        return series;
    }

    private Term ParseTerm(int precedence) => _reader.Deeper(() =>
    {
        var left = ParseOperand();
        while (_reader.Current.Kind == TokenKind.Symbol && Operators.PrecedenceOf(_reader.Current.Text) is { } found && found >= precedence)
        {
            var op = _reader.Take();
            left = Join(op, left, ParseTerm(op.Text == "^" ? found : found + 1));
            TokenReader.CheckDepth(left.Depth, op.Offset);
        }

        return left;
    });

    private Term ParseOperand()
    {
        var token = _reader.Current;
        if (token.IsSymbol("{"))
            return new SpansetTerm(ParseFilter(), IsWrapped: false);
        if (token.Kind is TokenKind.Number or TokenKind.Duration || token.IsWord("minInt") || token.IsWord("maxInt"))
            return new ConstantTerm(_fields.ParseConstant());
        if (_reader.TryTake("-"))
            return _reader.Deeper(ParseOperand) is ConstantTerm number ? new ConstantTerm(ValueArithmetic.Negate(number.Value)) : throw Wrong(token, "- before a number only");
        if (_reader.TryTake("("))
        {
            var inner = ParseStages();
            _reader.Expect(")");
            return inner switch
            {
                SpansetTerm spansets => spansets with { IsWrapped = true },
                PipelineTerm stages => new SpansetTerm(new NestedPipeline(stages.Pipeline), IsWrapped: true),
                _ => inner,
            };
        }

        if (token.Kind == TokenKind.Word && s_aggregates.TryGetValue(token.Text, out var function))
            return new AggregateTerm(ParseAggregate(function));
        throw _reader.Unexpected(Stage);
    }

    private Aggregate ParseAggregate(AggregateFunction function)
    {
        var name = _reader.Take();
        _reader.Expect("(");
        var operand = function == AggregateFunction.Count ? null : _fields.Parse();
        _reader.Expect(")");
        if (operand is not null)
            FieldParser.Check(name, TypeRules.OfAggregate(operand));
        return new Aggregate(function, operand);
    }

    private static Term Join(in Token op, Term left, Term right)
    {
        if (left is SpansetTerm leftSpans && right is SpansetTerm rightSpans)
            return JoinSpansets(op, leftSpans, rightSpans);
        if (left is SeriesTerm series && Operators.Comparisons.ContainsKey(op.Text))
            return Threshold(op, series, right);
        if (left is SeriesTerm or ConstantTerm && right is SeriesTerm or ConstantTerm)
        {
            if (left is ConstantTerm leftConstant && right is ConstantTerm rightConstant)
                return Fold(op, leftConstant.Value, rightConstant.Value);
            return new SeriesTerm(MetricsParser.Join(op, SideOf(op, left), SideOf(op, right)));
        }

        if (left is AggregateTerm aggregate && right is ConstantTerm threshold && Operators.Comparisons.TryGetValue(op.Text, out var comparison))
            return new ComparedTerm(new AggregateStage(aggregate.Aggregate, comparison, threshold.Value));
        if (left is AggregateTerm or ConstantTerm && right is AggregateTerm or ConstantTerm)
            throw new QuerySyntaxException(op.Offset, "only an aggregate on the left and a number on the right of a comparison are supported: | count() > 1");
        throw Wrong(op, "two sets of spans, an aggregate and a number, or series and a number");
    }

    private static MetricsExpression SideOf(in Token op, Term term) => term is SeriesTerm series ? series.Series : MetricsParser.Constant(op, ((ConstantTerm)term).Value);

    private static SpansetTerm JoinSpansets(in Token op, SpansetTerm left, SpansetTerm right)
    {
        if (!Operators.Spansets.TryGetValue(op.Text, out var spansets))
            throw Wrong(op, "an operator between sets of spans");
        if ((left.Expression.HasPipeline && !right.IsWrapped) || (right.Expression.HasPipeline && !left.IsWrapped))
            throw new QuerySyntaxException(op.Offset, $"syntax error: {op} joins a pipeline with spansets; put the spansets into parentheses too");
        if (spansets.IsStructural() && (left.Expression.MayYieldSeveral || right.Expression.MayYieldSeveral))
            throw new QuerySyntaxException(op.Offset, $"{op} takes one set of spans on each side, but by() makes several: join them with | coalesce()");
        return new SpansetTerm(new SpansetOperation(spansets, left.Expression, right.Expression), left.IsWrapped && right.IsWrapped);
    }

    private static SeriesTerm Threshold(in Token op, SeriesTerm series, Term threshold) => threshold is ConstantTerm constant
        ? new SeriesTerm(MetricsParser.With(series.Series, new ThresholdStage(Operators.Comparisons[op.Text], constant.Value), op))
        : throw Wrong(op, "a number after it");

    // As on values, but not with durations, which Tempo refuses here.
    private static ConstantTerm Fold(in Token op, in Value left, in Value right)
    {
        if (!Operators.Arithmetic.TryGetValue(op.Text, out var arithmetic) || arithmetic is ArithmeticOperator.Modulo or ArithmeticOperator.Power)
            throw Wrong(op, "an aggregate or one of + - * /");
        FieldParser.Check(op, left.Type == DataType.Duration || right.Type == DataType.Duration ? "there is no arithmetic with durations here" : null);
        var folded = ValueArithmetic.Apply(arithmetic, left, right);
        FieldParser.Check(op, !folded.IsNil && double.IsFinite(folded.Number) ? null : $"{left} {op} {right} is no number");
        return new ConstantTerm(folded);
    }

    private static QuerySyntaxException Wrong(in Token token, string expected) => new(token.Offset, $"syntax error: unexpected {token}, expecting {expected}");

    // What an operand or an operation is.
    private abstract record Term
    {
        public virtual int Depth => 1;
    }

    private sealed record SpansetTerm(SpansetExpression Expression, bool IsWrapped) : Term
    {
        public override int Depth => Expression.Depth;
    }

    private sealed record PipelineTerm(Pipeline Pipeline) : Term
    {
        public override int Depth => Pipeline.Depth;
    }

    private sealed record AggregateTerm(Aggregate Aggregate) : Term;

    private sealed record ComparedTerm(AggregateStage Stage) : Term;

    private sealed record ConstantTerm(Value Value) : Term;

    private sealed record SeriesTerm(MetricsSeries Series) : Term
    {
        public override int Depth => Series.Depth;
    }
}
