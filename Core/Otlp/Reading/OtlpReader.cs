using System.Buffers.Binary;

namespace OrleansTempo.Core.Otlp.Reading;

/// <summary>
/// Reads an <c>ExportTraceServiceRequest</c> into a <see cref="SpanBatch"/>, in one pass over its bytes. As protobuf allows, fields may come in any
/// order and repeatedly: scalars keep the last value, messages merge, unknown fields are skipped. Every message is read to its end, events and links
/// too, so an accepted request is well formed throughout.
/// <para>
/// Errors unwind as false returns with the reason noted, because malformed input is common and must not cost an exception. Every length is checked
/// against the end of its message before it is used.
/// </para>
/// Source: the OpenTelemetry protocol's trace messages, and protobuf's encoding.
/// </summary>
internal ref struct OtlpReader
{
    // Protobuf parsers stop at 100 nested messages; an attribute of a span's event begins at the sixth.
    private const int MaxValueDepth = 45;

    private const uint ResourceAttributes = (1 << 3) | Bytes;

    private const int Varint = 0, Fixed64 = 1, Bytes = 2, StartGroup = 3, EndGroup = 4, Fixed32 = 5;

    private readonly SpanBatch _batch;
    private readonly ReadOnlySpan<byte> _data;
    private readonly int _maxAttributeBytes;
    private int _position;
    private int _oversized;
    private int _scopeSpans;
    private int _firstSpanOfScope;
    private OtlpReadError? _error;

    public OtlpReader(SpanBatch batch, ReadOnlySpan<byte> data, int maxAttributeBytes)
    {
        _batch = batch;
        _data = data;
        _maxAttributeBytes = maxAttributeBytes > 0 ? maxAttributeBytes : int.MaxValue;
    }

    /// <summary>Reads the whole request; null on success.</summary>
    public OtlpReadError? Read()
    {
        var end = _data.Length;
        while (_position < end)
        {
            if (!ReadTag(end, "request", out var tag))
                return _error;
            if (tag != ((1 << 3) | Bytes))
            {
                if (!Skip(tag, end, "request"))
                    return _error;
                continue;
            }

            if (!ReadLength(end, "resource_spans", out var messageEnd) || !ReadResourceSpans(messageEnd))
                return _error;
        }

        _batch.OversizedAttributes = _oversized;
        return null;
    }

    private bool ReadResourceSpans(int end)
    {
        var resource = _batch.AddResource(_position);
        var start = _position;
        _batch.ResourceAt(resource).Message = new Slice(start, end - start);
        _scopeSpans = -1;
        var parts = 0;
        while (_position < end)
        {
            if (!ReadTag(end, "resource_spans", out var tag))
                return false;
            switch (tag)
            {
                case (1 << 3) | Bytes:
                    if (!ReadLength(end, "resource", out var resourceEnd))
                        return false;
                    if (!(parts++ == 0 ? ReadResource(resourceEnd, resource, resourceEnd) : WalkAttributes(resourceEnd, ResourceAttributes, "resource", "resource.attributes")))
                        return false;
                    break;
                case (2 << 3) | Bytes:
                    _scopeSpans++;
                    _firstSpanOfScope = _batch.SpanCount;
                    if (!ReadLength(end, "scope_spans", out var scopeEnd) || !ReadScopeSpans(scopeEnd, resource))
                        return false;
                    break;
                default:
                    if (!Skip(tag, end, "resource_spans"))
                        return false;
                    break;
            }
        }

        if (parts > 1)
            MergeResource(start, end, resource);
        return true;
    }

    private bool ReadResource(int end, int resource, int read)
    {
        var first = _batch.AttributeCount;
        while (_position < end)
        {
            if (!ReadTag(end, "resource", out var tag))
                return false;
            if (tag == ResourceAttributes)
            {
                if (!ReadLength(end, "resource.attributes", out var attributeEnd)
                    || !ReadAttribute(attributeEnd, "resource.attributes", ref _batch.AddAttribute(read), 0))
                    return false;
            }
            else if (!Skip(tag, end, "resource"))
            {
                return false;
            }
        }

        ref var record = ref _batch.ResourceAt(resource);
        if (record.AttributeCount == 0)
            record.FirstAttribute = first;
        record.AttributeCount += _batch.AttributeCount - first;
        return true;
    }

    // A resource came in parts, all of them read by now. Its attributes must be contiguous, but a sender of many parts must not cause a copy of all
    // earlier ones for each part. So the attributes are read once more, in a row.
    private void MergeResource(int start, int end, int resource)
    {
        var (after, oversized) = (_position, _oversized);
        _batch.ResourceAt(resource).AttributeCount = 0;
        var fields = new ProtobufFields(_data, start, end);
        while (fields.MoveNext())
        {
            if (fields is not { Field: 1, WireType: Bytes })
                continue;
            _position = fields.Content.Offset;
            ReadResource(fields.Content.End, resource, after);
        }

        (_position, _oversized) = (after, oversized);
    }

    private bool ReadScopeSpans(int end, int resource)
    {
        var scope = _batch.AddScope(new ScopeRecord { Message = new Slice(_position, end - _position) });
        while (_position < end)
        {
            if (!ReadTag(end, "scope_spans", out var tag))
                return false;
            switch (tag)
            {
                case (2 << 3) | Bytes:
                    if (!ReadLength(end, "spans", out var spanEnd) || !ReadSpan(spanEnd, resource, scope))
                        return false;
                    break;
                case (1 << 3) | Bytes:
                    if (!ReadLength(end, "scope", out var scopeEnd) || !WalkAttributes(scopeEnd, (3 << 3) | Bytes, "scope", "scope.attributes"))
                        return false;
                    break;
                default:
                    if (!Skip(tag, end, "scope_spans"))
                        return false;
                    break;
            }
        }

        return true;
    }

    private bool ReadSpan(int end, int resource, int scope)
    {
        ref var span = ref _batch.AddSpan(_position);
        span.Message = new Slice(_position, end - _position);
        span.Resource = resource;
        span.Scope = scope;
        span.FirstAttribute = _batch.AttributeCount;
        while (_position < end)
        {
            if (!ReadTag(end, "spans", out var tag))
                return false;
            bool read;
            switch (tag)
            {
                case (9 << 3) | Bytes:
                    read = ReadLength(end, "attributes", out var attributeEnd)
                        && ReadAttribute(attributeEnd, "attributes", ref _batch.AddAttribute(_position), 0);
                    break;
                case (1 << 3) | Bytes:
                    read = ReadSlice(end, "trace_id", out span.TraceId);
                    break;
                case (2 << 3) | Bytes:
                    read = ReadSlice(end, "span_id", out span.SpanId);
                    break;
                case (3 << 3) | Bytes:
                    read = ReadSlice(end, "trace_state", out span.TraceState);
                    span.HasOtherFields = true;
                    break;
                case (4 << 3) | Bytes:
                    read = ReadSlice(end, "parent_span_id", out span.ParentSpanId);
                    break;
                case (5 << 3) | Bytes:
                    read = ReadSlice(end, "name", out span.Name);
                    break;
                case (6 << 3) | Varint:
                    read = ReadVarint(end, "kind", out var kind);
                    span.Kind = (SpanKind)(int)kind;
                    break;
                case (7 << 3) | Fixed64:
                    read = ReadFixed64(end, "start_time_unix_nano", out span.StartTimeUnixNano);
                    break;
                case (8 << 3) | Fixed64:
                    read = ReadFixed64(end, "end_time_unix_nano", out span.EndTimeUnixNano);
                    break;
                case (11 << 3) | Bytes:
                    read = ReadLength(end, "events", out var eventEnd)
                        && WalkAttributes(eventEnd, (3 << 3) | Bytes, "events", "events.attributes");
                    span.HasOtherFields = true;
                    break;
                case (13 << 3) | Bytes:
                    read = ReadLength(end, "links", out var linkEnd)
                        && WalkAttributes(linkEnd, (4 << 3) | Bytes, "links", "links.attributes");
                    span.HasOtherFields = true;
                    break;
                case (15 << 3) | Bytes:
                    read = ReadLength(end, "status", out var statusEnd) && ReadStatus(statusEnd, ref span);
                    break;
                case (16 << 3) | Fixed32:
                    read = ReadFixed32(end, "flags", out span.Flags);
                    break;
                default:
                    read = Skip(tag, end, "spans");
                    span.HasOtherFields = true;
                    break;
            }

            if (!read)
                return false;
        }

        span.AttributeCount = _batch.AttributeCount - span.FirstAttribute;
        return true;
    }

    private bool ReadStatus(int end, ref SpanRecord span)
    {
        while (_position < end)
        {
            if (!ReadTag(end, "status", out var tag))
                return false;
            bool read;
            switch (tag)
            {
                case (2 << 3) | Bytes:
                    read = ReadSlice(end, "status.message", out span.StatusMessage);
                    break;
                case (3 << 3) | Varint:
                    read = ReadVarint(end, "status.code", out var code);
                    span.Status = (StatusCode)(int)code;
                    break;
                default:
                    read = Skip(tag, end, "status");
                    break;
            }

            if (!read)
                return false;
        }

        return true;
    }

    // Attributes of scopes, events and links count against the limits, but nothing of them is kept.
    private bool WalkAttributes(int end, uint attributesTag, string message, string field)
    {
        AttributeRecord ignored = default;
        while (_position < end)
        {
            if (!ReadTag(end, message, out var tag))
                return false;
            if (tag == attributesTag)
            {
                if (!ReadLength(end, field, out var attributeEnd) || !ReadAttribute(attributeEnd, field, ref ignored, 0))
                    return false;
            }
            else if (!Skip(tag, end, message))
            {
                return false;
            }
        }

        return true;
    }

    private bool ReadAttribute(int end, string field, ref AttributeRecord attribute, int depth)
    {
        attribute = default;

        // Nearly every attribute is a short key and a short string, encoded in order: recognised here without a loop.
        var data = _data;
        var p = _position;
        if (end - p >= 6 && data[p] == 0x0A)
        {
            int keyLength = data[p + 1];
            var valueTag = p + 2 + keyLength;
            if (keyLength < 0x80 && valueTag + 4 <= end && data[valueTag] == 0x12
                && data[valueTag + 1] == end - valueTag - 2 && data[valueTag + 1] < 0x80
                && data[valueTag + 2] == 0x0A && data[valueTag + 3] == end - valueTag - 4)
            {
                attribute.Key = new Slice(p + 2, keyLength);
                attribute.Value = new Slice(valueTag + 4, end - valueTag - 4);
                attribute.Kind = AttributeKind.String;
                attribute.IsPlain = true;
                _position = end;
                if (Math.Max(keyLength, attribute.Value.Length) > _maxAttributeBytes)
                    CountOversized(attribute);
                return true;
            }
        }

        while (_position < end)
        {
            if (!ReadTag(end, field, out var tag))
                return false;
            bool read;
            switch (tag)
            {
                case (1 << 3) | Bytes:
                    read = ReadSlice(end, field, out attribute.Key);
                    break;
                case (2 << 3) | Bytes:
                    read = ReadLength(end, field, out var valueEnd) && ReadValue(valueEnd, field, ref attribute, depth);
                    break;
                default:
                    read = Skip(tag, end, field);
                    break;
            }

            if (!read)
                return false;
        }

        attribute.IsPlain = attribute.Value.End == end && attribute.PlainMessage.Offset == p;
        if (depth == 0)
            CountOversized(attribute);
        return true;
    }

    private void CountOversized(in AttributeRecord attribute)
    {
        if (attribute.Key.Length > _maxAttributeBytes)
            _oversized++;
        if (attribute.Kind == AttributeKind.String && attribute.Value.Length > _maxAttributeBytes)
            _oversized++;
    }

    private bool ReadValue(int end, string field, ref AttributeRecord attribute, int depth)
    {
        if (depth > MaxValueDepth)
            return Fail(field, _position, $"values are nested more than {MaxValueDepth} levels deep");

        while (_position < end)
        {
            if (!ReadTag(end, field, out var tag))
                return false;
            bool read;
            switch (tag)
            {
                case (1 << 3) | Bytes:
                    read = ReadSlice(end, field, out attribute.Value);
                    attribute.Kind = AttributeKind.String;
                    break;
                case (2 << 3) | Varint:
                    read = ReadVarintSlice(end, field, out attribute.Value);
                    attribute.Kind = AttributeKind.Bool;
                    break;
                case (3 << 3) | Varint:
                    read = ReadVarintSlice(end, field, out attribute.Value);
                    attribute.Kind = AttributeKind.Int;
                    break;
                case (4 << 3) | Fixed64:
                    attribute.Value = new Slice(_position, sizeof(double));
                    attribute.Kind = AttributeKind.Double;
                    read = ReadFixed64(end, field, out _);
                    break;
                case (5 << 3) | Bytes:
                    read = ReadNested(end, field, AttributeKind.Array, ref attribute, depth);
                    break;
                case (6 << 3) | Bytes:
                    read = ReadNested(end, field, AttributeKind.KeyValueList, ref attribute, depth);
                    break;
                case (7 << 3) | Bytes:
                    read = ReadSlice(end, field, out attribute.Value);
                    attribute.Kind = AttributeKind.Bytes;
                    break;
                default:
                    read = Skip(tag, end, field);
                    break;
            }

            if (!read)
                return false;
        }

        return true;
    }

    // An ArrayValue or KeyValueList is checked for its form and kept as raw bytes.
    private bool ReadNested(int end, string field, AttributeKind kind, ref AttributeRecord attribute, int depth)
    {
        if (!ReadLength(end, field, out var nestedEnd))
            return false;
        attribute.Value = new Slice(_position, nestedEnd - _position);
        attribute.Kind = kind;
        AttributeRecord element = default;
        while (_position < nestedEnd)
        {
            if (!ReadTag(nestedEnd, field, out var tag))
                return false;
            if (tag != ((1 << 3) | Bytes))
            {
                if (!Skip(tag, nestedEnd, field))
                    return false;
                continue;
            }

            if (!ReadLength(nestedEnd, field, out var elementEnd))
                return false;
            var read = kind == AttributeKind.Array
                ? ReadValue(elementEnd, field, ref element, depth + 1)
                : ReadAttribute(elementEnd, field, ref element, depth + 1);
            if (!read)
                return false;
        }

        return true;
    }

    private bool ReadTag(int end, string message, out uint tag)
    {
        var start = _position;
        if (start < end && _data[start] < 0x80)
        {
            tag = _data[start];
            _position = start + 1;
        }
        else
        {
            if (!ReadVarint(end, message, out var wide))
            {
                tag = 0;
                return false;
            }

            // Protobuf's own parsers ignore the bits above 32, too.
            tag = (uint)wide;
        }

        return tag >= 8 || Fail(message, start, "field number 0 is not allowed");
    }

    private bool ReadVarint(int end, string field, out ulong value)
    {
        // Nearly all lengths have one byte.
        if (_position < end && _data[_position] < 0x80)
        {
            value = _data[_position++];
            return true;
        }

        return ReadLongVarint(end, field, out value);
    }

    private bool ReadLongVarint(int end, string field, out ulong value)
    {
        var start = _position;
        return ProtoWire.TryReadVarint(_data[..end], ref _position, out value)
            || Fail(field, start, _position - start < ProtoWire.MaxVarintBytes ? "a number runs past the end of its message" : "a number is longer than 10 bytes");
    }

    private bool ReadVarintSlice(int end, string field, out Slice slice)
    {
        var start = _position;
        var read = ReadVarint(end, field, out _);
        slice = new Slice(start, _position - start);
        return read;
    }

    private bool ReadFixed64(int end, string field, out ulong value)
    {
        if (end - _position < sizeof(ulong))
        {
            value = 0;
            return Fail(field, _position, $"8 bytes are needed, but only {end - _position} are left");
        }

        value = BinaryPrimitives.ReadUInt64LittleEndian(_data[_position..]);
        _position += sizeof(ulong);
        return true;
    }

    private bool ReadFixed32(int end, string field, out uint value)
    {
        if (end - _position < sizeof(uint))
        {
            value = 0;
            return Fail(field, _position, $"4 bytes are needed, but only {end - _position} are left");
        }

        value = BinaryPrimitives.ReadUInt32LittleEndian(_data[_position..]);
        _position += sizeof(uint);
        return true;
    }

    private bool ReadSlice(int end, string field, out Slice slice)
    {
        var read = ReadLength(end, field, out var sliceEnd);
        slice = new Slice(_position, sliceEnd - _position);
        _position = sliceEnd;
        return read;
    }

    /// <summary>Reads a length and returns the end of its content, which is never beyond <paramref name="end"/>.</summary>
    private bool ReadLength(int end, string field, out int contentEnd)
    {
        var start = _position;
        ulong length;
        if (start < end && _data[start] < 0x80)
        {
            length = _data[start];
            _position = start + 1;
        }
        else if (!ReadVarint(end, field, out length))
        {
            contentEnd = _position;
            return false;
        }

        if (length > (ulong)(end - _position))
        {
            contentEnd = _position;
            return Fail(field, start, $"its length {length} runs past the end of its message, which has {end - _position} bytes left");
        }

        contentEnd = _position + (int)length;
        return true;
    }

    private bool Skip(uint tag, int end, string message)
    {
        var start = _position;
        switch (tag & 7)
        {
            case Varint:
                return ReadVarint(end, message, out _);
            case Fixed64:
                return SkipBytes(8, end, message);
            case Bytes:
                if (!ReadLength(end, message, out var contentEnd))
                    return false;
                _position = contentEnd;
                return true;
            case StartGroup:
                return SkipGroup(tag >> 3, end, message);
            case Fixed32:
                return SkipBytes(4, end, message);
            case EndGroup:
                return Fail(message, start, $"field {tag >> 3} ends a group that never began");
            default:
                return Fail(message, start, $"field {tag >> 3} has wire type {tag & 7}, which does not exist");
        }
    }

    private bool SkipBytes(int count, int end, string message)
    {
        if (end - _position < count)
            return Fail(message, _position, $"{count} bytes are needed, but only {end - _position} are left");
        _position += count;
        return true;
    }

    // Groups are gone from protobuf's language, but not from its wire format. Nested ones are tracked without recursion.
    private bool SkipGroup(uint field, int end, string message)
    {
        Span<uint> open = stackalloc uint[MaxValueDepth];
        open[0] = field;
        var depth = 1;
        while (depth > 0)
        {
            var start = _position;
            if (start >= end)
                return Fail(message, start, $"the group of field {open[depth - 1]} does not end within its message");
            if (!ReadTag(end, message, out var tag))
                return false;
            switch (tag & 7)
            {
                case StartGroup when depth == open.Length:
                    return Fail(message, start, $"groups are nested more than {MaxValueDepth} levels deep");
                case StartGroup:
                    open[depth++] = tag >> 3;
                    break;
                case EndGroup when open[depth - 1] != tag >> 3:
                    return Fail(message, start, $"field {tag >> 3} ends the group of field {open[depth - 1]}");
                case EndGroup:
                    depth--;
                    break;
                default:
                    if (!Skip(tag, end, message))
                        return false;
                    break;
            }
        }

        return true;
    }

    private bool Fail(string field, int offset, string problem)
    {
        _error ??= new OtlpReadError(Path(field), offset, problem);
        return false;
    }

    // Names the field by its path: resource_spans[2].scope_spans[0].spans[17].name.
    private readonly string Path(string field)
    {
        var resource = _batch.Resources.Length - 1;
        if (field == "request" || resource < 0)
            return field;
        var path = $"resource_spans[{resource}]";
        if (field.StartsWith("resource", StringComparison.Ordinal))
            return field == "resource_spans" ? path : $"{path}.{field}";

        path += $".scope_spans[{Math.Max(_scopeSpans, 0)}]";
        if (field == "scope_spans" || field.StartsWith("scope", StringComparison.Ordinal))
            return field == "scope_spans" ? path : $"{path}.{field}";

        path += $".spans[{Math.Max(_batch.SpanCount - _firstSpanOfScope - 1, 0)}]";
        return field == "spans" ? path : $"{path}.{field}";
    }
}

/// <summary>Why bytes are not an OTLP trace request: the field, its byte offset and the problem.</summary>
public sealed record OtlpReadError(string Field, int Offset, string Problem)
{
    public override string ToString() => $"malformed OTLP request: {Field} at byte {Offset}: {Problem}";
}
