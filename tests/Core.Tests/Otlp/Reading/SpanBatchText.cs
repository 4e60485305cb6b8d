using System.Buffers;
using System.Globalization;
using System.Text;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Tests.Otlp;

namespace OrleansTempo.Core.Tests.Otlp.Reading;

/// <summary>Spans as lines of text, once from a <see cref="SpanBatch"/> and once from the protobuf classes, so that the two can be compared.</summary>
internal static class SpanBatchText
{
    public static string[] Of(SpanBatch batch)
    {
        var lines = new List<string>();
        var bytes = batch.Bytes.ToArray();
        foreach (var span in batch.Spans)
        {
            lines.Add(string.Join('|',
                "resource " + Attributes(batch.Attributes(batch.Resources[span.Resource])),
                Hex(span.TraceId), Hex(span.SpanId), Hex(span.ParentSpanId), Text(span.Name), Text(span.TraceState),
                (int)span.Kind, span.StartTimeUnixNano, span.EndTimeUnixNano, (int)span.Status, Text(span.StatusMessage),
                "attributes " + Attributes(batch.Attributes(span))));
        }

        return [.. lines];

        string Hex(Slice slice) => Convert.ToHexString(bytes, slice.Offset, slice.Length);
        string Text(Slice slice) => Encoding.UTF8.GetString(bytes, slice.Offset, slice.Length);
        string Attributes(ReadOnlySpan<AttributeRecord> attributes)
        {
            var text = new StringBuilder();
            foreach (var attribute in attributes)
            {
                var value = AttributeText.Get(bytes, attribute, new ArrayBufferWriter<byte>());
                text.Append(CultureInfo.InvariantCulture, $"{Text(attribute.Key)}:{attribute.Kind}={Encoding.UTF8.GetString(value)};");
            }

            return text.ToString();
        }
    }

    public static string[] Of(ExportTraceServiceRequest request) =>
    [
        .. from resource in request.ResourceSpans
           from scope in resource.ScopeSpans
           from span in scope.Spans
           select string.Join('|',
               "resource " + Attributes(resource.Resource?.Attributes ?? []),
               Convert.ToHexString(span.TraceId.Span), Convert.ToHexString(span.SpanId.Span), Convert.ToHexString(span.ParentSpanId.Span), span.Name, span.TraceState,
               (int)span.Kind, span.StartTimeUnixNano, span.EndTimeUnixNano, (int)(span.Status?.Code ?? 0), span.Status?.Message ?? "",
               "attributes " + Attributes(span.Attributes)),
    ];

    private static string Attributes(IEnumerable<KeyValue> attributes) =>
        string.Concat(attributes.Select(a => $"{a.Key}:{Kind(a.Value)}={Text(a.Value)};"));

    private static AttributeKind Kind(AnyValue? value) => value?.ValueCase switch
    {
        AnyValue.ValueOneofCase.StringValue => AttributeKind.String,
        AnyValue.ValueOneofCase.BoolValue => AttributeKind.Bool,
        AnyValue.ValueOneofCase.IntValue => AttributeKind.Int,
        AnyValue.ValueOneofCase.DoubleValue => AttributeKind.Double,
        AnyValue.ValueOneofCase.ArrayValue => AttributeKind.Array,
        AnyValue.ValueOneofCase.KvlistValue => AttributeKind.KeyValueList,
        AnyValue.ValueOneofCase.BytesValue => AttributeKind.Bytes,
        _ => AttributeKind.None,
    };

    private static string Text(AnyValue? value) => value?.ValueCase switch
    {
        AnyValue.ValueOneofCase.StringValue => value.StringValue,
        AnyValue.ValueOneofCase.BoolValue => value.BoolValue ? "true" : "false",
        AnyValue.ValueOneofCase.IntValue => value.IntValue.ToString(CultureInfo.InvariantCulture),
        AnyValue.ValueOneofCase.DoubleValue => PlainDecimal.Format(value.DoubleValue),
        AnyValue.ValueOneofCase.ArrayValue => "[" + string.Concat(value.ArrayValue.Values.Select(Text)) + "]",
        AnyValue.ValueOneofCase.KvlistValue => "{" + string.Concat(value.KvlistValue.Values.Select(v => v.Key + ":" + Text(v.Value))) + "}",
        _ => "",
    };
}
