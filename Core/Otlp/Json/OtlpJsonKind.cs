namespace OrleansTempo.Core.Otlp.Json;

/// <summary>How a field of an OTLP message is written in JSON, and how it is encoded.</summary>
internal enum OtlpJsonKind
{
    /// <summary>A string; UTF-8 in protobuf.</summary>
    Text,

    /// <summary>A trace or span ID: bytes, in OTLP's JSON as hexadecimal.</summary>
    HexBytes,

    /// <summary>Other bytes: base64.</summary>
    Base64Bytes,

    Bool,

    /// <summary>A signed 64-bit integer, as a number or a string; varint.</summary>
    Integer,

    /// <summary>An unsigned 32-bit integer; varint.</summary>
    Count,

    /// <summary>An unsigned 32-bit integer; four bytes.</summary>
    Fixed32,

    /// <summary>An unsigned 64-bit integer, as a number or a string; eight bytes.</summary>
    Fixed64,

    Number,

    /// <summary>A number or a name; varint.</summary>
    Choice,

    Message,

    /// <summary>An array of messages.</summary>
    Messages,
}
