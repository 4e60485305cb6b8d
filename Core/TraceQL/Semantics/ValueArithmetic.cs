using OrleansTempo.Core.TraceQL.Syntax;

namespace OrleansTempo.Core.TraceQL.Semantics;

/// <summary>
/// The arithmetic of the language: integers with integers stay integers and wrap around, everything else is computed in doubles (durations as
/// nanoseconds). Where there is no result there is no value, and never an error: an operand that is absent or no number, an integer divided by 0.
/// </summary>
public static class ValueArithmetic
{
    public static Value Apply(ArithmeticOperator op, in Value left, in Value right)
    {
        if (!left.IsNumeric || !right.IsNumeric)
            return Value.Nil;
        return left.Type == DataType.Integer && right.Type == DataType.Integer ? Integers(op, left.Whole, right.Whole) : Value.Float(Doubles(op, left.Number, right.Number));
    }

    public static Value Negate(in Value value) => value.Type switch
    {
        DataType.Integer => Value.Integer(unchecked(-value.Whole)),
        DataType.Duration => Value.Duration(unchecked(-value.Whole)),
        DataType.Float => Value.Float(-value.Number),
        _ => Value.Nil,
    };

    // The least integer has no opposite, which the processor reports when it divides by −1.
    private static Value Integers(ArithmeticOperator op, long left, long right) => op switch
    {
        ArithmeticOperator.Add => Value.Integer(unchecked(left + right)),
        ArithmeticOperator.Subtract => Value.Integer(unchecked(left - right)),
        ArithmeticOperator.Multiply => Value.Integer(unchecked(left * right)),
        ArithmeticOperator.Power => Value.Integer((long)Math.Pow(left, right)),
        _ when right == 0 => Value.Nil,
        ArithmeticOperator.Divide => Value.Integer(right == -1 ? unchecked(-left) : left / right),
        _ => Value.Integer(right == -1 ? 0 : left % right),
    };

    private static double Doubles(ArithmeticOperator op, double left, double right) => op switch
    {
        ArithmeticOperator.Add => left + right,
        ArithmeticOperator.Subtract => left - right,
        ArithmeticOperator.Multiply => left * right,
        ArithmeticOperator.Divide => left / right,
        ArithmeticOperator.Modulo => left % right,
        _ => Math.Pow(left, right),
    };
}
