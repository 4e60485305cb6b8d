namespace OrleansTempo.Core.Otlp.Reading;

/// <summary>Which value an attribute carries, and so what its <see cref="AttributeRecord.Value"/> points at.</summary>
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

    /// <summary>The inside of an <c>ArrayValue</c> message.</summary>
    Array,

    /// <summary>The inside of a <c>KeyValueList</c> message.</summary>
    KeyValueList,

    /// <summary>The bytes themselves.</summary>
    Bytes,
}
