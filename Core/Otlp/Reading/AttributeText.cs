using System.Buffers;
using System.Buffers.Binary;
using System.Buffers.Text;
using System.Text;

namespace OrleansTempo.Core.Otlp.Reading;

/// <summary>
/// An attribute's value as text, as used for labels: strings unchanged, integers and booleans in plain form, doubles as the shortest decimal without
/// an exponent, bytes as nothing, and <c>[…]</c> and <c>{key:value…}</c> joined without separators.
/// </summary>
public static class AttributeText
{
    /// <summary>
    /// The value in UTF-8 (not validated). Strings point into the request's buffer; everything else is written to
    /// <paramref name="scratch"/>, which is cleared first, and points there.
    /// </summary>
    public static ReadOnlySpan<byte> Get(ReadOnlySpan<byte> bytes, in AttributeRecord attribute, ArrayBufferWriter<byte> scratch)
    {
        if (attribute.Kind == AttributeKind.String)
            return bytes.Slice(attribute.Value.Offset, attribute.Value.Length);
        scratch.ResetWrittenCount();
        Append(bytes, attribute, scratch);
        return scratch.WrittenSpan;
    }

    /// <summary>Appends the value as text; strings are appended too.</summary>
    /// <param name="bytes">The request's bytes.</param>
    /// <param name="attribute">The attribute.</param>
    /// <param name="output">The buffer to append to.</param>
    /// <param name="maxBytes">A list's remaining elements are skipped once <paramref name="output"/> is longer than this.</param>
    internal static void Append(ReadOnlySpan<byte> bytes, in AttributeRecord attribute, ArrayBufferWriter<byte> output, int maxBytes = int.MaxValue) =>
        Append(bytes, attribute.Kind, attribute.Value, output, maxBytes);

    private static void Append(ReadOnlySpan<byte> bytes, AttributeKind kind, Slice value, ArrayBufferWriter<byte> output, int maxBytes)
    {
        var content = bytes.Slice(value.Offset, value.Length);
        switch (kind)
        {
            case AttributeKind.String:
                output.Write(content);
                break;
            case AttributeKind.Bool:
                output.Write(ProtoWire.ReadVarint(content) != 0 ? "true"u8 : "false"u8);
                break;
            case AttributeKind.Int:
                Utf8Formatter.TryFormat((long)ProtoWire.ReadVarint(content), output.GetSpan(20), out var written);
                output.Advance(written);
                break;
            case AttributeKind.Double:
                Encoding.UTF8.GetBytes(PlainDecimal.Format(ReadDouble(content)), output);
                break;
            case AttributeKind.Array:
                output.Write("["u8);
                AppendElements(bytes, value, kind, output, maxBytes);
                output.Write("]"u8);
                break;
            case AttributeKind.KeyValueList:
                output.Write("{"u8);
                AppendElements(bytes, value, kind, output, maxBytes);
                output.Write("}"u8);
                break;
        }
    }

    public static double ReadDouble(ReadOnlySpan<byte> bytes) => BinaryPrimitives.ReadDoubleLittleEndian(bytes);

    private static void AppendElements(ReadOnlySpan<byte> bytes, Slice list, AttributeKind kind, ArrayBufferWriter<byte> output, int maxBytes)
    {
        var elements = new AttributeElements(bytes, list, kind);
        while (output.WrittenCount <= maxBytes && elements.MoveNext(out var element))
        {
            if (kind == AttributeKind.KeyValueList)
            {
                output.Write(bytes.Slice(element.Key.Offset, element.Key.Length));
                output.Write(":"u8);
            }

            Append(bytes, element.Kind, element.Value, output, maxBytes);
        }
    }
}
