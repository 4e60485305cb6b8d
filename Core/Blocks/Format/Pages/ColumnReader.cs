using System.Buffers.Binary;
using OrleansTempo.Core.Otlp.Reading;

namespace OrleansTempo.Core.Blocks.Format.Pages;

/// <summary>Reads what a <see cref="ColumnBuffer"/> wrote. Whatever the bytes are, it throws only <see cref="InvalidDataException"/>.</summary>
internal ref struct ColumnReader(ReadOnlySpan<byte> bytes)
{
    private readonly ReadOnlySpan<byte> _bytes = bytes;

    public int Position { get; private set; }

    public readonly int Left => _bytes.Length - Position;

    public ulong ReadVarint()
    {
        ulong value = 0;
        for (var shift = 0; shift < 70 && Position < _bytes.Length; shift += 7)
        {
            var b = _bytes[Position++];
            value |= (ulong)(b & 0x7F) << shift;
            if (b < 0x80)
                return value;
        }

        throw new InvalidDataException("a number is truncated");
    }

    /// <summary>Reads a varint that is a count or a length, at most <paramref name="most"/>; if that is negative, no value is valid.</summary>
    public int ReadCount(int most)
    {
        var value = ReadVarint();
        return most >= 0 && value <= (ulong)most ? (int)value : throw new InvalidDataException($"a count of {value} exceeds the possible maximum of {most}");
    }

    public ReadOnlySpan<byte> ReadBytes(int count)
    {
        if ((uint)count > (uint)Left)
            throw new InvalidDataException($"{count} bytes are needed, but only {Left} are left");
        Position += count;
        return _bytes.Slice(Position - count, count);
    }

    public byte ReadByte() => ReadBytes(1)[0];

    public uint ReadUInt32() => BinaryPrimitives.ReadUInt32LittleEndian(ReadBytes(sizeof(uint)));

    public ulong ReadUInt64BigEndian() => BinaryPrimitives.ReadUInt64BigEndian(ReadBytes(sizeof(ulong)));

    public TraceId ReadTraceId() => TraceId.Read(ReadBytes(TraceId.Length));
}
