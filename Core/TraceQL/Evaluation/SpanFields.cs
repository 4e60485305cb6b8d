using System.Globalization;
using OrleansTempo.Core.TraceQL.Semantics;
using OrleansTempo.Core.TraceQL.Syntax;

namespace OrleansTempo.Core.TraceQL.Evaluation;

/// <summary>What a span has under a field's name. A field of events or links has as many values as these, in one array.</summary>
internal static class SpanFields
{
    public static Value ValueOf(Field field, QueriedSpan span, QueriedTrace trace) => field switch
    {
        AttributeField attribute => ValueOf(attribute, span),
        IntrinsicField intrinsic => ValueOf(intrinsic.Intrinsic, span, trace),
        _ => throw new ArgumentOutOfRangeException(nameof(field), field, "neither an attribute nor an intrinsic"),
    };

    private static Value ValueOf(AttributeField attribute, QueriedSpan span) => attribute.Scope switch
    {
        AttributeScope.Span => span.Attributes.Find(attribute.Name),
        AttributeScope.Resource => ValueOfResource(span, attribute.Name),
        AttributeScope.Instrumentation => span.ScopeAttributes.Find(attribute.Name),
        AttributeScope.Event => ValueOfAll(span.Events.Select(found => found.Attributes.Find(attribute.Name))),
        AttributeScope.Link => ValueOfAll(span.Links.Select(found => found.Attributes.Find(attribute.Name))),
        _ => span.Attributes.Find(attribute.Name) is { IsNil: false } own ? own : ValueOfResource(span, attribute.Name),
    };

    // A service without a name has an empty one.
    private static Value ValueOfResource(QueriedSpan span, string name)
    {
        var value = span.Resource.Find(name);
        return value.IsNil && name == "service.name" ? Value.String("") : value;
    }

    private static Value ValueOf(Intrinsic intrinsic, QueriedSpan span, QueriedTrace trace) => intrinsic switch
    {
        Intrinsic.Duration => Value.Duration(span.DurationNanos),
        Intrinsic.Name => Value.String(span.Name),
        Intrinsic.Status => Value.Status(span.Status),
        Intrinsic.StatusMessage => Value.String(span.StatusMessage),
        Intrinsic.Kind => Value.Kind(span.Kind),
        Intrinsic.RootName => Value.String(trace.Root?.Name ?? ""),
        Intrinsic.RootServiceName => Value.String(trace.Root?.ServiceName ?? ""),
        Intrinsic.TraceDuration => Value.Duration(trace.DurationNanos),
        Intrinsic.NestedSetLeft => Value.Integer(span.NestedSet.Left),
        Intrinsic.NestedSetRight => Value.Integer(span.NestedSet.Right),
        Intrinsic.NestedSetParent => Value.Integer(span.NestedSet.Parent),
        Intrinsic.TraceId => Value.String(trace.Id.ToString()),
        Intrinsic.SpanId => Value.String(Hex(span.Id)),
        Intrinsic.ParentId => Value.String(span.ParentId == 0 ? "" : Hex(span.ParentId)),
        Intrinsic.ChildCount => Value.Integer(span.ChildCount),
        Intrinsic.EventName => ValueOfAll(span.Events.Select(static found => Value.String(found.Name))),
        Intrinsic.EventTimeSinceStart => ValueOfAll(span.Events.Select(found => Value.Duration((long)(found.TimeUnixNano - span.StartTimeUnixNano)))),
        Intrinsic.LinkTraceId => ValueOfAll(span.Links.Select(static found => Value.String(found.TraceId))),
        Intrinsic.LinkSpanId => ValueOfAll(span.Links.Select(static found => Value.String(found.SpanId))),
        Intrinsic.InstrumentationName => Value.String(span.ScopeName),
        Intrinsic.InstrumentationVersion => Value.String(span.ScopeVersion),
        _ => throw new ArgumentOutOfRangeException(nameof(intrinsic), intrinsic, "unknown intrinsic"),
    };

    private static Value ValueOfAll(IEnumerable<Value> values) => Value.OneOrMore([.. values.Where(static value => !value.IsNil).SelectMany(static value => value.Elements)]);

    private static string Hex(ulong id) => id.ToString("x16", CultureInfo.InvariantCulture);
}
