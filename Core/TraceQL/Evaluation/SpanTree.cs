using OrleansTempo.Core.Otlp.Reading;

namespace OrleansTempo.Core.TraceQL.Evaluation;

/// <summary>Finds parents and children, and numbers a trace's spans as nested sets. Without recursion, as a trace may be as deep as it has spans.</summary>
internal static class SpanTree
{
    /// <summary>Sets the places of all spans; they come back with parents before their children.</summary>
    public static List<QueriedSpan> Build(IReadOnlyList<QueriedSpan> spans)
    {
        var byId = spans.GroupBy(static span => span.Id, SpanIdComparer.Instance).ToDictionary(static group => group.Key, static group => group.ToList(), SpanIdComparer.Instance);
        foreach (var span in spans)
            span.Parent = ParentOf(span, byId);

        // Roots first, then spans whose parent is missing, and last one span of each circle.
        var children = spans.Where(static span => span.Parent is not null).ToLookup(static span => span.Parent!);
        var visited = new HashSet<QueriedSpan>();
        var topDown = new List<QueriedSpan>(spans.Count);
        var number = 0;
        foreach (var root in spans.Where(static span => span.Parent is null && span.ParentId == 0))
            Visit(root, -1);
        foreach (var orphan in spans.Where(static span => span.Parent is null && span.ParentId != 0))
            Visit(orphan, 0);
        foreach (var span in spans)
        {
            if (visited.Contains(span))
                continue;
            span.Parent = null;
            Visit(span, 0);
        }

        foreach (var span in spans)
        {
            if (span.Parent is { } parent)
                parent.ChildCount++;
        }

        return topDown;

        void Visit(QueriedSpan top, int parentNumber)
        {
            var open = new Stack<(QueriedSpan Span, IEnumerator<QueriedSpan> Children)>();
            Enter(top, parentNumber);
            while (open.TryPeek(out var current))
            {
                if (current.Children.MoveNext())
                {
                    if (!visited.Contains(current.Children.Current))
                        Enter(current.Children.Current, current.Span.NestedSet.Left);
                }
                else
                {
                    current.Span.NestedSet = current.Span.NestedSet with { Right = ++number };
                    open.Pop();
                }
            }

            void Enter(QueriedSpan span, int parent)
            {
                visited.Add(span);
                topDown.Add(span);
                span.NestedSet = (++number, 0, parent);
                open.Push((span, children[span].GetEnumerator()));
            }
        }
    }

    // In Zipkin's model the two sides of a call share an ID: the server's is the client's child, and the parent of the others.
    private static QueriedSpan? ParentOf(QueriedSpan span, Dictionary<ulong, List<QueriedSpan>> byId)
    {
        if (span.Kind == SpanKind.Server && byId[span.Id].FirstOrDefault(static other => other.Kind == SpanKind.Client) is { } client)
            return client;
        if (span.ParentId == 0 || !byId.TryGetValue(span.ParentId, out var parents))
            return null;
        return parents.FirstOrDefault(static parent => parent.Kind == SpanKind.Server) ?? parents[0];
    }
}
