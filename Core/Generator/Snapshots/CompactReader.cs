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

    public ulong ReadVarint()
    {
        ulong value = 0;
        for (var shift = 0; shift < 64; shift += 7)
        {
            var b = ReadByte();
            if (shift == 63 && b > 1)
                break;
            value |= (ulong)(b & 0x7F) << shift;
            if (b < 0x80)
                return b == 0 && shift > 0 ? throw new InvalidDataException("a number takes more bytes than it needs") : value;
        }

        throw new InvalidDataException("a number does not fit into 64 bits");
    }

    /// <summary>A number of things that follow. Each takes a byte or more, so there are not more of them than bytes.</summary>
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
