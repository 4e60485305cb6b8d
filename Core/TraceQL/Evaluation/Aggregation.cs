using OrleansTempo.Core.TraceQL.Semantics;
using OrleansTempo.Core.TraceQL.Syntax;

namespace OrleansTempo.Core.TraceQL.Evaluation;

/// <summary>
/// Aggregates of a set of spans. Spans without a number do not count; without any there is no value, but for <c>count()</c>, which counts spans. An average
/// of durations is a duration, any other a float.
/// </summary>
internal static class Aggregation
{
    public static Value Compute(Aggregate aggregate, Spanset spans, FieldEvaluator fields)
    {
        if (aggregate.Operand is not { } operand)
            return Value.Integer(spans.Spans.Count);
        var numbers = spans.Spans.Select(span => fields.Evaluate(operand, span)).Where(static value => value.IsNumeric).ToList();
        if (numbers.Count == 0)
            return Value.Nil;
        return aggregate.Function switch
        {
            AggregateFunction.Min => numbers.Aggregate(static (least, value) => ValueComparison.Compare(ComparisonOperator.Less, value, least) ? value : least),
            AggregateFunction.Max => numbers.Aggregate(static (most, value) => ValueComparison.Compare(ComparisonOperator.Greater, value, most) ? value : most),
            AggregateFunction.Sum => Sum(numbers),
            _ => Average(numbers),
        };
    }

    private static Value Sum(List<Value> numbers) => numbers.Aggregate(Add);

    // Durations stay durations, which they do not in a query's sums.
    private static Value Add(Value sum, Value value) => sum.Type == DataType.Duration && value.Type == DataType.Duration
        ? Value.Duration(unchecked(sum.Whole + value.Whole))
        : ValueArithmetic.Apply(ArithmeticOperator.Add, sum, value);

    private static Value Average(List<Value> numbers)
    {
        var sum = Sum(numbers);
        return sum.Type == DataType.Duration ? Value.Duration(sum.Whole / numbers.Count) : Value.Float(sum.Number / numbers.Count);
    }
}
