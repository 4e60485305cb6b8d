namespace OrleansTempo.Core.Otlp;

/// <summary>One attribute of a resource or a span, pointing into the request's buffer.</summary>
public struct AttributeRecord
{
    public Slice Key;
    public Slice Value;
    public AttributeKind Kind;
}
