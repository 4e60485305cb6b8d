namespace OrleansTempo.Core.Otlp.Reading;

/// <summary>One attribute of a resource or a span, pointing into the request's buffer. A batch has more of these than of anything else, so it is kept small.</summary>
public struct AttributeRecord
{
    public Slice Key;
    public Slice Value;
    public AttributeKind Kind;

    /// <summary>Whether its <c>KeyValue</c> message begins with the key and ends with the value, as every known SDK writes it.</summary>
    public bool IsPlain;

    /// <summary>The inside of its <c>KeyValue</c> message; only where it is plain.</summary>
    public readonly Slice PlainMessage
    {
        get
        {
            var start = Key.Offset - 1 - ProtoWire.VarintLength((ulong)Key.Length);
            return new Slice(start, Value.End - start);
        }
    }
}
