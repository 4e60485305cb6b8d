using System.Text.Json.Nodes;
using Google.Protobuf;
using OrleansTempo.Tests.Otlp;
using OrleansTempo.Tests.Query;

namespace OrleansTempo.Core.Tests.Querier.Traces;

/// <summary>A protobuf answer as protobuf's own formatter writes it in JSON, with the messages added that Tempo always answers.</summary>
internal static class ProtobufAsJson
{
    public static JsonNode Format(TraceByIDResponse response)
    {
        var filled = response.Clone();
        Fill(filled.Trace);
        return JsonNode.Parse(JsonFormatter.Default.Format(filled))!;
    }

    /// <summary>For v1, whose JSON calls the resource spans batches.</summary>
    public static JsonNode Format(Trace trace)
    {
        var filled = trace.Clone();
        Fill(filled);
        return new JsonObject { ["batches"] = JsonNode.Parse(JsonFormatter.Default.Format(filled))!["resourceSpans"]?.DeepClone() };
    }

    private static void Fill(Trace trace)
    {
        foreach (var resource in trace.ResourceSpans)
        {
            resource.Resource ??= new Resource();
            Fill(resource.Resource.Attributes);
            foreach (var scope in resource.ScopeSpans)
            {
                scope.Scope ??= new InstrumentationScope();
                Fill(scope.Scope.Attributes);
                foreach (var span in scope.Spans)
                {
                    span.Status ??= new Status();
                    Fill([.. span.Attributes, .. span.Events.SelectMany(static e => e.Attributes), .. span.Links.SelectMany(static l => l.Attributes)]);
                }
            }
        }
    }

    private static void Fill(IEnumerable<KeyValue> attributes)
    {
        foreach (var attribute in attributes)
        {
            attribute.Value ??= new AnyValue();
            FillValue(attribute.Value);
        }
    }

    private static void FillValue(AnyValue value)
    {
        foreach (var element in value.ArrayValue?.Values ?? [])
            FillValue(element);
        Fill(value.KvlistValue?.Values ?? []);
    }
}
