using OrleansTempo.Core.TraceQL.Semantics;

namespace OrleansTempo.Core.TraceQL.Syntax;

/// <summary>An expression over one span: what stands in <c>{ }</c>, <c>by()</c> and an aggregate. A query is a tree of records that never change.</summary>
public abstract record FieldExpression
{
    /// <summary>What it yields, as far as it is known without a span.</summary>
    public abstract DataType Type { get; }

    /// <summary>Whether it depends on the span.</summary>
    public abstract bool ReadsSpan { get; }

    /// <summary>How many nodes there are from here down to the lowest one. The parser bounds it, so whoever walks a query may recurse.</summary>
    internal virtual int Depth => 1;

    /// <summary>As it is written in a query.</summary>
    public sealed override string ToString() => Printer.Print(this);
}

public sealed record Literal(Value Value) : FieldExpression
{
    public override DataType Type => Value.Type;

    public override bool ReadsSpan => false;
}

/// <summary>Something that a span has.</summary>
public abstract record Field : FieldExpression
{
    public override bool ReadsSpan => true;
}

public sealed record AttributeField(AttributeScope Scope, string Name) : Field
{
    public override DataType Type => DataType.Any;
}

public sealed record IntrinsicField(Intrinsic Intrinsic) : Field
{
    public override DataType Type { get; } = Intrinsics.TypeOf(Intrinsic);
}

/// <summary><c>!a</c></summary>
public sealed record Not(FieldExpression Operand) : FieldExpression
{
    public override DataType Type => Operand.Type;

    public override bool ReadsSpan { get; } = Operand.ReadsSpan;

    internal override int Depth { get; } = Operand.Depth + 1;
}

/// <summary><c>-a</c></summary>
public sealed record Negation(FieldExpression Operand) : FieldExpression
{
    public override DataType Type { get; } = Operand.Type;

    public override bool ReadsSpan { get; } = Operand.ReadsSpan;

    internal override int Depth { get; } = Operand.Depth + 1;
}

/// <summary><c>a != nil</c>, or <c>a = nil</c>.</summary>
public sealed record Existence(FieldExpression Operand, bool IsPresent) : FieldExpression
{
    public override DataType Type => DataType.Boolean;

    public override bool ReadsSpan { get; } = Operand.ReadsSpan;

    internal override int Depth { get; } = Operand.Depth + 1;
}

/// <summary>
/// <c>a &amp;&amp; b &amp;&amp; c</c>, or the same with <c>||</c>: at least two operands, none of them with the same operator, so that a thousand of them are no
/// deeper than two.
/// </summary>
public sealed record Logical(bool IsAnd, IReadOnlyList<FieldExpression> Operands) : FieldExpression
{
    public override DataType Type => DataType.Boolean;

    public override bool ReadsSpan { get; } = Operands.Any(static operand => operand.ReadsSpan);

    internal override int Depth { get; } = Operands.Max(static operand => operand.Depth) + 1;
}

public sealed record Comparison(ComparisonOperator Operator, FieldExpression Left, FieldExpression Right) : FieldExpression
{
    public override DataType Type => DataType.Boolean;

    public override bool ReadsSpan { get; } = Left.ReadsSpan || Right.ReadsSpan;

    internal override int Depth { get; } = Math.Max(Left.Depth, Right.Depth) + 1;
}

/// <summary><c>a =~ "pattern"</c>, or <c>a !~ "pattern"</c>. The pattern must match the whole text.</summary>
public sealed record RegexMatch(FieldExpression Operand, bool IsNegated, string Pattern, Re2 Regex) : FieldExpression
{
    public override DataType Type => DataType.Boolean;

    public override bool ReadsSpan { get; } = Operand.ReadsSpan;

    internal override int Depth { get; } = Operand.Depth + 1;
}

public sealed record Arithmetic(ArithmeticOperator Operator, FieldExpression Left, FieldExpression Right) : FieldExpression
{
    public override DataType Type { get; } = Left.Type != DataType.Any ? Left.Type : Right.Type;

    public override bool ReadsSpan { get; } = Left.ReadsSpan || Right.ReadsSpan;

    internal override int Depth { get; } = Math.Max(Left.Depth, Right.Depth) + 1;
}
