using System.Buffers.Binary;
using System.Text;
using OrleansTempo.Core;

namespace OrleansTempo.Client;

/// <summary>
/// Protobuf fields, written one after another into an array that grows. A message within a message is begun with one byte for
/// its length; where it takes more, the message is moved when it ends, which few but the outermost need.
/// </summary>
internal sealed class ProtobufBuffer
{
    private byte[] _bytes = new byte[4 << 10];

    /// <summary>Bytes written so far; setting it back takes away what was written since.</summary>
    public int Length { get; set; }

    public byte[] ToArray() => _bytes.AsSpan(0, Length).ToArray();

    /// <summary>Begins a message; what it returns is for <see cref="End"/>.</summary>
    public int Begin(int field)
    {
        WriteTag(field, 2);
        Reserve(1);
        return ++Length;
    }

    public void End(int start)
    {
        var length = Length - start;
        var extra = ProtoWire.VarintLength((ulong)length) - 1;
        if (extra > 0)
        {
            Reserve(extra);
            _bytes.AsSpan(start, length).CopyTo(_bytes.AsSpan(start + extra));
            Length += extra;
        }

        var position = start - 1;
        ProtoWire.WriteVarint(_bytes, ref position, (ulong)length);
    }

    public void WriteVarint(int field, ulong value)
    {
        WriteTag(field, 0);
        WriteVarint(value);
    }

    public void WriteFixed64(int field, ulong value)
    {
        WriteTag(field, 1);
        Reserve(sizeof(ulong));
        BinaryPrimitives.WriteUInt64LittleEndian(_bytes.AsSpan(Length), value);
        Length += sizeof(ulong);
    }

    public void WriteDouble(int field, double value) => WriteFixed64(field, BitConverter.DoubleToUInt64Bits(value));

    public void WriteFixed32(int field, uint value)
    {
        WriteTag(field, 5);
        Reserve(sizeof(uint));
        BinaryPrimitives.WriteUInt32LittleEndian(_bytes.AsSpan(Length), value);
        Length += sizeof(uint);
    }

    public void WriteText(int field, ReadOnlySpan<char> text)
    {
        var length = Encoding.UTF8.GetByteCount(text);
        WriteTag(field, 2);
        WriteVarint((ulong)length);
        Reserve(length);
        Length += Encoding.UTF8.GetBytes(text, _bytes.AsSpan(Length));
    }

    /// <summary>A field of that many bytes, for the caller to fill at once.</summary>
    public Span<byte> WriteBytes(int field, int length)
    {
        WriteTag(field, 2);
        WriteVarint((ulong)length);
        Reserve(length);
        Length += length;
        return _bytes.AsSpan(Length - length, length);
    }

    private void WriteTag(int field, int wireType) => WriteVarint(((ulong)field << 3) | (uint)wireType);

    private void WriteVarint(ulong value)
    {
        Reserve(ProtoWire.MaxVarintBytes);
        var position = Length;
        ProtoWire.WriteVarint(_bytes, ref position, value);
        Length = position;
    }

    private void Reserve(int bytes)
    {
        if (_bytes.Length - Length < bytes)
            Array.Resize(ref _bytes, (int)Math.Min(Math.Max(_bytes.Length * 2L, (long)Length + bytes), Array.MaxLength));
    }
}
