using System.IO.Pipelines;
using System.Text.Json;
using OrleansTempo.Core.Otlp.Json;

namespace OrleansTempo.Core.Querier.Traces;

/// <summary>
/// Writes a trace in Tempo's two JSON formats, flushing as it goes.
/// <code>
/// v1   {"batches":[…]}
/// v2   {"trace":{"resourceSpans":[…]},"metrics":{"inspectedBytes":"25541"},"status":"PARTIAL","message":"…"}
/// </code>
/// The last two are present only if the trace may be incomplete.
/// </summary>
public static class TraceJson
{
    private const int FlushBytes = 64 << 10;

    public static async Task WriteV1Async(AssembledTrace trace, PipeWriter output, CancellationToken cancellationToken)
    {
        await using var json = new Utf8JsonWriter(output, OtlpJsonWriter.Options);
        json.WriteStartObject();
        await WriteResourcesAsync(trace, "batches", json, output, cancellationToken);
        json.WriteEndObject();
        await FlushAsync(json, output, cancellationToken);
    }

    public static async Task WriteV2Async(AssembledTrace trace, PipeWriter output, CancellationToken cancellationToken)
    {
        await using var json = new Utf8JsonWriter(output, OtlpJsonWriter.Options);
        json.WriteStartObject();
        json.WriteStartObject("trace");
        await WriteResourcesAsync(trace, "resourceSpans", json, output, cancellationToken);
        json.WriteEndObject();
        json.WriteStartObject("metrics");
        if (trace.InspectedBytes != 0)
            json.WriteString("inspectedBytes", trace.InspectedBytes.ToString(System.Globalization.CultureInfo.InvariantCulture));
        json.WriteEndObject();
        if (trace.Message.Length > 0)
        {
            json.WriteString("status", "PARTIAL");
            json.WriteString("message", trace.Message);
        }

        json.WriteEndObject();
        await FlushAsync(json, output, cancellationToken);
    }

    // An empty array is a default, so it is left out.
    private static async Task WriteResourcesAsync(AssembledTrace trace, string name, Utf8JsonWriter json, PipeWriter output, CancellationToken cancellationToken)
    {
        if (trace.IsEmpty)
            return;
        json.WriteStartArray(name);
        foreach (var resource in trace.Resources)
        {
            json.WriteStartObject();
            OtlpJsonWriter.WriteFields(json, resource.Envelope.Span, OtlpJsonShape.ResourceSpans);
            json.WriteStartArray("scopeSpans");
            foreach (var scope in resource.Scopes)
            {
                json.WriteStartObject();
                OtlpJsonWriter.WriteFields(json, scope.Envelope.Span, OtlpJsonShape.ScopeSpans);
                json.WriteStartArray("spans");
                foreach (var span in scope.Spans)
                {
                    json.WriteStartObject();
                    OtlpJsonWriter.WriteFields(json, span.Span.Span, OtlpJsonShape.Span);
                    json.WriteEndObject();
                    if (output.UnflushedBytes >= FlushBytes)
                        await FlushAsync(json, output, cancellationToken);
                }

                json.WriteEndArray();
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static ValueTask<FlushResult> FlushAsync(Utf8JsonWriter json, PipeWriter output, CancellationToken cancellationToken)
    {
        json.Flush();
        return output.FlushAsync(cancellationToken);
    }
}
