using OrleansTempo.Core.TraceQL.Semantics;
using OrleansTempo.Core.TraceQL.Syntax;

namespace OrleansTempo.Core.TraceQL.Metrics;

/// <summary>Series computed from spans, and numbers to combine them with.</summary>
public abstract record MetricsExpression
{
    /// <summary>How many nodes there are from here down to the lowest one; bounded as in <see cref="FieldExpression"/>.</summary>
    internal virtual int Depth => 1;

    /// <summary>As it is written in a query.</summary>
    public sealed override string ToString() => Printer.Print(this);
}

/// <summary>Series, with stages that keep some of their points, in order.</summary>
public abstract record MetricsSeries(IReadOnlyList<MetricsStage> Stages) : MetricsExpression;

/// <summary><c>{ … } | rate() by(name) | topk(5)</c></summary>
public sealed record MetricsPipeline(Pipeline Spans, MetricsFunction Function, IReadOnlyList<MetricsStage> Stages) : MetricsSeries(Stages)
{
    internal override int Depth { get; } = Spans.Depth + 1;
}

/// <summary><c>(A) / (B)</c>: at least one side is series; the operator is one of <c>+ - * /</c>.</summary>
public sealed record MetricsMath(ArithmeticOperator Operator, MetricsExpression Left, MetricsExpression Right, IReadOnlyList<MetricsStage> Stages) : MetricsSeries(Stages)
{
    internal override int Depth { get; } = Math.Max(Left.Depth, Right.Depth) + 1;
}

/// <summary>An integer or a float, beside series.</summary>
public sealed record MetricsConstant(Value Value) : MetricsExpression;

/// <summary>What is done to series once they are computed.</summary>
public abstract record MetricsStage;

/// <summary><c>topk(n)</c> or <c>bottomk(n)</c>: at each time the n greatest or least.</summary>
public sealed record RankStage(bool IsTop, long Count) : MetricsStage;

/// <summary><c>> 10</c>: keeps the points that compare so with a number, or with a duration in seconds.</summary>
public sealed record ThresholdStage(ComparisonOperator Operator, Value Threshold) : MetricsStage;
