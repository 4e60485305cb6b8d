using System.Runtime.InteropServices;

namespace OrleansTempo.Core.Blocks.Format.Pages;

/// <summary>
/// The values that the spans of a live generation or a page share, each held once and known by its number. That leaves little more of a span than its
/// IDs, its times and the number of its shape:
/// <code>
///   shape ─► resource, scope, name, status message, kind, status, flags, attributes in their order
///                │       │      └────────┬─────┘                            │
///            Resources Scopes          Texts                    Attributes (key and value) or Keys (the value is the span's own)
/// </code>
/// When a key has too many different values to share, they are kept with the span, <i>inline</i>; the shape says where.
/// </summary>
internal sealed class SpanDictionary
{
    /// <summary>The fields of a <c>ResourceSpans</c> except its scope spans.</summary>
    public ByteInterner Resources { get; } = new();

    /// <summary>The fields of a <c>ScopeSpans</c> except its spans.</summary>
    public ByteInterner Scopes { get; } = new();

    /// <summary>Span names and status messages.</summary>
    public ByteInterner Texts { get; } = new();

    /// <summary><c>KeyValue</c> messages.</summary>
    public ByteInterner Attributes { get; } = new();

    /// <summary>Keys of attributes whose values are inline.</summary>
    public ByteInterner Keys { get; } = new();

    /// <summary>Shapes: numbers as laid out in <see cref="SpanShape"/>.</summary>
    public ByteInterner Shapes { get; } = new();

    /// <summary>The total length of all entries.</summary>
    public long Bytes => (long)Resources.Bytes + Scopes.Bytes + Texts.Bytes + Attributes.Bytes + Keys.Bytes + Shapes.Bytes;

    public long MemoryBytes =>
        Resources.MemoryBytes + Scopes.MemoryBytes + Texts.MemoryBytes + Attributes.MemoryBytes + Keys.MemoryBytes + Shapes.MemoryBytes;

    public ReadOnlySpan<uint> Shape(int id) => MemoryMarshal.Cast<byte, uint>(Shapes[id]);

    public int InternShape(ReadOnlySpan<uint> shape) => Shapes.Intern(MemoryMarshal.AsBytes(shape));

    public void Clear()
    {
        Resources.Clear();
        Scopes.Clear();
        Texts.Clear();
        Attributes.Clear();
        Keys.Clear();
        Shapes.Clear();
    }
}
