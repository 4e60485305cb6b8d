using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Core.TraceQL.Metrics;
using OrleansTempo.Core.TraceQL.Semantics;
using OrleansTempo.Core.TraceQL.Syntax;

namespace OrleansTempo.Core.Tests.TraceQL.Syntax;

/// <summary>Random queries as trees that the parser could have made: of every kind of node, with operands of the types that it takes.</summary>
internal sealed class RandomQuery(Random random)
{
    private static readonly string[] s_names = ["a", "http.method", "a-1", "foo bar", "q\"u\\o", "5", "", "x{y}", "é", ".b", "a//b", "true"];
    private static readonly string[] s_texts = ["", "x", "GET /{id}", "a\"b\\c`\n\t\u0001", "naïve ☕ \U0001F600", "nil"];
    private static readonly long[] s_integers = [0, 1, -1, 500, long.MaxValue, long.MinValue, 1_500_000_000, -90_061_001_001_001];
    private static readonly double[] s_floats = [0.5, -0.0, 1e300, -1e-300, 3, double.Epsilon];

    public Query Next() => random.Next(3) == 0 ? new Query(null, Series(3), Hints()) : new Query(Pipeline(3), null, Hints());

    private T Pick<T>(IReadOnlyList<T> of) => of[random.Next(of.Count)];

    private List<T> Several<T>(int least, int most, Func<T> next) => [.. Enumerable.Range(0, random.Next(least, most + 1)).Select(_ => next())];

    private List<Hint> Hints() => random.Next(4) > 0 ? [] : Several(1, 3, () => new Hint(Pick(["sample", "most_recent", "other"]), Pick<Value>([Value.Boolean(true), Value.String(Pick(s_texts)), Value.Float(0.1), Value.Integer(3), Value.Status(StatusCode.Ok)])));

    private Pipeline Pipeline(int depth)
    {
        var stages = Several(1, 3, () => Stage(depth));
        if (stages[0] is CoalesceStage)
            stages[0] = new SpansetStage(Spansets(depth));
        return new Pipeline(stages);
    }

    private PipelineStage Stage(int depth) => random.Next(8) switch
    {
        0 => new AggregateStage(Aggregate(), Pick(Enum.GetValues<ComparisonOperator>()), Number()),
        1 => new GroupStage(new Arithmetic(ArithmeticOperator.Add, Field(), Expression(2, isBoolean: false))),
        2 => new CoalesceStage(),
        3 => new SelectStage(Several(1, 3, Field)),
        _ => new SpansetStage(Spansets(depth)),
    };

    private Aggregate Aggregate() => random.Next(3) == 0
        ? new(AggregateFunction.Count, null)
        : new(Pick([AggregateFunction.Min, AggregateFunction.Max, AggregateFunction.Avg, AggregateFunction.Sum]), new Arithmetic(ArithmeticOperator.Multiply, Attribute(), Expression(2, isBoolean: false)));

    private SpansetExpression Spansets(int depth)
    {
        if (depth == 0 || random.Next(3) == 0)
            return new SpansetFilter(Expression(4, isBoolean: true));
        var op = Pick(Enum.GetValues<SpansetOperator>());
        var (left, right) = (Side(depth - 1), Side(depth - 1));
        return op.IsStructural() && (left.MayYieldSeveral || right.MayYieldSeveral) ? new SpansetOperation(SpansetOperator.Or, left, right) : new SpansetOperation(op, left, right);
    }

    // A pipeline of one spanset expression is that expression.
    private SpansetExpression Side(int depth) => random.Next(4) == 0 && Pipeline(depth) is var pipeline && pipeline.Stages is not [SpansetStage] ? new NestedPipeline(pipeline) : Spansets(depth);

    private MetricsSeries Series(int depth)
    {
        if (depth == 0 || random.Next(2) == 0)
        {
            var function = Function();
            return new MetricsPipeline(Pipeline(2), function, function is CompareFunction || random.Next(2) == 0 ? [] : Stages());
        }

        var (left, right) = (Operand(depth - 1), Operand(depth - 1));
        if (left is MetricsConstant)
            right = Numbers(depth - 1);
        return new MetricsMath(Pick([ArithmeticOperator.Add, ArithmeticOperator.Subtract, ArithmeticOperator.Multiply, ArithmeticOperator.Divide]), left, right, Stages());
    }

    private MetricsExpression Operand(int depth) => random.Next(3) == 0 ? new MetricsConstant(Pick([Value.Integer(Pick(s_integers)), Value.Float(Pick(s_floats))])) : Numbers(depth);

    // Series that others may be combined with.
    private MetricsSeries Numbers(int depth) => Series(depth) is var series && series is MetricsPipeline { Function: CompareFunction } compare
        ? compare with { Function = new AggregationFunction(MetricsAggregation.Rate, null, [], []) }
        : series;

    private List<MetricsStage> Stages() =>
        Several<MetricsStage>(0, 2, () => random.Next(2) == 0 ? new RankStage(random.Next(2) == 0, random.Next(1, 100)) : new ThresholdStage(Pick(Enum.GetValues<ComparisonOperator>()), Number()));

    private MetricsFunction Function()
    {
        if (random.Next(6) == 0)
            return random.Next(2) == 0 ? new CompareFunction(new SpansetFilter(Expression(2, isBoolean: true)), random.Next(1, 1001), 0, 0) : new CompareFunction(new SpansetFilter(Expression(2, isBoolean: true)), 10, 5, 7);
        var aggregation = Pick(Enum.GetValues<MetricsAggregation>());
        return new AggregationFunction(
            aggregation,
            aggregation is MetricsAggregation.Rate or MetricsAggregation.Count ? null : Field(),
            aggregation == MetricsAggregation.Quantile ? Several(1, 3, () => Pick([0, 0.5, 0.999, 1])) : [],
            Several(0, 4, Field));
    }

    private Value Number() => Pick([Value.Integer(Pick(s_integers)), Value.Float(Pick(s_floats)), Value.Duration(Pick(s_integers.Where(static i => i != long.MinValue).ToList()))]);

    private Field Field() => random.Next(3) == 0 ? new IntrinsicField(Pick([Intrinsic.Duration, Intrinsic.NestedSetParent, Intrinsic.ChildCount, Intrinsic.EventTimeSinceStart, Intrinsic.TraceDuration])) : Attribute();

    private AttributeField Attribute() => new(Pick(Enum.GetValues<AttributeScope>()), Pick(s_names));

    private FieldExpression Expression(int depth, bool isBoolean)
    {
        if (depth == 0)
            return isBoolean ? new Literal(Value.Boolean(random.Next(2) == 0)) : random.Next(2) == 0 ? new Literal(Number()) : Field();
        if (!isBoolean)
            return random.Next(4) == 0 ? new Negation(new Arithmetic(Pick(Enum.GetValues<ArithmeticOperator>()), Attribute(), Expression(depth - 1, isBoolean: false)))
                : random.Next(2) == 0 ? new Arithmetic(Pick(Enum.GetValues<ArithmeticOperator>()), Expression(depth - 1, isBoolean: false), Expression(depth - 1, isBoolean: false)) : Expression(0, isBoolean: false);
        return random.Next(8) switch
        {
            0 => new Not(Expression(depth - 1, isBoolean: true)),
            1 => new Existence(random.Next(2) == 0 ? Attribute() : new Arithmetic(ArithmeticOperator.Power, Attribute(), Expression(depth - 1, isBoolean: false)), random.Next(2) == 0),
            2 => Regex(),
            3 => new Comparison(ComparisonOperator.NotEqual, new IntrinsicField(Intrinsic.Kind), new Literal(Value.Kind(Pick(Enum.GetValues<SpanKind>())))),
            4 => new Comparison(ComparisonOperator.LessOrEqual, new Literal(Value.String(Pick(s_texts))), Attribute()),
            5 => new Comparison(Pick(Enum.GetValues<ComparisonOperator>()), Expression(depth - 1, isBoolean: false), Expression(depth - 1, isBoolean: false)),
            _ => Joined(depth, random.Next(2) == 0),
        };
    }

    // No operand has the same operator: they would be operands of this one.
    private Logical Joined(int depth, bool isAnd) => new(isAnd, Several(2, 4, () => Expression(depth - 1, isBoolean: true) is var operand && operand is Logical inner && inner.IsAnd == isAnd ? new Not(inner) : operand));

    private RegexMatch Regex()
    {
        var pattern = Pick(["", "a.*", "GET|PUT", @"\d+\.[a-z]"]);
        Assert.True(Re2.TryCompileAnchored(pattern, out var regex, out _));
        return new RegexMatch(random.Next(2) == 0 ? Attribute() : new IntrinsicField(Intrinsic.Name), random.Next(2) == 0, pattern, regex);
    }
}
