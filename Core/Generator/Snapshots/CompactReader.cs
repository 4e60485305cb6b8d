using System.Buffers.Binary;

namespace OrleansTempo.Core.Generator.Snapshots;

/// <summary>
/// Reads what a <see cref="CompactWriter"/> wrote. The bytes are not trusted: every method throws an
/// <see cref="InvalidDataException"/> if they are not in the expected format.
/// </summary>
internal ref struct CompactReader(ReadOnlySpan<byte> bytes)
{
    private ReadOnlySpan<byte> _rest = bytes;

    /// <summary>The number of bytes not read yet.</summary>
    public readonly int Left => _rest.Length;

    public readonly bool IsAtEnd => _rest.IsEmpty;

    public byte ReadByte() => ReadBytes(1)[0];

    /// <summary>Reads a varint of at most 64 bits that takes no more bytes than it needs.</summary>
    public ulong ReadVarint()
    {
        var length = 0;
        var isWhole = ProtoWire.TryReadVarint(_rest, ref length, out var value);
        if (!isWhole && length < ProtoWire.MaxVarintBytes)
            throw new InvalidDataException("a number is cut short");
        var last = _rest[length - 1];
        if (length == ProtoWire.MaxVarintBytes && last > 1)
            throw new InvalidDataException("a number does not fit into 64 bits");
        if (length > 1 && last == 0)
            throw new InvalidDataException("a number takes more bytes than it needs");
        _rest = _rest[length..];
        return value;
    }

    /// <summary>Reads the number of items that follow. Each takes at least a byte, so there cannot be more items than bytes.</summary>
    public int ReadCount()
    {
        var count = ReadVarint();
        return count <= (ulong)_rest.Length ? (int)count : throw new InvalidDataException($"{count} items cannot fit into {_rest.Length} bytes");
    }

    public ulong ReadUInt64() => BinaryPrimitives.ReadUInt64LittleEndian(ReadBytes(sizeof(ulong)));

    public double ReadDouble() => ReadVarint() is var whole and > 0 ? whole - 1 : BitConverter.UInt64BitsToDouble(ReadUInt64());

    public ReadOnlySpan<byte> ReadText() => ReadBytes(ReadCount());

    public ReadOnlySpan<byte> ReadBytes(int length)
    {
        if (length > _rest.Length)
            throw new InvalidDataException($"{length} bytes expected, {_rest.Length} left");
        var read = _rest[..length];
        _rest = _rest[length..];
        return read;
    }
}
