using static OrleansTempo.Core.Otlp.Json.OtlpJsonKind;

namespace OrleansTempo.Core.Otlp.Json;

/// <summary>
/// The fields that an OTLP message may have, as a table. The whole trace protocol is data here: <see cref="OtlpJsonReader"/> is the one loop that
/// reads it, and <see cref="OtlpJsonWriter"/> the one that writes it.
/// </summary>
internal sealed class OtlpJsonShape(int lengthBytes, bool isOneOf, params OtlpJsonField[] fields)
{
    public static readonly OtlpJsonShape Request, ResourceSpans, ScopeSpans, Span;

    static OtlpJsonShape()
    {
        OtlpJsonShape? any = null, keyValue = null;
        var attributes = (int number) => new OtlpJsonField(number, "attributes", Messages, () => keyValue!);

        var array = new OtlpJsonShape(1, false, new OtlpJsonField(1, "values", Messages, () => any!));
        var list = new OtlpJsonShape(1, false, new OtlpJsonField(1, "values", Messages, () => keyValue!));
        any = new(
            1,
            true,
            new(1, "stringValue", Text),
            new(2, "boolValue", Bool),
            new(3, "intValue", Integer),
            new(4, "doubleValue", Number),
            new(5, "arrayValue", Message, () => array),
            new(6, "kvlistValue", Message, () => list),
            new(7, "bytesValue", Base64Bytes));
        keyValue = new(1, false, new(1, "key", Text), new(2, "value", Message, () => any));

        var @event = new OtlpJsonShape(
            1,
            false,
            new(1, "timeUnixNano", Fixed64),
            new(2, "name", Text),
            attributes(3),
            new(4, "droppedAttributesCount", Count));
        var link = new OtlpJsonShape(
            1,
            false,
            new(1, "traceId", HexBytes),
            new(2, "spanId", HexBytes),
            new(3, "traceState", Text),
            attributes(4),
            new(5, "droppedAttributesCount", Count),
            new(6, "flags", Fixed32));
        var status = new OtlpJsonShape(
            1,
            false,
            new(2, "message", Text),
            new(3, "code", Choice, values: ["STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"]));
        var span = new OtlpJsonShape(
            2,
            false,
            new(1, "traceId", HexBytes),
            new(2, "spanId", HexBytes),
            new(3, "traceState", Text),
            new(4, "parentSpanId", HexBytes),
            new(5, "name", Text),
            new(6, "kind", Choice, values: ["SPAN_KIND_UNSPECIFIED", "SPAN_KIND_INTERNAL", "SPAN_KIND_SERVER", "SPAN_KIND_CLIENT", "SPAN_KIND_PRODUCER", "SPAN_KIND_CONSUMER"]),
            new(7, "startTimeUnixNano", Fixed64),
            new(8, "endTimeUnixNano", Fixed64),
            attributes(9),
            new(10, "droppedAttributesCount", Count),
            new(11, "events", Messages, () => @event),
            new(12, "droppedEventsCount", Count),
            new(13, "links", Messages, () => link),
            new(14, "droppedLinksCount", Count),
            new(15, "status", Message, () => status),
            new(16, "flags", Fixed32));
        var scope = new OtlpJsonShape(1, false, new(1, "name", Text), new(2, "version", Text), attributes(3), new(4, "droppedAttributesCount", Count));
        var scopeSpans = new OtlpJsonShape(3, false, new(1, "scope", Message, () => scope), new(2, "spans", Messages, () => span), new(3, "schemaUrl", Text));
        var resource = new OtlpJsonShape(2, false, attributes(1), new(2, "droppedAttributesCount", Count));
        var resourceSpans = new OtlpJsonShape(3, false, new(1, "resource", Message, () => resource), new(2, "scopeSpans", Messages, () => scopeSpans), new(3, "schemaUrl", Text));
        Request = new(0, false, new OtlpJsonField(1, "resourceSpans", Messages, () => resourceSpans));
        (ResourceSpans, ScopeSpans, Span) = (resourceSpans, scopeSpans, span);
    }

    /// <summary>How many bytes the length of such a message usually takes; after a wrong guess the message has to be moved.</summary>
    public int LengthBytes => lengthBytes;

    /// <summary>At most one field may be present, and it is written even if it has its default value.</summary>
    public bool IsOneOf => isOneOf;

    public OtlpJsonField[] Fields => fields;
}
