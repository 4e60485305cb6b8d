using System.Diagnostics.CodeAnalysis;
using OrleansTempo.Core.TraceQL.Semantics;

namespace OrleansTempo.Core.TraceQL.Syntax;

/// <summary>Where an attribute is looked up.</summary>
public enum AttributeScope
{
    /// <summary>In the span, then in its resource.</summary>
    Any,
    Span,
    Resource,
    Event,
    Link,
    Instrumentation,
}

/// <summary>What every span has without an attribute of that name.</summary>
public enum Intrinsic
{
    Duration,
    Name,
    Status,
    StatusMessage,
    Kind,
    RootName,
    RootServiceName,
    TraceDuration,
    NestedSetLeft,
    NestedSetRight,
    NestedSetParent,
    TraceId,
    SpanId,
    ParentId,
    ChildCount,
    EventName,
    EventTimeSinceStart,
    LinkTraceId,
    LinkSpanId,
    InstrumentationName,
    InstrumentationVersion,
}

/// <summary>The intrinsics' names and types.</summary>
internal static class Intrinsics
{
    // The first name of each is the one that is printed. No more names without a scope are to come: they would hide attributes in people's minds.
    private static readonly (string Name, Intrinsic Intrinsic, DataType Type)[] s_all =
    [
        ("duration", Intrinsic.Duration, DataType.Duration),
        ("name", Intrinsic.Name, DataType.String),
        ("status", Intrinsic.Status, DataType.Status),
        ("statusMessage", Intrinsic.StatusMessage, DataType.String),
        ("kind", Intrinsic.Kind, DataType.Kind),
        ("rootName", Intrinsic.RootName, DataType.String),
        ("rootServiceName", Intrinsic.RootServiceName, DataType.String),
        ("traceDuration", Intrinsic.TraceDuration, DataType.Duration),
        ("nestedSetLeft", Intrinsic.NestedSetLeft, DataType.Integer),
        ("nestedSetRight", Intrinsic.NestedSetRight, DataType.Integer),
        ("nestedSetParent", Intrinsic.NestedSetParent, DataType.Integer),
        ("trace:id", Intrinsic.TraceId, DataType.String),
        ("trace:duration", Intrinsic.TraceDuration, DataType.Duration),
        ("trace:rootName", Intrinsic.RootName, DataType.String),
        ("trace:rootService", Intrinsic.RootServiceName, DataType.String),
        ("span:duration", Intrinsic.Duration, DataType.Duration),
        ("span:name", Intrinsic.Name, DataType.String),
        ("span:kind", Intrinsic.Kind, DataType.Kind),
        ("span:status", Intrinsic.Status, DataType.Status),
        ("span:statusMessage", Intrinsic.StatusMessage, DataType.String),
        ("span:id", Intrinsic.SpanId, DataType.String),
        ("span:parentID", Intrinsic.ParentId, DataType.String),
        ("span:childCount", Intrinsic.ChildCount, DataType.Integer),
        ("event:name", Intrinsic.EventName, DataType.String),
        ("event:timeSinceStart", Intrinsic.EventTimeSinceStart, DataType.Duration),
        ("link:traceID", Intrinsic.LinkTraceId, DataType.String),
        ("link:spanID", Intrinsic.LinkSpanId, DataType.String),
        ("instrumentation:name", Intrinsic.InstrumentationName, DataType.String),
        ("instrumentation:version", Intrinsic.InstrumentationVersion, DataType.String),
    ];

    /// <summary>Finds an intrinsic by a name as it is written: <c>duration</c>, <c>span:id</c>.</summary>
    public static bool TryFind(string name, [NotNullWhen(true)] out Intrinsic? intrinsic)
    {
        intrinsic = null;
        foreach (var known in s_all)
        {
            if (known.Name == name)
                intrinsic = known.Intrinsic;
        }

        return intrinsic is not null;
    }

    public static string NameOf(Intrinsic intrinsic) => s_all.First(known => known.Intrinsic == intrinsic).Name;

    public static DataType TypeOf(Intrinsic intrinsic) => s_all.First(known => known.Intrinsic == intrinsic).Type;
}
