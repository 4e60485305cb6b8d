namespace OrleansTempo.Core.Otlp.Reading;

/// <summary>
/// Enumerates the fields of a protobuf message that is known to be well formed (an <see cref="OtlpReader"/> has checked it), off the per-span path.
/// </summary>
internal ref struct ProtobufFields
{
    private readonly ReadOnlySpan<byte> _bytes;
    private readonly int _end;
    private int _position;

    public ProtobufFields(ReadOnlySpan<byte> bytes, int start, int end)
    {
        _bytes = bytes;
        _position = start;
        _end = end;
    }

    /// <summary>Where the next field begins.</summary>
    public readonly int Position => _position;

    /// <summary>Where the current field begins, its tag included.</summary>
    public int Start { get; private set; }

    public int Field { get; private set; }

    public int WireType { get; private set; }

    /// <summary>The field's content: that of a length-delimited field, the bytes of a varint or fixed number, or a whole group.</summary>
    public Slice Content { get; private set; }

    public bool MoveNext()
    {
        if (Position >= _end)
            return false;
        Start = Position;
        var tag = ReadVarint();
        Field = (int)(tag >> 3);
        WireType = (int)(tag & 7);
        var start = Position;
        switch (WireType)
        {
            case 0:
                ReadVarint();
                break;
            case 1:
                _position += 8;
                break;
            case 2:
                var length = (int)ReadVarint();
                start = Position;
                _position += length;
                break;
            case 3:
                SkipGroup();
                break;
            case 5:
                _position += 4;
                break;
        }

        Content = new Slice(start, Position - start);
        return true;
    }

    private void SkipGroup()
    {
        var inner = new ProtobufFields(_bytes, Position, _end);
        while (inner.MoveNext() && inner.WireType != 4)
        {
        }

        _position = inner.Position;
    }

    private ulong ReadVarint() => ProtoWire.ReadVarint(_bytes, ref _position);
}
