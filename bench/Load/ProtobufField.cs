using System.Buffers.Binary;

namespace OrleansTempo.Bench.Load;

/// <summary>One field of a protobuf message: its position in the body, and that of its content.</summary>
/// <param name="Number">The field number.</param>
/// <param name="Start">The offset of the tag.</param>
/// <param name="Content">The offset of the content, after tag and length.</param>
/// <param name="Length">The length of the content in bytes.</param>
internal readonly record struct ProtobufField(int Number, int Start, int Content, int Length)
{
    public int End => Content + Length;

    /// <summary>The fields of the message at <paramref name="start"/>, in order.</summary>
    public static List<ProtobufField> ReadAll(byte[] body, int start, int end)
    {
        var fields = new List<ProtobufField>();
        for (var position = start; position < end;)
        {
            var fieldStart = position;
            var tag = ReadVarint(body, ref position);
            var content = position;
            int length;
            switch (tag & 7)
            {
                case 0:
                    ReadVarint(body, ref position);
                    length = position - content;
                    break;
                case 1:
                    length = 8;
                    break;
                case 2:
                    length = (int)ReadVarint(body, ref position);
                    content = position;
                    break;
                case 5:
                    length = 4;
                    break;
                default:
                    throw new InvalidDataException($"wire type {tag & 7} at offset {fieldStart}: the payload is not OTLP protobuf");
            }

            position = content + length;
            fields.Add(new ProtobufField((int)(tag >> 3), fieldStart, content, length));
        }

        return fields;
    }

    /// <summary>Reads a varint or a fixed number of 8 bytes, depending on the length of the content.</summary>
    public ulong ReadNumber(byte[] body)
    {
        if (Length == 8)
            return BinaryPrimitives.ReadUInt64LittleEndian(body.AsSpan(Content));
        var position = Content;
        return ReadVarint(body, ref position);
    }

    private static ulong ReadVarint(byte[] body, ref int position)
    {
        ulong value = 0;
        for (var shift = 0; ; shift += 7)
        {
            var b = body[position++];
            value |= (ulong)(b & 0x7F) << shift;
            if (b < 0x80)
                return value;
        }
    }
}
