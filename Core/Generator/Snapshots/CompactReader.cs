using System.Buffers.Binary;

namespace OrleansTempo.Core.Generator.Snapshots;

/// <summary>
/// Reads what a <see cref="CompactWriter"/> wrote. The bytes may be anybody's: every method throws an
/// <see cref="InvalidDataException"/> where they do not go on as they should.
/// </summary>
internal ref struct CompactReader(ReadOnlySpan<byte> bytes)
{
    private ReadOnlySpan<byte> _rest = bytes;

    /// <summary>How many bytes have not been read yet.</summary>
    public readonly int Left => _rest.Length;

    public readonly bool IsAtEnd => _rest.IsEmpty;

    public byte ReadByte() => ReadBytes(1)[0];

    /// <summary>A varint in its one form: 64 bits at the most, in no more bytes than they need.</summary>
    public ulong ReadVarint()
    {
        var length = 0;
        var isWhole = ProtoWire.TryReadVarint(_rest, ref length, out var value);
        if (!isWhole && length < ProtoWire.MaxVarintBytes)
            throw new InvalidDataException("a number is cut off");
        var last = _rest[length - 1];
        if (length == ProtoWire.MaxVarintBytes && last > 1)
            throw new InvalidDataException("a number is larger than 64 bits");
        if (length > 1 && last == 0)
            throw new InvalidDataException("a number is longer than it needs to be");
        _rest = _rest[length..];
        return value;
    }

    /// <summary>A number of things that follow. Each takes a byte or more, so there are not more of them than bytes.</summary>
    public int ReadCount()
    {
        var count = ReadVarint();
        return count <= (ulong)_rest.Length ? (int)count : throw new InvalidDataException($"{count} of something in {_rest.Length} bytes");
    }

    public ulong ReadUInt64() => BinaryPrimitives.ReadUInt64LittleEndian(ReadBytes(sizeof(ulong)));

    public double ReadDouble() => ReadVarint() is var whole and > 0 ? whole - 1 : BitConverter.UInt64BitsToDouble(ReadUInt64());

    public ReadOnlySpan<byte> ReadText() => ReadBytes(ReadCount());

    public ReadOnlySpan<byte> ReadBytes(int length)
    {
        if (length > _rest.Length)
            throw new InvalidDataException($"{length} bytes are expected where {_rest.Length} are left");
        var read = _rest[..length];
        _rest = _rest[length..];
        return read;
    }
}
