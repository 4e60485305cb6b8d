namespace OrleansTempo.Core.TraceQL.Syntax;

/// <summary>Comparisons of fields, aggregates and series; regular expressions are apart (<see cref="RegexMatch"/>).</summary>
public enum ComparisonOperator
{
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

public enum ArithmeticOperator
{
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Power,
}

/// <summary>How an operator combines two sets of spans of a trace, <c>A op B</c>.</summary>
public enum SpansetOperator
{
    /// <summary>All spans of both, if neither is empty.</summary>
    And,

    /// <summary>All spans of both.</summary>
    Or,

    /// <summary>The spans of B that have a parent in A.</summary>
    Child,

    /// <summary>The spans of B that have a child in A.</summary>
    Parent,

    /// <summary>The spans of B that have an ancestor in A.</summary>
    Descendant,

    /// <summary>The spans of B that have a descendant in A.</summary>
    Ancestor,

    /// <summary>The spans of B that have another child of their parent in A.</summary>
    Sibling,

    /// <summary>The spans of B that have none.</summary>
    NotChild,
    NotParent,
    NotDescendant,
    NotAncestor,
    NotSibling,

    /// <summary>The spans of both sides that take part in the relation.</summary>
    UnionChild,
    UnionParent,
    UnionDescendant,
    UnionAncestor,
    UnionSibling,
}

/// <summary>The operators' spelling, and how tightly they bind.</summary>
internal static class Operators
{
    // && and || bind alike, and so do comparisons and structural operators; the unary ! is between sums and products, the unary - is with the sums.
    public const int AnyPrecedence = 0, Logical = 1, Comparison = 2, Sum = 3, Not = 4, Product = 5, Power = 6;

    public static readonly Dictionary<string, ComparisonOperator> Comparisons = new()
    {
        ["="] = ComparisonOperator.Equal,
        ["!="] = ComparisonOperator.NotEqual,
        ["<"] = ComparisonOperator.Less,
        ["<="] = ComparisonOperator.LessOrEqual,
        [">"] = ComparisonOperator.Greater,
        [">="] = ComparisonOperator.GreaterOrEqual,
    };

    public static readonly Dictionary<string, ArithmeticOperator> Arithmetic = new()
    {
        ["+"] = ArithmeticOperator.Add,
        ["-"] = ArithmeticOperator.Subtract,
        ["*"] = ArithmeticOperator.Multiply,
        ["/"] = ArithmeticOperator.Divide,
        ["%"] = ArithmeticOperator.Modulo,
        ["^"] = ArithmeticOperator.Power,
    };

    public static readonly Dictionary<string, SpansetOperator> Spansets = new()
    {
        ["&&"] = SpansetOperator.And,
        ["||"] = SpansetOperator.Or,
        [">"] = SpansetOperator.Child,
        ["<"] = SpansetOperator.Parent,
        [">>"] = SpansetOperator.Descendant,
        ["<<"] = SpansetOperator.Ancestor,
        ["~"] = SpansetOperator.Sibling,
        ["!>"] = SpansetOperator.NotChild,
        ["!<"] = SpansetOperator.NotParent,
        ["!>>"] = SpansetOperator.NotDescendant,
        ["!<<"] = SpansetOperator.NotAncestor,
        ["!~"] = SpansetOperator.NotSibling,
        ["&>"] = SpansetOperator.UnionChild,
        ["&<"] = SpansetOperator.UnionParent,
        ["&>>"] = SpansetOperator.UnionDescendant,
        ["&<<"] = SpansetOperator.UnionAncestor,
        ["&~"] = SpansetOperator.UnionSibling,
    };

    /// <summary>How tightly a binary operator binds; null of anything else.</summary>
    public static int? PrecedenceOf(string symbol) => symbol switch
    {
        "&&" or "||" => Logical,
        "=~" => Comparison,
        "+" or "-" => Sum,
        "*" or "/" or "%" => Product,
        "^" => Power,
        _ => Comparisons.ContainsKey(symbol) || Spansets.ContainsKey(symbol) ? Comparison : null,
    };

    public static string Text(this ComparisonOperator op) => KeyOf(Comparisons, op);

    public static string Text(this ArithmeticOperator op) => KeyOf(Arithmetic, op);

    public static string Text(this SpansetOperator op) => KeyOf(Spansets, op);

    public static bool IsStructural(this SpansetOperator op) => op is not (SpansetOperator.And or SpansetOperator.Or);

    private static string KeyOf<T>(Dictionary<string, T> spellings, T op)
        where T : struct => spellings.First(spelling => spelling.Value.Equals(op)).Key;
}
