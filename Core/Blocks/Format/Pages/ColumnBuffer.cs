using System.Buffers.Binary;

namespace OrleansTempo.Core.Blocks.Format.Pages;

/// <summary>A growing byte buffer in one array, reused for the next page.</summary>
internal sealed class ColumnBuffer(int capacity = 1024)
{
    private byte[] _bytes = new byte[capacity];

    public int Length { get; private set; }

    public ReadOnlySpan<byte> Bytes => _bytes.AsSpan(0, Length);

    public ReadOnlyMemory<byte> Memory => _bytes.AsMemory(0, Length);

    public void Clear() => Length = 0;

    /// <summary>Appends <paramref name="count"/> bytes, which the caller fills in.</summary>
    public Span<byte> Append(int count)
    {
        var start = Length;
        Reserve(count);
        Length += count;
        return _bytes.AsSpan(start, count);
    }

    /// <summary>Room for at least <paramref name="count"/> bytes; call <see cref="Advance"/> with the number used.</summary>
    public Span<byte> Reserve(int count)
    {
        if (_bytes.Length - Length < count)
            Array.Resize(ref _bytes, (int)Math.Min(Math.Max(Length + (long)count, _bytes.Length * 2L), Array.MaxLength));
        return _bytes.AsSpan(Length);
    }

    public void Advance(int count) => Length += count;

    public void WriteBytes(ReadOnlySpan<byte> bytes) => bytes.CopyTo(Append(bytes.Length));

    public void WriteByte(byte value) => Append(1)[0] = value;

    public void WriteVarint(ulong value)
    {
        if (value < 0x80 && Length < _bytes.Length)
        {
            _bytes[Length++] = (byte)value;
            return;
        }

        var position = 0;
        ProtoWire.WriteVarint(Reserve(10), ref position, value);
        Length += position;
    }

    public void WriteUInt32(uint value) => BinaryPrimitives.WriteUInt32LittleEndian(Append(sizeof(uint)), value);

    public void WriteUInt64(ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(Append(sizeof(ulong)), value);

    public void WriteUInt64BigEndian(ulong value) => BinaryPrimitives.WriteUInt64BigEndian(Append(sizeof(ulong)), value);
}
