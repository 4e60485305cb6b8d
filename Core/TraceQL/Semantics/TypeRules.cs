using OrleansTempo.Core.TraceQL.Syntax;

namespace OrleansTempo.Core.TraceQL.Semantics;

/// <summary>
/// Which operands an operator takes, as far as it is known without a span: literals and intrinsics have a type, attributes may have any. Each method
/// answers with what is wrong, or null.
/// </summary>
internal static class TypeRules
{
    public static bool IsNumeric(DataType type) => type is DataType.Integer or DataType.Float or DataType.Duration or DataType.Any;

    public static bool IsBoolean(DataType type) => type is DataType.Boolean or DataType.Any;

    private static bool IsText(DataType type) => type is DataType.String or DataType.Any;

    /// <summary>Of what is true or false: a condition, an operand of <c>&amp;&amp; || !</c>.</summary>
    public static string? OfCondition(FieldExpression operand) => WrongOperand(operand, IsBoolean, "a boolean");

    public static string? OfArithmetic(FieldExpression left, FieldExpression right) =>
        WrongOperand(left, IsNumeric, "a number") ?? WrongOperand(right, IsNumeric, "a number");

    public static string? OfComparison(ComparisonOperator op, FieldExpression left, FieldExpression right)
    {
        if (!Compare(left.Type, right.Type))
            return $"operands must have the same type, but {Describe(left)} and {Describe(right)}";
        if (op is ComparisonOperator.Equal or ComparisonOperator.NotEqual)
            return null;
        return WrongOperand(left, HasOrder, "a number or a string") ?? WrongOperand(right, HasOrder, "a number or a string");
    }

    public static string? OfRegex(FieldExpression left, FieldExpression right)
    {
        if (right is not Literal { Type: DataType.String })
            return $"a regular expression must be a string, but {Describe(right)}";
        return WrongOperand(left, IsText, "a string");
    }

    public static string? OfNegation(FieldExpression operand) => WrongOperand(operand, IsNumeric, "a number");

    public static string? OfAbsence(FieldExpression operand) => operand switch
    {
        IntrinsicField => $"{operand} = nil is never true: every span has this field",
        AttributeField { Scope: AttributeScope.Resource, Name: "service.name" } => $"{operand} = nil is never true: a service without a name has the name \"\"",
        _ => null,
    };

    public static string? OfGroup(FieldExpression key) => key.ReadsSpan ? null : $"by() must group by a field of the span, not by {key}";

    public static string? OfAggregate(FieldExpression operand) =>
        WrongOperand(operand, IsNumeric, "a number") ?? (operand.ReadsSpan ? null : $"an aggregate must be of a field of the span, not of {operand}");

    private static bool HasOrder(DataType type) => IsNumeric(type) || IsText(type);

    private static bool Compare(DataType left, DataType right) =>
        left == right || left == DataType.Any || right == DataType.Any || (IsNumeric(left) && IsNumeric(right));

    private static string? WrongOperand(FieldExpression operand, Func<DataType, bool> isRight, string expected) =>
        isRight(operand.Type) ? null : $"expecting {expected}, but {Describe(operand)}";

    private static string Describe(FieldExpression operand)
    {
        var text = operand.ToString();
        var shown = text.Length <= 40 ? text : text[..37] + "...";
        return $"{shown} is of type {operand.Type.ToString().ToLowerInvariant()}";
    }
}
