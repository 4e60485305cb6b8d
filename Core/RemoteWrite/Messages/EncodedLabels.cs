using OrleansTempo.Core.Generator.Samples;

namespace OrleansTempo.Core.RemoteWrite.Messages;

/// <summary>Enumerates the <c>labels</c> fields that <see cref="Generator.LabelSet.EncodeLabel"/> has encoded.</summary>
internal ref struct EncodedLabels(ReadOnlySpan<byte> fields)
{
    private ReadOnlySpan<byte> _rest = fields;

    /// <summary>The current label's name.</summary>
    public ReadOnlySpan<byte> Name { get; private set; }

    /// <summary>The current label's value.</summary>
    public ReadOnlySpan<byte> Value { get; private set; }

    public bool MoveNext()
    {
        if (_rest.IsEmpty)
            return false;

        var position = 1;
        ReadLength(ref position);
        Name = ReadText(ref position);
        Value = ReadText(ref position);
        _rest = _rest[position..];
        return true;
    }

    private readonly ReadOnlySpan<byte> ReadText(scoped ref int position)
    {
        position++;
        var length = ReadLength(ref position);
        position += length;
        return _rest.Slice(position - length, length);
    }

    private readonly int ReadLength(scoped ref int position) => (int)ProtoWire.ReadVarint(_rest, ref position);
}
