using OrleansTempo.Core.TraceQL.Semantics;
using OrleansTempo.Core.TraceQL.Syntax;

namespace OrleansTempo.Core.TraceQL.Evaluation;

/// <summary>
/// Computes expressions over the spans of a trace. No span makes an expression fail: where an operator has no result for its operands, it yields no value,
/// and a condition without a value is not met.
/// </summary>
internal sealed class FieldEvaluator(QueriedTrace trace)
{
    public bool IsMet(FieldExpression condition, QueriedSpan span) => Evaluate(condition, span).IsTrue;

    public Value Evaluate(FieldExpression expression, QueriedSpan span) => expression switch
    {
        Literal literal => literal.Value,
        Field field => SpanFields.ValueOf(field, span, trace),
        Existence existence => Value.Boolean(Evaluate(existence.Operand, span).IsNil != existence.IsPresent),
        Logical { IsAnd: true } all => Value.Boolean(all.Operands.All(operand => IsMet(operand, span))),
        Logical any => Value.Boolean(any.Operands.Any(operand => IsMet(operand, span))),
        Comparison comparison => Value.Boolean(Compare(comparison, span)),
        RegexMatch match => Value.Boolean(ValueComparison.Matches(match.Regex, match.IsNegated, Evaluate(match.Operand, span))),
        Arithmetic arithmetic => ValueArithmetic.Apply(arithmetic.Operator, Evaluate(arithmetic.Left, span), Evaluate(arithmetic.Right, span)),
        Negation negation => ValueArithmetic.Negate(Evaluate(negation.Operand, span)),
        Not not => Evaluate(not.Operand, span) is { Type: DataType.Boolean } value ? Value.Boolean(!value.IsTrue) : Value.Nil,
        _ => throw new ArgumentOutOfRangeException(nameof(expression), expression, "unknown expression"),
    };

    private bool Compare(Comparison comparison, QueriedSpan span)
    {
        var (left, right) = (Evaluate(comparison.Left, span), Evaluate(comparison.Right, span));
        if (IsId(comparison.Left) || IsId(comparison.Right))
            (left, right) = (ShortId(left), ShortId(right));
        return ValueComparison.Compare(comparison.Operator, left, right);
    }

    // IDs are known with and without leading zeros, and in digits of either case.
    private static bool IsId(FieldExpression expression) =>
        expression is IntrinsicField { Intrinsic: Intrinsic.TraceId or Intrinsic.SpanId or Intrinsic.ParentId or Intrinsic.LinkTraceId or Intrinsic.LinkSpanId };

    private static Value ShortId(in Value id) => id.Type switch
    {
        DataType.String => Value.String(id.Text.TrimStart('0').ToLowerInvariant()),
        DataType.Array => Value.Array([.. id.Elements.Select(static element => ShortId(element))]),
        _ => id,
    };
}
