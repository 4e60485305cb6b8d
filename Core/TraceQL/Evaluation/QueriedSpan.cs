using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Core.TraceQL.Semantics;

namespace OrleansTempo.Core.TraceQL.Evaluation;

/// <summary>A span as a query sees it. Its place in the trace is set by <see cref="QueriedTrace"/>.</summary>
public sealed class QueriedSpan
{
    /// <summary>The ID, its 8 bytes read in big-endian order.</summary>
    public required ulong Id { get; init; }

    /// <summary>The parent's ID; 0 of a root.</summary>
    public ulong ParentId { get; init; }

    public string Name { get; init; } = "";

    public SpanKind Kind { get; init; }

    public StatusCode Status { get; init; }

    public string StatusMessage { get; init; } = "";

    /// <summary>Unix time in nanoseconds.</summary>
    public ulong StartTimeUnixNano { get; init; }

    /// <summary>Unix time in nanoseconds.</summary>
    public ulong EndTimeUnixNano { get; init; }

    public QueriedAttributes Attributes { get; init; } = QueriedAttributes.None;

    public QueriedAttributes Resource { get; init; } = QueriedAttributes.None;

    /// <summary>The instrumentation scope's name.</summary>
    public string ScopeName { get; init; } = "";

    /// <summary>The instrumentation scope's version.</summary>
    public string ScopeVersion { get; init; } = "";

    public QueriedAttributes ScopeAttributes { get; init; } = QueriedAttributes.None;

    public IReadOnlyList<QueriedEvent> Events { get; init; } = [];

    public IReadOnlyList<QueriedLink> Links { get; init; } = [];

    /// <summary>Nanoseconds; 0 if the span ends before it starts.</summary>
    public long DurationNanos => EndTimeUnixNano > StartTimeUnixNano ? (long)Math.Min(EndTimeUnixNano - StartTimeUnixNano, long.MaxValue) : 0;

    /// <summary>The service's name; empty if the resource has none.</summary>
    public string ServiceName => Resource.Find("service.name") is { Type: DataType.String } name ? name.Text : "";

    /// <summary>Where the span is in its trace; where it was given to it.</summary>
    internal int Index { get; set; }

    /// <summary>The span that it is a child of; null if the trace does not have it.</summary>
    internal QueriedSpan? Parent { get; set; }

    internal int ChildCount { get; set; }

    /// <summary>
    /// The trace's spans as nested sets: numbers from 1 that count up at each beginning and end of a span when all are visited in depth, so that a span's
    /// descendants have theirs between <c>Left</c> and <c>Right</c>. <c>Parent</c> is the parent's <c>Left</c>, −1 of a root, and 0 of a span whose
    /// parent is missing.
    /// </summary>
    internal (int Left, int Right, int Parent) NestedSet { get; set; }
}

/// <summary>An event of a span.</summary>
public sealed record QueriedEvent(string Name, ulong TimeUnixNano, QueriedAttributes Attributes);

/// <summary>A link of a span; IDs in hexadecimal digits.</summary>
public sealed record QueriedLink(string TraceId, string SpanId, QueriedAttributes Attributes);

/// <summary>Attributes in the order they were sent. Of two with the same key the first counts.</summary>
public sealed class QueriedAttributes(IReadOnlyList<KeyValuePair<string, Value>> all)
{
    public static readonly QueriedAttributes None = new([]);

    /// <summary>The value of a key; no value if it is absent.</summary>
    public Value Find(string key)
    {
        foreach (var (name, value) in all)
        {
            if (name == key)
                return value;
        }

        return Value.Nil;
    }
}
