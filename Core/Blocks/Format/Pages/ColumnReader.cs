using System.Buffers.Binary;
using OrleansTempo.Core.Otlp.Reading;

namespace OrleansTempo.Core.Blocks.Format.Pages;

/// <summary>Reads what a <see cref="ColumnBuffer"/> wrote. Whatever the bytes are, it throws only <see cref="InvalidDataException"/>.</summary>
internal ref struct ColumnReader(ReadOnlySpan<byte> bytes)
{
    private readonly ReadOnlySpan<byte> _bytes = bytes;

    private int _position;

    public readonly int Position => _position;

    public readonly int Left => _bytes.Length - Position;

    public ulong ReadVarint()
    {
        // Nearly all varints have one byte; that case is inlined here, and the rest is a call.
        if ((uint)_position < (uint)_bytes.Length && _bytes[_position] < 0x80)
            return _bytes[_position++];
        return ProtoWire.TryReadVarint(_bytes, ref _position, out var value) ? value : throw new InvalidDataException("a number is truncated");
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
        _position += count;
        return _bytes.Slice(_position - count, count);
    }

    public byte ReadByte() => ReadBytes(1)[0];

    public uint ReadUInt32() => BinaryPrimitives.ReadUInt32LittleEndian(ReadBytes(sizeof(uint)));

    public ulong ReadUInt64BigEndian() => BinaryPrimitives.ReadUInt64BigEndian(ReadBytes(sizeof(ulong)));

    public TraceId ReadTraceId() => TraceId.Read(ReadBytes(TraceId.Length));
}
