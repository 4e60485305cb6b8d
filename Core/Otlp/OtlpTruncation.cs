using System.Buffers;

namespace OrleansTempo.Core.Otlp;

/// <summary>
/// Writes a request again with its overlong attribute keys and string values cut, at a character's boundary. Only for
/// requests that have some: everything else is never copied.
/// </summary>
internal static class OtlpTruncation
{
    private static readonly Schema s_attribute = new();
    private static readonly Schema s_resource = new() { Children = { [1] = s_attribute } };
    private static readonly Schema s_scope = new() { Children = { [3] = s_attribute } };
    private static readonly Schema s_event = new() { Children = { [3] = s_attribute } };
    private static readonly Schema s_link = new() { Children = { [4] = s_attribute } };
    private static readonly Schema s_span = new() { Children = { [9] = s_attribute, [11] = s_event, [13] = s_link } };
    private static readonly Schema s_scopeSpans = new() { Children = { [1] = s_scope, [2] = s_span } };
    private static readonly Schema s_resourceSpans = new() { Children = { [1] = s_resource, [2] = s_scopeSpans } };
    private static readonly Schema s_request = new() { Children = { [1] = s_resourceSpans } };

    /// <summary>A new buffer, owned by the caller; the batch keeps its own.</summary>
    /// <exception cref="RequestMemoryException">There is no room for it.</exception>
    public static RequestBuffer Truncate(SpanBatch batch, int maxAttributeBytes, RequestMemory memory)
    {
        var output = new ArrayBufferWriter<byte>(batch.Bytes.Length);
        Write(batch.Bytes, 0, batch.Bytes.Length, s_request, maxAttributeBytes, output);
        return memory.Copy(output.WrittenSpan);
    }

    private static void Write(ReadOnlySpan<byte> bytes, int start, int end, Schema schema, int max, ArrayBufferWriter<byte> output)
    {
        var fields = new ProtobufFields(bytes, start, end);
        while (fields.MoveNext())
        {
            if (fields.WireType == 2 && schema.Children.TryGetValue(fields.Field, out var child))
            {
                var inner = new ArrayBufferWriter<byte>(fields.Content.Length + 1);
                if (child == s_attribute)
                    WriteAttribute(bytes, fields.Content, max, inner);
                else
                    Write(bytes, fields.Content.Offset, fields.Content.End, child, max, inner);
                WriteBytes(fields.Field, inner.WrittenSpan, output);
            }
            else
            {
                output.Write(bytes[fields.Start..fields.Position]);
            }
        }
    }

    private static void WriteAttribute(ReadOnlySpan<byte> bytes, Slice message, int max, ArrayBufferWriter<byte> output)
    {
        var fields = new ProtobufFields(bytes, message.Offset, message.End);
        while (fields.MoveNext())
        {
            var content = bytes.Slice(fields.Content.Offset, fields.Content.Length);
            if (fields is { Field: 1, WireType: 2 })
            {
                WriteBytes(1, Cut(content, max), output);
            }
            else if (fields is { Field: 2, WireType: 2 })
            {
                var value = new ArrayBufferWriter<byte>(content.Length + 1);
                WriteValue(bytes, fields.Content, max, value);
                WriteBytes(2, value.WrittenSpan, output);
            }
            else
            {
                output.Write(bytes[fields.Start..fields.Position]);
            }
        }
    }

    private static void WriteValue(ReadOnlySpan<byte> bytes, Slice message, int max, ArrayBufferWriter<byte> output)
    {
        var fields = new ProtobufFields(bytes, message.Offset, message.End);
        while (fields.MoveNext())
        {
            if (fields is { Field: 1, WireType: 2 })
                WriteBytes(1, Cut(bytes.Slice(fields.Content.Offset, fields.Content.Length), max), output);
            else
                output.Write(bytes[fields.Start..fields.Position]);
        }
    }

    private static ReadOnlySpan<byte> Cut(ReadOnlySpan<byte> text, int max) => Utf8Text.Cut(text, max);

    private static void WriteBytes(int field, ReadOnlySpan<byte> content, ArrayBufferWriter<byte> output)
    {
        WriteVarint((uint)((field << 3) | 2), output);
        WriteVarint((uint)content.Length, output);
        output.Write(content);
    }

    private static void WriteVarint(uint value, ArrayBufferWriter<byte> output)
    {
        var span = output.GetSpan(5);
        var count = 0;
        while (value >= 0x80)
        {
            span[count++] = (byte)(value | 0x80);
            value >>= 7;
        }

        span[count++] = (byte)value;
        output.Advance(count);
    }

    /// <summary>Which fields of a message lead to attributes.</summary>
    private sealed class Schema
    {
        public Dictionary<int, Schema> Children { get; } = [];
    }
}
