using System.Buffers.Binary;
using OrleansTempo.Core.Otlp.Reading;

namespace OrleansTempo.Core.RemoteWrite.Messages;

/// <summary>
/// Steps through the fields of a remote write message: varints, doubles, and what has a length. The message may come from a disk, so
/// every method throws an <see cref="InvalidDataException"/> where it does not go on as it should.
/// </summary>
internal ref struct MessageFields(ReadOnlySpan<byte> message)
{
    private readonly ReadOnlySpan<byte> _message = message;
    private int _position;
    private int _start;

    public int Number { get; private set; }

    /// <summary>The value of a varint, or the bits of a double.</summary>
    public ulong Value { get; private set; }

    /// <summary>What is in a field that has a length.</summary>
    public ReadOnlySpan<byte> Content { get; private set; }

    /// <summary>The whole field, its tag included.</summary>
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
                throw new InvalidDataException($"a field of a kind that remote write does not have: {tag & 7}");
        }
    }

    /// <summary>The numbers of a packed repeated field, one a call; false at its end.</summary>
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
        throw new InvalidDataException(_position == _message.Length ? "a number ends too soon" : "a number is longer than 64 bits");
    }

    private ReadOnlySpan<byte> Take(ulong length)
    {
        if (length > (ulong)(_message.Length - _position))
            throw new InvalidDataException($"{length} bytes are expected where {_message.Length - _position} are left");
        _position += (int)length;
        return _message.Slice(_position - (int)length, (int)length);
    }
}
