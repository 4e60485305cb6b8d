using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Unicode;
using OrleansTempo.Core.Otlp.Reading;

namespace OrleansTempo.Core.Otlp.Json;

/// <summary>
/// Writes an OTLP message as JSON, straight from its protobuf bytes and as Tempo's query API writes it: proto3 JSON, which unlike OTLP's own JSON has
/// IDs in base64 and enums by name. 64-bit numbers are strings. Default values are left out, but a nested message (<c>status</c>, <c>resource</c>,
/// <c>value</c>) is written even if the sender left it out, as Tempo does from its blocks.
/// <para>The bytes must be well formed: an <see cref="OtlpReader"/> checked them when they were received.</para>
/// </summary>
public static class OtlpJsonWriter
{
    // Programs read these answers; nobody pastes them into a page, so apostrophes need no escape. Everything written is generated here, so it needs
    // no validation.
    internal static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    private const int MaxFieldNumber = 16;

    /// <summary>A whole message of traces as indented JSON text.</summary>
    /// <param name="traces">A <c>TracesData</c> or <c>ExportTraceServiceRequest</c> in protobuf.</param>
    public static string Format(ReadOnlySpan<byte> traces)
    {
        var output = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(output, Options with { Indented = true }))
        {
            json.WriteStartObject();
            WriteFields(json, traces, OtlpJsonShape.Request);
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(output.WrittenSpan);
    }

    /// <summary>Writes the message's fields as properties of the current object of <paramref name="json"/>.</summary>
    internal static void WriteFields(Utf8JsonWriter json, ReadOnlySpan<byte> message, OtlpJsonShape shape)
    {
        // Fields may come in any order and repeatedly, but a JSON object needs each once, so first find where each one is.
        Span<Slice> last = stackalloc Slice[MaxFieldNumber + 1];
        Span<int> count = stackalloc int[MaxFieldNumber + 1];
        last.Clear();
        count.Clear();
        var chosen = 0;
        var fields = new ProtobufFields(message, 0, message.Length);
        while (fields.MoveNext())
        {
            if (Find(shape, fields) is not { } field)
                continue;
            last[field.Number] = fields.Content;
            count[field.Number]++;
            chosen = field.Number;
        }

        foreach (var field in shape.Fields)
        {
            if (shape.IsOneOf ? field.Number != chosen : count[field.Number] == 0 && field.Kind != OtlpJsonKind.Message)
                continue;
            var content = message.Slice(last[field.Number].Offset, last[field.Number].Length);
            switch (field.Kind)
            {
                case OtlpJsonKind.Messages:
                    WriteArray(json, message, shape, field);
                    break;
                case OtlpJsonKind.Message when count[field.Number] > 1 && !shape.IsOneOf:
                    WriteObject(json, field, Merge(message, shape, field));
                    break;
                case OtlpJsonKind.Message:
                    WriteObject(json, field, content);
                    break;
                default:
                    WriteScalar(json, field, content, writeDefault: shape.IsOneOf);
                    break;
            }
        }
    }

    private static void WriteArray(Utf8JsonWriter json, ReadOnlySpan<byte> message, OtlpJsonShape shape, OtlpJsonField field)
    {
        json.WriteStartArray(field.EncodedName);
        var fields = new ProtobufFields(message, 0, message.Length);
        while (fields.MoveNext())
        {
            if (Find(shape, fields) != field)
                continue;
            json.WriteStartObject();
            WriteFields(json, message.Slice(fields.Content.Offset, fields.Content.Length), field.Message);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WriteObject(Utf8JsonWriter json, OtlpJsonField field, ReadOnlySpan<byte> content)
    {
        json.WriteStartObject(field.EncodedName);
        WriteFields(json, content, field.Message);
        json.WriteEndObject();
    }

    // Protobuf merges a message that comes in parts by concatenating their bytes.
    private static byte[] Merge(ReadOnlySpan<byte> message, OtlpJsonShape shape, OtlpJsonField field)
    {
        var merged = new ArrayBufferWriter<byte>();
        var fields = new ProtobufFields(message, 0, message.Length);
        while (fields.MoveNext())
        {
            if (Find(shape, fields) == field)
                merged.Write(message.Slice(fields.Content.Offset, fields.Content.Length));
        }

        return merged.WrittenSpan.ToArray();
    }

    private static void WriteScalar(Utf8JsonWriter json, OtlpJsonField field, ReadOnlySpan<byte> content, bool writeDefault)
    {
        switch (field.Kind)
        {
            case OtlpJsonKind.Text:
                if (!content.IsEmpty || writeDefault)
                    WriteText(json, field.EncodedName, content);
                break;
            case OtlpJsonKind.HexBytes or OtlpJsonKind.Base64Bytes:
                if (!content.IsEmpty || writeDefault)
                    json.WriteBase64String(field.EncodedName, content);
                break;
            case OtlpJsonKind.Number:
                WriteNumber(json, field.EncodedName, BinaryPrimitives.ReadDoubleLittleEndian(content));
                break;
            default:
                var value = field.Kind switch
                {
                    OtlpJsonKind.Fixed64 => BinaryPrimitives.ReadUInt64LittleEndian(content),
                    OtlpJsonKind.Fixed32 => BinaryPrimitives.ReadUInt32LittleEndian(content),
                    _ => ProtoWire.ReadVarint(content),
                };
                if (value != 0 || writeDefault)
                    WriteInteger(json, field, value);
                break;
        }
    }

    private static void WriteInteger(Utf8JsonWriter json, OtlpJsonField field, ulong value)
    {
        Span<byte> digits = stackalloc byte[20];
        var length = 0;
        switch (field.Kind)
        {
            case OtlpJsonKind.Bool:
                json.WriteBoolean(field.EncodedName, value != 0);
                break;
            case OtlpJsonKind.Integer:
                _ = Utf8.TryWrite(digits, System.Globalization.CultureInfo.InvariantCulture, $"{(long)value}", out length);
                json.WriteString(field.EncodedName, digits[..length]);
                break;
            case OtlpJsonKind.Fixed64:
                _ = Utf8.TryWrite(digits, System.Globalization.CultureInfo.InvariantCulture, $"{value}", out length);
                json.WriteString(field.EncodedName, digits[..length]);
                break;
            case OtlpJsonKind.Choice when (int)value == 0:
                break;
            case OtlpJsonKind.Choice when (uint)value < (uint)field.Values.Length:
                json.WriteString(field.EncodedName, field.Values[(uint)value]);
                break;
            case OtlpJsonKind.Choice:
                json.WriteNumber(field.EncodedName, (int)value);
                break;
            default:
                if ((uint)value != 0)
                    json.WriteNumber(field.EncodedName, (uint)value);
                break;
        }
    }

    // Proto3 JSON writes numbers that JSON cannot express as strings.
    private static void WriteNumber(Utf8JsonWriter json, JsonEncodedText name, double value)
    {
        if (double.IsFinite(value))
            json.WriteNumber(name, value);
        else
            json.WriteString(name, double.IsNaN(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity");
    }

    // Some senders put invalid UTF-8 into strings; the rest of the trace must still be readable.
    private static void WriteText(Utf8JsonWriter json, JsonEncodedText name, ReadOnlySpan<byte> text)
    {
        if (Utf8.IsValid(text))
            json.WriteString(name, text);
        else
            json.WriteString(name, Encoding.UTF8.GetString(text));
    }

    // A field with the right number but the wrong wire type is an unknown field.
    private static OtlpJsonField? Find(OtlpJsonShape shape, in ProtobufFields fields)
    {
        foreach (var field in shape.Fields)
        {
            if (field.Number == fields.Field)
                return WireType(field.Kind) == fields.WireType ? field : null;
        }

        return null;
    }

    private static int WireType(OtlpJsonKind kind) => kind switch
    {
        OtlpJsonKind.Bool or OtlpJsonKind.Integer or OtlpJsonKind.Count or OtlpJsonKind.Choice => 0,
        OtlpJsonKind.Fixed64 or OtlpJsonKind.Number => 1,
        OtlpJsonKind.Fixed32 => 5,
        _ => 2,
    };
}
