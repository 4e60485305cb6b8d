using OrleansTempo.Core.TraceQL.Semantics;

namespace OrleansTempo.Core.TraceQL.Syntax;

/// <summary>Stages joined by <c>|</c>: each takes the sets of spans of a trace that the one before it left, the first one the whole trace.</summary>
public sealed record Pipeline(IReadOnlyList<PipelineStage> Stages)
{
    internal int Depth { get; } = Stages.Max(static stage => stage.Depth);

    /// <summary>Whether it may yield several sets of one trace.</summary>
    internal bool MayYieldSeveral { get; } = Stages.Aggregate(false, static (several, stage) => stage switch
    {
        GroupStage => true,
        CoalesceStage => false,
        SpansetStage spansets => several || spansets.Expression.MayYieldSeveral,
        _ => several,
    });

    /// <summary>As it is written in a query.</summary>
    public override string ToString() => Printer.Print(this);
}

public abstract record PipelineStage
{
    internal virtual int Depth => 1;
}

/// <summary>Keeps the spans that the expression yields, within each set.</summary>
public sealed record SpansetStage(SpansetExpression Expression) : PipelineStage
{
    internal override int Depth { get; } = Expression.Depth;
}

/// <summary><c>count() > 1</c>: keeps the sets whose aggregate compares so.</summary>
public sealed record AggregateStage(Aggregate Aggregate, ComparisonOperator Operator, Value Threshold) : PipelineStage
{
    internal override int Depth { get; } = (Aggregate.Operand?.Depth ?? 0) + 1;
}

/// <summary><c>by(key)</c>: splits each set into one for each value of the key.</summary>
public sealed record GroupStage(FieldExpression Key) : PipelineStage
{
    internal override int Depth { get; } = Key.Depth + 1;
}

/// <summary><c>coalesce()</c>: joins all sets to one.</summary>
public sealed record CoalesceStage : PipelineStage;

/// <summary><c>select(a, b)</c>: adds fields to the answer, and changes no set.</summary>
public sealed record SelectStage(IReadOnlyList<Field> Fields) : PipelineStage;

public enum AggregateFunction
{
    Count,
    Min,
    Max,
    Avg,
    Sum,
}

/// <summary>One value of a set of spans; the operand is absent for <c>count()</c> alone.</summary>
public sealed record Aggregate(AggregateFunction Function, FieldExpression? Operand)
{
    /// <summary>As it is written in a query.</summary>
    public override string ToString() => Printer.Print(this);
}
