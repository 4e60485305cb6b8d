using System.Buffers.Binary;
using System.Text;
using OrleansTempo.Core.Otlp;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Core.TraceQL.Semantics;

namespace OrleansTempo.Core.TraceQL.Evaluation;

/// <summary>Reads spans as queries see them from OTLP protobuf that has been checked.</summary>
internal static class SpanMessages
{
    public static QueriedSpan Read(in FoundSpan found)
    {
        var bytes = found.Span.Span;
        var (name, end, status, message) = ("", 0UL, StatusCode.Unset, "");
        var attributes = new List<KeyValuePair<string, Value>>();
        var events = new List<QueriedEvent>();
        var links = new List<QueriedLink>();
        for (var fields = new ProtobufFields(bytes, 0, bytes.Length); fields.MoveNext();)
        {
            var content = bytes.Slice(fields.Content.Offset, fields.Content.Length);
            switch (fields.Field, fields.WireType)
            {
                case (5, 2):
                    name = Encoding.UTF8.GetString(content);
                    break;
                case (8, 1):
                    end = BinaryPrimitives.ReadUInt64LittleEndian(content);
                    break;
                case (9, 2):
                    attributes.Add(ReadAttribute(bytes, fields.Content));
                    break;
                case (11, 2):
                    events.Add(ReadEvent(content));
                    break;
                case (13, 2):
                    links.Add(ReadLink(content));
                    break;
                case (15, 2):
                    ReadStatus(content, ref status, ref message);
                    break;
            }
        }

        SpanIds.TryReadParent(bytes, out var parentId);
        var (scopeName, scopeVersion, scopeAttributes) = ReadScope(found.Scope.Span);
        return new QueriedSpan
        {
            Id = found.SpanId,
            ParentId = parentId,
            Name = name,
            Kind = found.Kind,
            Status = status,
            StatusMessage = message,
            StartTimeUnixNano = found.StartTimeUnixNano,
            EndTimeUnixNano = end,
            Attributes = new QueriedAttributes(attributes),
            Resource = ReadResource(found.Resource.Span),
            ScopeName = scopeName,
            ScopeVersion = scopeVersion,
            ScopeAttributes = scopeAttributes,
            Events = events,
            Links = links,
        };
    }

    private static QueriedAttributes ReadResource(ReadOnlySpan<byte> envelope)
    {
        var attributes = new List<KeyValuePair<string, Value>>();
        for (var fields = new ProtobufFields(envelope, 0, envelope.Length); fields.MoveNext();)
        {
            if (fields is { Field: 1, WireType: 2 })
                AddAttributes(envelope.Slice(fields.Content.Offset, fields.Content.Length), 1, attributes);
        }

        return new QueriedAttributes(attributes);
    }

    private static (string Name, string Version, QueriedAttributes Attributes) ReadScope(ReadOnlySpan<byte> envelope)
    {
        var (name, version) = ("", "");
        var attributes = new List<KeyValuePair<string, Value>>();
        for (var fields = new ProtobufFields(envelope, 0, envelope.Length); fields.MoveNext();)
        {
            if (fields is not { Field: 1, WireType: 2 })
                continue;
            var scope = envelope.Slice(fields.Content.Offset, fields.Content.Length);
            name = ReadText(scope, 1) ?? name;
            version = ReadText(scope, 2) ?? version;
            AddAttributes(scope, 3, attributes);
        }

        return (name, version, new QueriedAttributes(attributes));
    }

    private static QueriedEvent ReadEvent(ReadOnlySpan<byte> message)
    {
        var time = 0UL;
        for (var fields = new ProtobufFields(message, 0, message.Length); fields.MoveNext();)
        {
            if (fields is { Field: 1, WireType: 1 })
                time = BinaryPrimitives.ReadUInt64LittleEndian(message[fields.Content.Offset..]);
        }

        return new QueriedEvent(ReadText(message, 2) ?? "", time, ReadAttributes(message, 3));
    }

    private static QueriedLink ReadLink(ReadOnlySpan<byte> message)
    {
        var (traceId, spanId) = ("", "");
        for (var fields = new ProtobufFields(message, 0, message.Length); fields.MoveNext();)
        {
            if (fields is { Field: 1, WireType: 2 })
                traceId = Convert.ToHexStringLower(message.Slice(fields.Content.Offset, fields.Content.Length));
            else if (fields is { Field: 2, WireType: 2 })
                spanId = Convert.ToHexStringLower(message.Slice(fields.Content.Offset, fields.Content.Length));
        }

        return new QueriedLink(traceId, spanId, ReadAttributes(message, 4));
    }

    private static void ReadStatus(ReadOnlySpan<byte> content, ref StatusCode status, ref string message)
    {
        message = ReadText(content, 2) ?? message;
        for (var fields = new ProtobufFields(content, 0, content.Length); fields.MoveNext();)
        {
            if (fields is { Field: 3, WireType: 0 })
                status = (StatusCode)ProtoWire.ReadVarint(content.Slice(fields.Content.Offset, fields.Content.Length));
        }
    }

    // The last one, as protobuf has it.
    private static string? ReadText(ReadOnlySpan<byte> message, int field)
    {
        string? text = null;
        for (var fields = new ProtobufFields(message, 0, message.Length); fields.MoveNext();)
        {
            if (fields.Field == field && fields.WireType == 2)
                text = Encoding.UTF8.GetString(message.Slice(fields.Content.Offset, fields.Content.Length));
        }

        return text;
    }

    private static QueriedAttributes ReadAttributes(ReadOnlySpan<byte> message, int field)
    {
        var attributes = new List<KeyValuePair<string, Value>>();
        AddAttributes(message, field, attributes);
        return new QueriedAttributes(attributes);
    }

    private static void AddAttributes(ReadOnlySpan<byte> message, int field, List<KeyValuePair<string, Value>> attributes)
    {
        for (var fields = new ProtobufFields(message, 0, message.Length); fields.MoveNext();)
        {
            if (fields.Field == field && fields.WireType == 2)
                attributes.Add(ReadAttribute(message, fields.Content));
        }
    }

    private static KeyValuePair<string, Value> ReadAttribute(ReadOnlySpan<byte> bytes, Slice message)
    {
        var attribute = AttributeElements.ReadKeyValue(bytes, message);
        return new(Encoding.UTF8.GetString(bytes.Slice(attribute.Key.Offset, attribute.Key.Length)), ReadValue(bytes, attribute));
    }

    private static Value ReadValue(ReadOnlySpan<byte> bytes, in AttributeRecord attribute)
    {
        var content = bytes.Slice(attribute.Value.Offset, attribute.Value.Length);
        switch (attribute.Kind)
        {
            case AttributeKind.None:
                return Value.Nil;
            case AttributeKind.String:
                return Value.String(Encoding.UTF8.GetString(content));
            case AttributeKind.Bool:
                return Value.Boolean(ProtoWire.ReadVarint(content) != 0);
            case AttributeKind.Int:
                return Value.Integer((long)ProtoWire.ReadVarint(content));
            case AttributeKind.Double:
                return Value.Float(AttributeText.ReadDouble(content));
            case AttributeKind.Array:
                var elements = new List<Value>();
                for (var array = new AttributeElements(bytes, attribute.Value, AttributeKind.Array); array.MoveNext(out var element);)
                    elements.Add(element.Kind == AttributeKind.Array ? Value.Other : ReadValue(bytes, element));
                return Value.Array(elements);
            default:
                return Value.Other;
        }
    }
}
