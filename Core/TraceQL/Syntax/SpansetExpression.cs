namespace OrleansTempo.Core.TraceQL.Syntax;

/// <summary>An expression over the spans of one trace that yields some of them.</summary>
public abstract record SpansetExpression
{
    /// <summary>How many nodes there are from here down to the lowest one; bounded as in <see cref="FieldExpression"/>.</summary>
    internal abstract int Depth { get; }

    /// <summary>Whether it may yield several sets of one trace, which only <c>by()</c> makes.</summary>
    internal virtual bool MayYieldSeveral => false;

    /// <summary>Whether a pipeline in parentheses takes part, beside which everything else must be in parentheses too.</summary>
    internal virtual bool HasPipeline => false;

    /// <summary>As it is written in a query.</summary>
    public sealed override string ToString() => Printer.Print(this);
}

/// <summary><c>{ condition }</c></summary>
public sealed record SpansetFilter(FieldExpression Condition) : SpansetExpression
{
    internal override int Depth { get; } = Condition.Depth + 1;
}

/// <summary><c>A op B</c></summary>
public sealed record SpansetOperation(SpansetOperator Operator, SpansetExpression Left, SpansetExpression Right) : SpansetExpression
{
    internal override int Depth { get; } = Math.Max(Left.Depth, Right.Depth) + 1;

    internal override bool HasPipeline { get; } = Left.HasPipeline || Right.HasPipeline;
}

/// <summary><c>( { } | count() > 1 )</c> as one side of an operator.</summary>
public sealed record NestedPipeline(Pipeline Pipeline) : SpansetExpression
{
    internal override int Depth { get; } = Pipeline.Depth + 1;

    internal override bool HasPipeline => true;

    internal override bool MayYieldSeveral { get; } = Pipeline.MayYieldSeveral;
}
