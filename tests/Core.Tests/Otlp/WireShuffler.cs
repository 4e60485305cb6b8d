using Google.Protobuf;

namespace OrleansTempo.Core.Tests.Otlp;

/// <summary>
/// Writes a protobuf message as another, equally valid encoder might: fields in another order, unknown fields of every
/// wire type between them, lengths and numbers padded to more bytes than they need, messages split in two where they merge.
/// </summary>
internal sealed class WireShuffler(Random random)
{
    // Field numbers of an OTLP request's nested messages, by path.
    private static readonly Dictionary<string, int[]> s_messages = new()
    {
        [""] = [1],
        ["/1"] = [1, 2],
        ["/1/1"] = [1],
        ["/1/1/1"] = [2],
        ["/1/2"] = [1, 2],
        ["/1/2/1"] = [3],
        ["/1/2/2"] = [9, 11, 13, 15],
        ["/1/2/2/9"] = [2],
        ["/1/2/2/11"] = [3],
        ["/1/2/2/13"] = [4],
    };

    // Singular messages whose halves merge into the whole: a resource and a status.
    private static readonly HashSet<string> s_splittable = ["/1/1", "/1/2/2/15"];

    public byte[] Shuffle(byte[] message) => Shuffle(message, "");

    private byte[] Shuffle(byte[] message, string path)
    {
        var fields = new List<(int Number, byte[] Bytes)>();
        var input = new CodedInputStream(message);
        uint tag;
        while ((tag = input.ReadTag()) != 0)
        {
            var number = WireFormat.GetTagFieldNumber(tag);
            switch (WireFormat.GetTagWireType(tag))
            {
                case WireFormat.WireType.LengthDelimited:
                    var content = input.ReadBytes().ToByteArray();
                    var child = $"{path}/{number}";
                    if (s_messages.TryGetValue(path, out var nested) && nested.Contains(number))
                    {
                        content = Shuffle(content, child);
                        if (s_splittable.Contains(child) && random.Next(3) == 0)
                        {
                            var (first, second) = Split(content);
                            fields.Add((number, Field(number, first)));
                            content = second;
                        }
                    }

                    fields.Add((number, Field(number, content)));
                    break;
                case WireFormat.WireType.Varint:
                    fields.Add((number, [.. Varint((ulong)number << 3), .. Varint(input.ReadUInt64())]));
                    break;
                case WireFormat.WireType.Fixed64:
                    fields.Add((number, [.. Varint(((ulong)number << 3) | 1), .. BitConverter.GetBytes(input.ReadFixed64())]));
                    break;
                case WireFormat.WireType.Fixed32:
                    fields.Add((number, [.. Varint(((ulong)number << 3) | 5), .. BitConverter.GetBytes(input.ReadFixed32())]));
                    break;
            }
        }

        // Fields of one number stay in order; fields of different numbers mix freely.
        var order = fields.Select((f, i) => (f.Number, f.Bytes, Key: random.Next(), Index: i)).ToList();
        var numbers = order.OrderBy(f => f.Key).Select(f => f.Number).ToList();
        var queues = fields.GroupBy(f => f.Number).ToDictionary(g => g.Key, g => new Queue<byte[]>(g.Select(f => f.Bytes)));
        using var output = new MemoryStream();
        foreach (var number in numbers)
        {
            if (random.Next(4) == 0)
                output.Write(Unknown());
            output.Write(queues[number].Dequeue());
        }

        return output.ToArray();
    }

    private static (byte[] First, byte[] Second) Split(byte[] message)
    {
        var input = new CodedInputStream(message);
        if (input.ReadTag() == 0)
            return ([], message);
        input.SkipLastField();
        var at = (int)input.Position;
        return (message[..at], message[at..]);
    }

    private byte[] Field(int number, byte[] content) => [.. Varint(((ulong)number << 3) | 2), .. Varint((ulong)content.Length), .. content];

    private byte[] Unknown()
    {
        var number = (ulong)random.Next(100, 5000) << 3;
        return random.Next(5) switch
        {
            0 => [.. Varint(number), .. Varint((ulong)random.NextInt64())],
            1 => [.. Varint(number | 1), 1, 2, 3, 4, 5, 6, 7, 8],
            2 => [.. Varint(number | 2), 3, 0xFF, 0, 7],
            3 => [.. Varint(number | 5), 9, 9, 9, 9],
            _ => [.. Varint(number | 3), 0x08, 0x01, 0x13, 0x14, .. Varint(number | 4)],
        };
    }

    private byte[] Varint(ulong value)
    {
        var bytes = new List<byte>();
        do
        {
            bytes.Add((byte)((value & 0x7F) | 0x80));
            value >>= 7;
        }
        while (value != 0);
        for (var padding = random.Next(4) == 0 ? random.Next(3) : 0; padding > 0 && bytes.Count < 4; padding--)
            bytes.Add(0x80);
        bytes[^1] &= 0x7F;
        return [.. bytes];
    }
}
