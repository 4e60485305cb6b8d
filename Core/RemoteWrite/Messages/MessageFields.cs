using System.Buffers.Binary;

namespace OrleansTempo.Core.RemoteWrite.Messages;

/// <summary>
/// Enumerates the fields of a remote write message: varints, doubles, and length-delimited fields. The message may come from a disk,
/// so every method throws an <see cref="InvalidDataException"/> if it is not in the expected format.
/// </summary>
internal ref struct MessageFields(ReadOnlySpan<byte> message)
{
    private readonly ReadOnlySpan<byte> _message = message;
    private int _position;
    private int _start;

    public int Number { get; private set; }

    /// <summary>The value of a varint, or the bits of a double.</summary>
    public ulong Value { get; private set; }

    /// <summary>The content of a length-delimited field.</summary>
    public ReadOnlySpan<byte> Content { get; private set; }

    /// <summary>The whole field, including its tag.</summary>
    public readonly ReadOnlySpan<byte> Whole => _message[_start.._position];

    public bool MoveNext()
    {
        if (_position == _message.Length)
            return false;

        _start = _position;
        var tag = ReadVarint();
        Number = (int)(tag >> 3);
        Value = 0;
        Content = default;
        switch (tag & 7)
        {
            case 0:
                Value = ReadVarint();
                return true;
            case 1:
                Value = BinaryPrimitives.ReadUInt64LittleEndian(Take(sizeof(double)));
                return true;
            case 2:
                Content = Take(ReadVarint());
                return true;
            default:
                throw new InvalidDataException($"a field has wire type {tag & 7}, which remote write does not use");
        }
    }

    /// <summary>Reads the next number of a packed repeated field; false at its end.</summary>
    public static bool TryReadPacked(ref ReadOnlySpan<byte> packed, out ulong number)
    {
        var fields = new MessageFields(packed);
        if (packed.IsEmpty)
        {
            number = 0;
            return false;
        }

        number = fields.ReadVarint();
        packed = packed[fields._position..];
        return true;
    }

    private ulong ReadVarint()
    {
        if (ProtoWire.TryReadVarint(_message, ref _position, out var value))
            return value;
        throw new InvalidDataException(_position == _message.Length ? "a number is cut short" : "a number does not fit into 64 bits");
    }

    private ReadOnlySpan<byte> Take(ulong length)
    {
        if (length > (ulong)(_message.Length - _position))
            throw new InvalidDataException($"{length} bytes expected, {_message.Length - _position} left");
        _position += (int)length;
        return _message.Slice(_position - (int)length, (int)length);
    }
}
