using System.Diagnostics;
using OpenTelemetry.Resources;
using OrleansTempo.Core;

namespace OrleansTempo.Client;

/// <summary>
/// Writes activities as an OTLP <c>ExportTraceServiceRequest</c>, straight to protobuf: one resource, a scope for each
/// <see cref="ActivitySource"/>, a span for each activity. Field numbers are those of the OpenTelemetry protocol.
/// </summary>
internal sealed class ActivityEncoder(ActivityLimits limits)
{
    private const int TraceIdLength = 16;
    private const int SpanIdLength = 8;

    private const string StatusCodeTag = "otel.status_code";
    private const string StatusDescriptionTag = "otel.status_description";

    private const uint IsRemoteKnown = 0x100;
    private const uint IsRemote = 0x200;

    private const uint StatusOk = 1;
    private const uint StatusError = 2;

    public byte[] Encode(ReadOnlySpan<Activity> activities, Resource resource)
    {
        var buffer = new ProtobufBuffer();
        var resourceSpans = buffer.Begin(1);
        var start = buffer.Begin(1);
        WriteAttributes(buffer, 1, 2, resource.Attributes!);
        buffer.End(start);

        // In the order in which they first occur.
        var scopes = new OrderedDictionary<ActivitySource, List<Activity>>();
        foreach (var activity in activities)
        {
            if (!scopes.TryGetValue(activity.Source, out var spans))
                scopes.Add(activity.Source, spans = []);
            spans.Add(activity);
        }

        foreach (var (source, spans) in scopes)
            WriteScope(buffer, source, spans);
        WriteTextUnlessEmpty(buffer, 3, resource.SchemaUrl);
        buffer.End(resourceSpans);
        return buffer.ToArray();
    }

    private void WriteScope(ProtobufBuffer buffer, ActivitySource source, List<Activity> spans)
    {
        var scopeSpans = buffer.Begin(2);
        var scope = buffer.Begin(1);
        WriteTextUnlessEmpty(buffer, 1, source.Name);
        WriteTextUnlessEmpty(buffer, 2, source.Version);
        if (source.Tags is { } tags)
            WriteAttributes(buffer, 3, 4, tags);
        buffer.End(scope);
        foreach (var span in spans)
            WriteSpan(buffer, span);
        WriteTextUnlessEmpty(buffer, 3, source.TelemetrySchemaUrl);
        buffer.End(scopeSpans);
    }

    private void WriteSpan(ProtobufBuffer buffer, Activity activity)
    {
        var span = buffer.Begin(2);
        activity.TraceId.CopyTo(buffer.WriteBytes(1, TraceIdLength));
        activity.SpanId.CopyTo(buffer.WriteBytes(2, SpanIdLength));
        WriteTextUnlessEmpty(buffer, 3, activity.TraceStateString);
        if (activity.ParentSpanId != default)
            activity.ParentSpanId.CopyTo(buffer.WriteBytes(4, SpanIdLength));
        buffer.WriteText(5, activity.DisplayName);
        buffer.WriteVarint(6, (ulong)activity.Kind + 1);
        buffer.WriteFixed64(7, UnixNanoseconds(activity.StartTimeUtc));
        buffer.WriteFixed64(8, UnixNanoseconds(activity.StartTimeUtc + activity.Duration));

        var (statusCode, statusDescription) = (StatusOf(activity.Status), activity.StatusDescription);
        var tags = new AttributeWriter(buffer, 9, limits.Attributes, limits.AttributeValueLength);
        foreach (ref readonly var tag in activity.EnumerateTagObjects())
        {
            // These two are the span's status, from before an activity had one of its own.
            if (tag.Key is not (StatusCodeTag or StatusDescriptionTag))
                tags.Write(tag.Key, tag.Value);
            else if (activity.Status == ActivityStatusCode.Unset && tag.Key == StatusCodeTag)
                statusCode = StatusOf(tag.Value as string);
            else if (activity.Status == ActivityStatusCode.Unset)
                statusDescription = tag.Value as string;
        }

        WriteCount(buffer, 10, tags.Dropped);
        WriteEvents(buffer, activity);
        WriteLinks(buffer, activity);
        if (statusCode != 0)
        {
            var status = buffer.Begin(15);
            if (statusCode == StatusError)
                WriteTextUnlessEmpty(buffer, 2, statusDescription);
            buffer.WriteVarint(3, statusCode);
            buffer.End(status);
        }

        buffer.WriteFixed32(16, Flags(activity.ActivityTraceFlags, activity.HasRemoteParent));
        buffer.End(span);
    }

    private void WriteEvents(ProtobufBuffer buffer, Activity activity)
    {
        var (written, dropped) = (0, 0);
        foreach (ref readonly var activityEvent in activity.EnumerateEvents())
        {
            if (written == limits.Events)
            {
                dropped++;
                continue;
            }

            written++;
            var message = buffer.Begin(11);
            buffer.WriteFixed64(1, UnixNanoseconds(activityEvent.Timestamp.UtcDateTime));
            buffer.WriteText(2, activityEvent.Name);
            var tags = new AttributeWriter(buffer, 3, limits.EventAttributes, limits.AttributeValueLength);
            foreach (ref readonly var tag in activityEvent.EnumerateTagObjects())
                tags.Write(tag.Key, tag.Value);
            WriteCount(buffer, 4, tags.Dropped);
            buffer.End(message);
        }

        WriteCount(buffer, 12, dropped);
    }

    private void WriteLinks(ProtobufBuffer buffer, Activity activity)
    {
        var (written, dropped) = (0, 0);
        foreach (ref readonly var link in activity.EnumerateLinks())
        {
            if (written == limits.Links)
            {
                dropped++;
                continue;
            }

            written++;
            var message = buffer.Begin(13);
            link.Context.TraceId.CopyTo(buffer.WriteBytes(1, TraceIdLength));
            link.Context.SpanId.CopyTo(buffer.WriteBytes(2, SpanIdLength));
            WriteTextUnlessEmpty(buffer, 3, link.Context.TraceState);
            var tags = new AttributeWriter(buffer, 4, limits.LinkAttributes, limits.AttributeValueLength);
            foreach (ref readonly var tag in link.EnumerateTagObjects())
                tags.Write(tag.Key, tag.Value);
            WriteCount(buffer, 5, tags.Dropped);
            buffer.WriteFixed32(6, Flags(link.Context.TraceFlags, link.Context.IsRemote));
            buffer.End(message);
        }

        WriteCount(buffer, 14, dropped);
    }

    private static void WriteAttributes(ProtobufBuffer buffer, int field, int droppedField, IEnumerable<KeyValuePair<string, object?>> attributes)
    {
        var writer = new AttributeWriter(buffer, field);
        foreach (var (key, value) in attributes)
            writer.Write(key, value);
        WriteCount(buffer, droppedField, writer.Dropped);
    }

    private static void WriteTextUnlessEmpty(ProtobufBuffer buffer, int field, string? text)
    {
        if (!string.IsNullOrEmpty(text))
            buffer.WriteText(field, text);
    }

    private static void WriteCount(ProtobufBuffer buffer, int field, int count)
    {
        if (count > 0)
            buffer.WriteVarint(field, (uint)count);
    }

    private static uint StatusOf(ActivityStatusCode status) => status switch
    {
        ActivityStatusCode.Ok => StatusOk,
        ActivityStatusCode.Error => StatusError,
        _ => 0,
    };

    private static uint StatusOf(string? tag) => tag?.ToUpperInvariant() switch
    {
        "OK" => StatusOk,
        "ERROR" => StatusError,
        _ => 0,
    };

    private static uint Flags(ActivityTraceFlags flags, bool isRemote) => (byte)flags | IsRemoteKnown | (isRemote ? IsRemote : 0);

    // What is before 1970 has no such number; 0 says that it is not known.
    private static ulong UnixNanoseconds(DateTime utc) => (ulong)Math.Max(0, utc.Ticks - DateTime.UnixEpoch.Ticks) * TimeSpan.NanosecondsPerTick;
}
