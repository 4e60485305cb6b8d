namespace OrleansTempo.Core.Otlp.Reading;

/// <summary>One attribute of a resource or a span, pointing into the request's buffer. A batch has more of these than of anything else, so it is kept small.</summary>
public struct AttributeRecord
{
    public Slice Key;
    public Slice Value;
    public AttributeKind Kind;

    /// <summary>Whether its <c>KeyValue</c> message begins with the key and ends with the value, as every known SDK writes it.</summary>
    public bool IsPlain;

    /// <summary>The content of its <c>KeyValue</c> message; valid only if it is plain.</summary>
    public readonly Slice PlainMessage
    {
        get
        {
            var start = Key.Offset - 1 - ProtoWire.VarintLength((ulong)Key.Length);
            return new Slice(start, Value.End - start);
        }
    }
}

/// <summary>The kind of value an attribute carries, and so what <see cref="AttributeRecord.Value"/> points at.</summary>
public enum AttributeKind : byte
{
    /// <summary>No value at all; the slice is empty.</summary>
    None,

    /// <summary>The characters in UTF-8, not validated.</summary>
    String,

    /// <summary>A varint, 0 or not.</summary>
    Bool,

    /// <summary>A varint, two's complement.</summary>
    Int,

    /// <summary>Eight bytes, little endian.</summary>
    Double,

    /// <summary>The content of an <c>ArrayValue</c> message.</summary>
    Array,

    /// <summary>The content of a <c>KeyValueList</c> message.</summary>
    KeyValueList,

    /// <summary>The bytes themselves.</summary>
    Bytes,
}
