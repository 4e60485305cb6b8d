using System.Buffers;

namespace OrleansTempo.Core.Otlp;

/// <summary>
/// Writes a request again with its overlong attribute keys and string values cut, at a character's boundary. Only for
/// requests that have some: everything else is never copied.
/// </summary>
internal static class OtlpTruncation
{
    /// <summary>What has attributes, in Tempo's words.</summary>
    public static readonly string[] Scopes = ["resource", "scope", "span", "event", "link"];

    private static readonly Schema[] s_attributes = [.. Scopes.Select(static (_, i) => new Schema { Scope = i })];
    private static readonly Schema s_resource = new() { Children = { [1] = s_attributes[0] } };
    private static readonly Schema s_scope = new() { Children = { [3] = s_attributes[1] } };
    private static readonly Schema s_event = new() { Children = { [3] = s_attributes[3] } };
    private static readonly Schema s_link = new() { Children = { [4] = s_attributes[4] } };
    private static readonly Schema s_span = new() { Children = { [9] = s_attributes[2], [11] = s_event, [13] = s_link } };
    private static readonly Schema s_scopeSpans = new() { Children = { [1] = s_scope, [2] = s_span } };
    private static readonly Schema s_resourceSpans = new() { Children = { [1] = s_resource, [2] = s_scopeSpans } };
    private static readonly Schema s_request = new() { Children = { [1] = s_resourceSpans } };

    /// <summary>A new buffer, owned by the caller; the batch keeps its own.</summary>
    /// <param name="batch">What is written again.</param>
    /// <param name="maxAttributeBytes">How long a key or a string value may be.</param>
    /// <param name="memory">Where the buffer comes from.</param>
    /// <param name="cuts">How many keys and values were cut, by the number of their <see cref="Scopes"/>.</param>
    /// <exception cref="RequestMemoryException">There is no room for it.</exception>
    public static RequestBuffer Truncate(SpanBatch batch, int maxAttributeBytes, RequestMemory memory, out long[] cuts)
    {
        cuts = new long[Scopes.Length];
        var output = new ArrayBufferWriter<byte>(batch.Bytes.Length);
        Write(batch.Bytes, 0, batch.Bytes.Length, s_request, maxAttributeBytes, cuts, output);
        return memory.Copy(output.WrittenSpan);
    }

    private static void Write(ReadOnlySpan<byte> bytes, int start, int end, Schema schema, int max, long[] cuts, ArrayBufferWriter<byte> output)
    {
        var fields = new ProtobufFields(bytes, start, end);
        while (fields.MoveNext())
        {
            if (fields.WireType == 2 && schema.Children.TryGetValue(fields.Field, out var child))
            {
                var inner = new ArrayBufferWriter<byte>(fields.Content.Length + 1);
                if (child.Scope is { } scope)
                    WriteAttribute(bytes, fields.Content, max, ref cuts[scope], inner);
                else
                    Write(bytes, fields.Content.Offset, fields.Content.End, child, max, cuts, inner);
                WriteBytes(fields.Field, inner.WrittenSpan, output);
            }
            else
            {
                output.Write(bytes[fields.Start..fields.Position]);
            }
        }
    }

    private static void WriteAttribute(ReadOnlySpan<byte> bytes, Slice message, int max, ref long cuts, ArrayBufferWriter<byte> output)
    {
        var fields = new ProtobufFields(bytes, message.Offset, message.End);
        while (fields.MoveNext())
        {
            var content = bytes.Slice(fields.Content.Offset, fields.Content.Length);
            if (fields is { Field: 1, WireType: 2 })
            {
                WriteBytes(1, Cut(content, max, ref cuts), output);
            }
            else if (fields is { Field: 2, WireType: 2 })
            {
                var value = new ArrayBufferWriter<byte>(content.Length + 1);
                WriteValue(bytes, fields.Content, max, ref cuts, value);
                WriteBytes(2, value.WrittenSpan, output);
            }
            else
            {
                output.Write(bytes[fields.Start..fields.Position]);
            }
        }
    }

    private static void WriteValue(ReadOnlySpan<byte> bytes, Slice message, int max, ref long cuts, ArrayBufferWriter<byte> output)
    {
        var fields = new ProtobufFields(bytes, message.Offset, message.End);
        while (fields.MoveNext())
        {
            if (fields is { Field: 1, WireType: 2 })
                WriteBytes(1, Cut(bytes.Slice(fields.Content.Offset, fields.Content.Length), max, ref cuts), output);
            else
                output.Write(bytes[fields.Start..fields.Position]);
        }
    }

    private static ReadOnlySpan<byte> Cut(ReadOnlySpan<byte> text, int max, ref long cuts)
    {
        if (text.Length > max)
            cuts++;
        return Utf8Text.Cut(text, max);
    }

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

        /// <summary>Of an attribute, whose it is; null of what only leads to attributes.</summary>
        public int? Scope { get; init; }
    }
}
