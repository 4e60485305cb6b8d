namespace OrleansTempo.Core.Otlp;

/// <summary>One attribute of a resource or a span, pointing into the request's buffer.</summary>
public struct AttributeRecord
{
    /// <summary>The inside of the <c>KeyValue</c> message.</summary>
    public Slice Message;
    public Slice Key;
    public Slice Value;
    public AttributeKind Kind;
}
