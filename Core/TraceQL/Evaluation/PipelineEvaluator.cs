using OrleansTempo.Core.TraceQL.Semantics;
using OrleansTempo.Core.TraceQL.Syntax;

namespace OrleansTempo.Core.TraceQL.Evaluation;

/// <summary>
/// Evaluates the pipeline of a search over one whole trace, the plain way: stage after stage, span after span. It is what every faster way is compared
/// with, so it has no optimizations.
/// <code>
/// trace ─► [ all spans ] ─ { … } ─► [ some ] ─ by(…) ─► [ a ] [ b ] ─ count() > 1 ─► [ a ]
/// </code>
/// </summary>
public sealed class PipelineEvaluator
{
    private readonly QueriedTrace _trace;
    private readonly FieldEvaluator _fields;

    private PipelineEvaluator(QueriedTrace trace)
    {
        _trace = trace;
        _fields = new FieldEvaluator(trace);
    }

    /// <summary>The sets of spans that the pipeline yields, none of them empty; no set if the trace does not match.</summary>
    public static IReadOnlyList<Spanset> Evaluate(Pipeline pipeline, QueriedTrace trace) => new PipelineEvaluator(trace).Run(pipeline, new Spanset(trace.Spans, []));

    private List<Spanset> Run(Pipeline pipeline, Spanset input)
    {
        List<Spanset> spansets = [input];
        foreach (var stage in pipeline.Stages)
            spansets = [.. Run(stage, spansets).Where(static spanset => spanset.Spans.Count > 0)];
        return spansets;
    }

    private IEnumerable<Spanset> Run(PipelineStage stage, List<Spanset> spansets) => stage switch
    {
        SpansetStage spans => spansets.SelectMany(spanset => Evaluate(spans.Expression, spanset)),
        AggregateStage aggregate => spansets.SelectMany(spanset => Filter(aggregate, spanset)),
        GroupStage group => spansets.SelectMany(spanset => Split(group, spanset)),
        CoalesceStage => [new Spanset(InOrder(spansets.SelectMany(static spanset => spanset.Spans).ToHashSet()), [])],
        SelectStage => spansets,
        _ => throw new ArgumentOutOfRangeException(nameof(stage), stage, "unknown stage"),
    };

    private IEnumerable<Spanset> Evaluate(SpansetExpression expression, Spanset input) => expression switch
    {
        SpansetFilter filter => [input.With([.. input.Spans.Where(span => _fields.IsMet(filter.Condition, span))])],
        NestedPipeline nested => Run(nested.Pipeline, input),
        SpansetOperation operation => [input.With(InOrder(Combine(operation, input)))],
        _ => throw new ArgumentOutOfRangeException(nameof(expression), expression, "unknown expression"),
    };

    private HashSet<QueriedSpan> Combine(SpansetOperation operation, Spanset input)
    {
        var left = SpansOf(operation.Left, input);
        var right = SpansOf(operation.Right, input);
        return operation.Operator switch
        {
            SpansetOperator.And when left.Count == 0 || right.Count == 0 => [],
            SpansetOperator.And or SpansetOperator.Or => [.. left, .. right],
            _ => StructuralJoin.Apply(operation.Operator, _trace, left, right),
        };
    }

    private HashSet<QueriedSpan> SpansOf(SpansetExpression expression, Spanset input) => [.. Evaluate(expression, input).SelectMany(static spanset => spanset.Spans)];

    private IEnumerable<Spanset> Filter(AggregateStage stage, Spanset spanset)
    {
        var value = Aggregation.Compute(stage.Aggregate, spanset, _fields);
        return ValueComparison.Compare(stage.Operator, value, stage.Threshold) ? [spanset.With(stage.Aggregate.ToString(), value)] : [];
    }

    // In the order in which the values come up; no value is a group too.
    private IEnumerable<Spanset> Split(GroupStage stage, Spanset spanset) =>
        spanset.Spans.GroupBy(span => _fields.Evaluate(stage.Key, span)).Select(group => spanset.With([.. group]).With($"by({stage.Key})", group.Key));

    private static List<QueriedSpan> InOrder(HashSet<QueriedSpan> spans) => [.. spans.OrderBy(static span => span.Index)];
}
