namespace OrleansTempo.Core.TraceQL.Semantics;

/// <summary>What a value is, or what an expression is known to yield before there is a span.</summary>
public enum DataType
{
    /// <summary>No value: the attribute is absent, or the operation has no result for its operands.</summary>
    Nil,

    /// <summary>Of an expression: known only with a span, because attributes have no declared type.</summary>
    Any,
    Integer,
    Float,
    String,
    Boolean,

    /// <summary>Nanoseconds.</summary>
    Duration,
    Status,
    Kind,

    /// <summary>Several values, of an array attribute or of several events or links. No expression is known to yield one.</summary>
    Array,

    /// <summary>Bytes and key-value lists, for which the language has no operations: they are present, and compare with nothing.</summary>
    Other,
}
