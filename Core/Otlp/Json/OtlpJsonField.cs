using System.Text;
using System.Text.Json;

namespace OrleansTempo.Core.Otlp.Json;

/// <summary>One field of an OTLP message: its number, its JSON names and its kind.</summary>
internal sealed class OtlpJsonField
{
    public OtlpJsonField(int number, string name, OtlpJsonKind kind, Func<OtlpJsonShape>? message = null, string[]? values = null)
    {
        Number = number;
        Name = name;
        NameUtf8 = Encoding.UTF8.GetBytes(name);
        EncodedName = JsonEncodedText.Encode(name);
        OriginalNameUtf8 = Encoding.UTF8.GetBytes(string.Concat(name.Select(static c => char.IsAsciiLetterUpper(c) ? $"_{char.ToLowerInvariant(c)}" : $"{c}")));
        Kind = kind;
        _message = message;
        Values = values ?? [];
    }

    // A function, because messages contain each other: an AnyValue may be a list of AnyValues.
    private readonly Func<OtlpJsonShape>? _message;

    public int Number { get; }

    /// <summary>The lowerCamelCase name, which senders use.</summary>
    public string Name { get; }

    public byte[] NameUtf8 { get; }

    /// <summary>The lowerCamelCase name, encoded for a JSON writer.</summary>
    public JsonEncodedText EncodedName { get; }

    /// <summary>The name in the protocol's definition, which proto3 JSON readers must accept too.</summary>
    public byte[] OriginalNameUtf8 { get; }

    public OtlpJsonKind Kind { get; }

    /// <summary>The message's shape, for the two message kinds.</summary>
    public OtlpJsonShape Message => _message!();

    /// <summary>An enum's names, ordered by their numbers.</summary>
    public string[] Values { get; }
}

/// <summary>How a field of an OTLP message is written in JSON, and how it is encoded.</summary>
internal enum OtlpJsonKind
{
    /// <summary>A string; UTF-8 in protobuf.</summary>
    Text,

    /// <summary>A trace or span ID: bytes, which OTLP's JSON writes in hexadecimal.</summary>
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
