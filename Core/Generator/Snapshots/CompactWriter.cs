using System.Buffers;
using System.Buffers.Binary;

namespace OrleansTempo.Core.Generator.Snapshots;

/// <summary>
/// Writes numbers and texts in few bytes, and keeps the CRC-32C of all of them; a <see cref="CompactReader"/> reads them again.
/// Nothing is complete before <see cref="Flush"/>.
/// </summary>
internal sealed class CompactWriter(IBufferWriter<byte> output)
{
    private readonly byte[] _buffer = new byte[16 << 10];
    private int _length;
    private uint _checksum;

    public void WriteByte(byte value)
    {
        Reserve(1);
        _buffer[_length++] = value;
    }

    /// <summary>Seven bits a byte, the lowest first.</summary>
    public void WriteVarint(ulong value)
    {
        Reserve(10);
        ProtoWire.WriteVarint(_buffer, ref _length, value);
    }

    public void WriteCount(int count) => WriteVarint((ulong)count);

    public void WriteUInt64(ulong value)
    {
        Reserve(sizeof(ulong));
        BinaryPrimitives.WriteUInt64LittleEndian(_buffer.AsSpan(_length), value);
        _length += sizeof(ulong);
    }

    /// <summary>A value that is a whole number from 0 on as the varint after it; any other as a 0 and its eight bytes.</summary>
    public void WriteDouble(double value)
    {
        if (value >= 0 && value < 1L << 52)
        {
            var whole = (ulong)value;

            // As bits: -0 is not 0.
            if (BitConverter.DoubleToInt64Bits(whole) == BitConverter.DoubleToInt64Bits(value))
            {
                WriteVarint(whole + 1);
                return;
            }
        }

        WriteByte(0);
        WriteUInt64(BitConverter.DoubleToUInt64Bits(value));
    }

    /// <summary>The length as a varint, and the bytes.</summary>
    public void WriteText(ReadOnlySpan<byte> text)
    {
        WriteCount(text.Length);
        WriteBytes(text);
    }

    public void WriteBytes(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length > _buffer.Length - _length)
            Flush();
        if (bytes.Length > _buffer.Length)
        {
            _checksum = Crc32C.Append(_checksum, bytes);
            output.Write(bytes);
            return;
        }

        ProtoWire.WriteBytes(_buffer, ref _length, bytes);
    }

    /// <summary>Hands on what has been written.</summary>
    /// <returns>The checksum of all of it.</returns>
    public uint Flush()
    {
        var written = _buffer.AsSpan(0, _length);
        _checksum = Crc32C.Append(_checksum, written);
        output.Write(written);
        _length = 0;
        return _checksum;
    }

    private void Reserve(int bytes)
    {
        if (bytes > _buffer.Length - _length)
            Flush();
    }
}
