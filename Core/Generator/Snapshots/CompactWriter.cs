using System.Buffers;
using System.Buffers.Binary;

namespace OrleansTempo.Core.Generator.Snapshots;

/// <summary>
/// Writes numbers and texts in few bytes, and computes the CRC-32C of everything written; a <see cref="CompactReader"/> reads
/// them back. The output is complete only after <see cref="Flush"/>.
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

    /// <summary>Writes seven bits per byte, the lowest first.</summary>
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

    /// <summary>Writes a non-negative whole number as the varint of the number plus 1, any other value as a 0 followed by its eight bytes.</summary>
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

    /// <summary>Writes the length as a varint, then the bytes.</summary>
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

    /// <summary>Passes the buffered bytes to the output.</summary>
    /// <returns>The checksum of everything written so far.</returns>
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
