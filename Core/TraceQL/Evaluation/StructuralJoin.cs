using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Core.TraceQL.Syntax;

namespace OrleansTempo.Core.TraceQL.Evaluation;

/// <summary>
/// Structural operators on two sets of spans of one trace. <c>A > B</c> yields the spans of B that are children of one in A, and so on;
/// the negated forms yield the rest of B, and the union forms also the spans of A that make it so.
/// </summary>
internal static class StructuralJoin
{
    public static HashSet<QueriedSpan> Apply(SpansetOperator op, QueriedTrace trace, HashSet<QueriedSpan> left, HashSet<QueriedSpan> right) => op switch
    {
        SpansetOperator.NotChild => [.. right.Except(Children(left, right))],
        SpansetOperator.NotParent => [.. right.Except(Parents(left, right))],
        SpansetOperator.NotDescendant => [.. right.Except(Descendants(trace, left, right))],
        SpansetOperator.NotAncestor => [.. right.Except(Ancestors(trace, left, right))],
        SpansetOperator.NotSibling => [.. right.Except(Siblings(left, right))],
        SpansetOperator.UnionChild => [.. Children(left, right), .. Parents(right, left)],
        SpansetOperator.UnionParent => [.. Parents(left, right), .. Children(right, left)],
        SpansetOperator.UnionDescendant => [.. Descendants(trace, left, right), .. Ancestors(trace, right, left)],
        SpansetOperator.UnionAncestor => [.. Ancestors(trace, left, right), .. Descendants(trace, right, left)],
        SpansetOperator.UnionSibling => [.. Siblings(left, right), .. Siblings(right, left)],
        SpansetOperator.Child => [.. Children(left, right)],
        SpansetOperator.Parent => [.. Parents(left, right)],
        SpansetOperator.Descendant => [.. Descendants(trace, left, right)],
        SpansetOperator.Ancestor => [.. Ancestors(trace, left, right)],
        SpansetOperator.Sibling => [.. Siblings(left, right)],
        _ => throw new ArgumentOutOfRangeException(nameof(op), op, "no structural operator"),
    };

    private static IEnumerable<QueriedSpan> Children(HashSet<QueriedSpan> of, HashSet<QueriedSpan> spans) => spans.Where(span => span.Parent is { } parent && of.Contains(parent));

    private static IEnumerable<QueriedSpan> Parents(HashSet<QueriedSpan> of, HashSet<QueriedSpan> spans) => spans.Intersect(of.Select(static span => span.Parent).OfType<QueriedSpan>());

    // Parents come before their children, so what holds for a parent is known.
    private static IEnumerable<QueriedSpan> Descendants(QueriedTrace trace, HashSet<QueriedSpan> of, HashSet<QueriedSpan> spans)
    {
        var below = new HashSet<QueriedSpan>();
        foreach (var span in trace.TopDown)
        {
            if (span.Parent is { } parent && (of.Contains(parent) || below.Contains(parent)))
                below.Add(span);
        }

        return spans.Intersect(below);
    }

    private static IEnumerable<QueriedSpan> Ancestors(QueriedTrace trace, HashSet<QueriedSpan> of, HashSet<QueriedSpan> spans)
    {
        var above = new HashSet<QueriedSpan>();
        foreach (var span in trace.TopDown.Reverse())
        {
            if (span.Parent is { } parent && (of.Contains(span) || above.Contains(span)))
                above.Add(parent);
        }

        return spans.Intersect(above);
    }

    // Those without a parent ID are siblings of each other, and so are those of one missing parent.
    private static IEnumerable<QueriedSpan> Siblings(HashSet<QueriedSpan> of, HashSet<QueriedSpan> spans)
    {
        var families = of.ToLookup(static span => span.Parent?.Id ?? span.ParentId, SpanIdComparer.Instance);
        return spans.Where(span => families[span.Parent?.Id ?? span.ParentId].Any(other => other != span && other.Parent == span.Parent));
    }
}
