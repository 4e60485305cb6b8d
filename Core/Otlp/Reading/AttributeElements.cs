namespace OrleansTempo.Core.Otlp.Reading;

/// <summary>Enumerates the elements of an array or key-value list. An <see cref="OtlpReader"/> has already checked them, so it relies on their form.</summary>
internal ref struct AttributeElements
{
    private readonly ReadOnlySpan<byte> _bytes;
    private readonly AttributeKind _kind;
    private readonly int _end;
    private int _position;

    public AttributeElements(ReadOnlySpan<byte> bytes, Slice list, AttributeKind kind)
    {
        _bytes = bytes;
        _kind = kind;
        _position = list.Offset;
        _end = list.End;
    }

    public bool MoveNext(out AttributeRecord element)
    {
        var reader = new ProtobufFields(_bytes, _position, _end);
        while (reader.MoveNext())
        {
            if (reader.Field != 1 || reader.WireType != 2)
                continue;
            element = default;
            if (_kind == AttributeKind.Array)
                ReadValue(_bytes, reader.Content, ref element);
            else
                element = ReadKeyValue(_bytes, reader.Content);
            _position = reader.Position;
            return true;
        }

        _position = _end;
        element = default;
        return false;
    }

    /// <summary>Reads the content of one <c>KeyValue</c> message.</summary>
    public static AttributeRecord ReadKeyValue(ReadOnlySpan<byte> bytes, Slice message)
    {
        var element = default(AttributeRecord);
        var fields = new ProtobufFields(bytes, message.Offset, message.End);
        while (fields.MoveNext())
        {
            if (fields is { Field: 1, WireType: 2 })
                element.Key = fields.Content;
            else if (fields is { Field: 2, WireType: 2 })
                ReadValue(bytes, fields.Content, ref element);
        }

        return element;
    }

    private static void ReadValue(ReadOnlySpan<byte> bytes, Slice message, ref AttributeRecord element)
    {
        var fields = new ProtobufFields(bytes, message.Offset, message.End);
        while (fields.MoveNext())
        {
            var kind = (fields.Field, fields.WireType) switch
            {
                (1, 2) => AttributeKind.String,
                (2, 0) => AttributeKind.Bool,
                (3, 0) => AttributeKind.Int,
                (4, 1) => AttributeKind.Double,
                (5, 2) => AttributeKind.Array,
                (6, 2) => AttributeKind.KeyValueList,
                (7, 2) => AttributeKind.Bytes,
                _ => AttributeKind.None,
            };
            if (kind == AttributeKind.None)
                continue;
            element.Kind = kind;
            element.Value = fields.Content;
        }
    }
}
