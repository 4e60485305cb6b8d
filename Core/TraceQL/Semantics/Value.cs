using System.Globalization;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Core.TraceQL.Syntax;

namespace OrleansTempo.Core.TraceQL.Semantics;

/// <summary>
/// A value of the language: a literal of a query, or what a field of a span holds. Two values are equal if they have the same type and content, as
/// <c>by()</c> needs it; how a query's <c>=</c> compares them is in <see cref="ValueComparison"/>.
/// </summary>
public readonly struct Value : IEquatable<Value>
{
    private readonly long _bits;
    private readonly object? _content;

    private Value(DataType type, long bits, object? content = null)
    {
        Type = type;
        _bits = bits;
        _content = content;
    }

    public static Value Nil => default;

    /// <summary>A value of a kind that the language does not know.</summary>
    public static Value Other => new(DataType.Other, 0);

    public DataType Type { get; }

    public bool IsNil => Type == DataType.Nil;

    public bool IsTrue => Type == DataType.Boolean && _bits != 0;

    /// <summary>Whether it takes part in arithmetic, and compares with other numbers.</summary>
    public bool IsNumeric => Type is DataType.Integer or DataType.Float or DataType.Duration;

    /// <summary>The number; of a duration its nanoseconds.</summary>
    public double Number => Type == DataType.Float ? BitConverter.Int64BitsToDouble(_bits) : _bits;

    /// <summary>The number of an integer or duration.</summary>
    public long Whole => _bits;

    /// <summary>The characters of a string.</summary>
    public string Text => (string)_content!;

    /// <summary>The values of an array; of any other value, itself.</summary>
    public IReadOnlyList<Value> Elements => Type == DataType.Array ? (IReadOnlyList<Value>)_content! : [this];

    public static Value Integer(long value) => new(DataType.Integer, value);

    public static Value Float(double value) => new(DataType.Float, BitConverter.DoubleToInt64Bits(value));

    public static Value String(string value) => new(DataType.String, 0, value);

    public static Value Boolean(bool value) => new(DataType.Boolean, value ? 1 : 0);

    /// <summary>A duration in nanoseconds.</summary>
    public static Value Duration(long nanoseconds) => new(DataType.Duration, nanoseconds);

    public static Value Status(StatusCode status) => new(DataType.Status, (long)status);

    public static Value Kind(SpanKind kind) => new(DataType.Kind, (long)kind);

    public static Value Array(IReadOnlyList<Value> elements) => new(DataType.Array, 0, elements);

    /// <summary>Nothing, one value as itself, several as an array.</summary>
    public static Value OneOrMore(IReadOnlyList<Value> values) => values.Count switch
    {
        0 => Nil,
        1 => values[0],
        _ => Array(values),
    };

    public bool Equals(Value other) =>
        Type == other.Type && _bits == other._bits && (Type == DataType.Array ? Elements.SequenceEqual(other.Elements) : Equals(_content, other._content));

    public override bool Equals(object? obj) => obj is Value other && Equals(other);

    public override int GetHashCode() => HashCode.Combine(Type, _bits, Type == DataType.Array ? Elements.Count : _content);

    /// <summary>As it is written in a query; an array, which has no such form, in brackets.</summary>
    public override string ToString() => Type switch
    {
        DataType.Integer when _bits == long.MinValue => "minInt",
        DataType.Integer => _bits.ToString(CultureInfo.InvariantCulture),
        DataType.Float => FormatFloat(Number),
        DataType.String => QuotedText.Write(Text),
        DataType.Boolean => IsTrue ? "true" : "false",
        DataType.Duration => DurationText.Write(_bits),
        DataType.Status => ((StatusCode)_bits).ToString().ToLowerInvariant(),
        DataType.Kind => ((SpanKind)_bits).ToString().ToLowerInvariant(),
        DataType.Array => $"[{string.Join(", ", Elements)}]",
        _ => "nil",
    };

    // With a point always, or it would be read as an integer.
    private static string FormatFloat(double value)
    {
        var text = PlainDecimal.Format(value);
        return text.Contains('.') ? text : text + ".0";
    }

    public static bool operator ==(Value left, Value right) => left.Equals(right);

    public static bool operator !=(Value left, Value right) => !left.Equals(right);
}
