using System.Buffers;

namespace OrleansTempo.Core.Otlp;

/// <summary>Writes a request again without some of its spans. Only for requests of which some are refused: nothing else is ever copied.</summary>
public static class OtlpSubset
{
    // Request, ResourceSpans and ScopeSpans: in each the field that leads to the spans.
    private static readonly int[] s_path = [1, 2, 2];

    /// <summary>The batch's request without the spans at these places.</summary>
    public static ReadOnlyMemory<byte> Without(SpanBatch batch, IEnumerable<int> spans)
    {
        var left = new HashSet<int>();
        foreach (var span in spans)
            left.Add(batch.Spans[span].Message.Offset);
        var output = new ArrayBufferWriter<byte>(batch.Bytes.Length);
        Write(batch.Bytes, new Slice(0, batch.Bytes.Length), 0, left, output);
        return output.WrittenMemory;
    }

    private static void Write(ReadOnlySpan<byte> bytes, Slice message, int depth, HashSet<int> left, ArrayBufferWriter<byte> output)
    {
        var fields = new ProtobufFields(bytes, message.Offset, message.End);
        while (fields.MoveNext())
        {
            if (fields.WireType != 2 || fields.Field != s_path[depth])
            {
                output.Write(bytes[fields.Start..fields.Position]);
            }
            else if (depth < s_path.Length - 1)
            {
                var inner = new ArrayBufferWriter<byte>(fields.Content.Length + 1);
                Write(bytes, fields.Content, depth + 1, left, inner);
                WriteField(fields.Field, inner.WrittenSpan, output);
            }
            else if (!left.Contains(fields.Content.Offset))
            {
                output.Write(bytes[fields.Start..fields.Position]);
            }
        }
    }

    private static void WriteField(int field, ReadOnlySpan<byte> content, ArrayBufferWriter<byte> output)
    {
        var target = output.GetSpan(1 + ProtoWire.VarintLength((ulong)content.Length) + content.Length);
        var position = 0;
        ProtoWire.WriteField(target, ref position, (byte)((field << 3) | 2), content);
        output.Advance(position);
    }
}
