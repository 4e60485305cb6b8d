using System.Text;
using OrleansTempo.Core.TraceQL.Syntax;

namespace OrleansTempo.Core.TraceQL.Semantics;

/// <summary>
/// How a query compares two values. Numbers compare with numbers, everything else with its own type; a comparison with an absent value, or of types
/// that do not compare, is false, <c>!=</c> included. An array compares by its elements: <c>!=</c> and <c>!~</c> want all of them to differ, every
/// other comparison wants one that matches. An empty array compares with nothing, and neither do two arrays.
/// </summary>
public static class ValueComparison
{
    public static bool Compare(ComparisonOperator op, in Value left, in Value right)
    {
        if (left.Type == DataType.Array && right.Type == DataType.Array)
            return false;
        if (left.Type == DataType.Array)
            return AnyOrAll(op, left.Elements, right, static (op, element, other) => CompareOne(op, element, other));
        if (right.Type == DataType.Array)
            return AnyOrAll(op, right.Elements, left, static (op, element, other) => CompareOne(op, other, element));
        return CompareOne(op, left, right);
    }

    public static bool Matches(Re2 pattern, bool isNegated, in Value value)
    {
        var elements = value.Elements;
        return isNegated ? elements.Count > 0 && elements.All(element => MatchesOne(pattern, isNegated, element)) : elements.Any(element => MatchesOne(pattern, isNegated, element));
    }

    /// <summary>Whether the result of comparing two numbers or texts, as <see cref="IComparable"/> has it, satisfies the operator.</summary>
    public static bool Satisfies(ComparisonOperator op, int order) => op switch
    {
        ComparisonOperator.Equal => order == 0,
        ComparisonOperator.NotEqual => order != 0,
        ComparisonOperator.Less => order < 0,
        ComparisonOperator.LessOrEqual => order <= 0,
        ComparisonOperator.Greater => order > 0,
        _ => order >= 0,
    };

    private static bool MatchesOne(Re2 pattern, bool isNegated, in Value value) => value.Type == DataType.String && pattern.IsMatch(value.Text) != isNegated;

    private static bool AnyOrAll(ComparisonOperator op, IReadOnlyList<Value> elements, Value other, Func<ComparisonOperator, Value, Value, bool> compare) =>
        op == ComparisonOperator.NotEqual ? elements.Count > 0 && elements.All(element => compare(op, element, other)) : elements.Any(element => compare(op, element, other));

    private static bool CompareOne(ComparisonOperator op, in Value left, in Value right)
    {
        if (left.IsNumeric && right.IsNumeric)
            return left.Type == DataType.Float || right.Type == DataType.Float ? CompareDoubles(op, left.Number, right.Number) : Satisfies(op, left.Whole.CompareTo(right.Whole));
        if (left.Type != right.Type || left.Type is DataType.Nil or DataType.Other)
            return false;
        if (left.Type == DataType.String)
            return Satisfies(op, CompareText(left.Text, right.Text));
        return op switch
        {
            ComparisonOperator.Equal => left == right,
            ComparisonOperator.NotEqual => left != right,
            _ => false,
        };
    }

    // Not by CompareTo, which gives NaN a place in the order.
    private static bool CompareDoubles(ComparisonOperator op, double left, double right) => op switch
    {
        ComparisonOperator.Equal => left == right,
        ComparisonOperator.NotEqual => left != right,
        ComparisonOperator.Less => left < right,
        ComparisonOperator.LessOrEqual => left <= right,
        ComparisonOperator.Greater => left > right,
        _ => left >= right,
    };

    // As UTF-8 orders them, by code point; UTF-16 would put what is beyond U+FFFF before U+E000.
    private static int CompareText(string left, string right) =>
        string.Equals(left, right, StringComparison.Ordinal) ? 0 : Encoding.UTF8.GetBytes(left).AsSpan().SequenceCompareTo(Encoding.UTF8.GetBytes(right));
}
