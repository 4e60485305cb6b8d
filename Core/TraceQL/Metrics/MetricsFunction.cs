using OrleansTempo.Core.TraceQL.Syntax;

namespace OrleansTempo.Core.TraceQL.Metrics;

/// <summary>What makes series of spans.</summary>
public abstract record MetricsFunction;

/// <summary><c>rate()</c> and the like: one number for each time and each group of spans.</summary>
/// <param name="Aggregation">What is computed.</param>
/// <param name="Of">The field it is computed of; null for those that count spans.</param>
/// <param name="Quantiles">For <see cref="MetricsAggregation.Quantile"/>, each from 0 to 1.</param>
/// <param name="By">What makes a group.</param>
public sealed record AggregationFunction(MetricsAggregation Aggregation, Field? Of, IReadOnlyList<double> Quantiles, IReadOnlyList<Field> By) : MetricsFunction;

/// <summary><c>compare({ … }, n, start, end)</c>: how the spans of a selection differ from the rest, by their most frequent values.</summary>
/// <param name="Selection">The selection.</param>
/// <param name="Top">How many values of each attribute.</param>
/// <param name="Start">Unix time in nanoseconds of the selection's start; 0 for no bounds.</param>
/// <param name="End">Unix time in nanoseconds of its end.</param>
public sealed record CompareFunction(SpansetFilter Selection, long Top, long Start, long End) : MetricsFunction
{
    public const long DefaultTop = 10;
}

public enum MetricsAggregation
{
    Rate,
    Count,
    Min,
    Max,
    Avg,
    Sum,
    Quantile,
    Histogram,
}
