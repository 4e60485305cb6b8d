using System.Runtime.InteropServices;

namespace OrleansTempo.Core.Generator.Registry;

/// <summary>
/// Builds the key of an entity from the values of its labels, in a reused buffer: a text as its length and bytes, a number as
/// four bytes. Two keys are equal if and only if all their values are equal.
/// </summary>
internal sealed class KeyBuilder
{
    // Small at first: a tenant has several builders, and there are many tenants.
    private const int SmallestLength = 64;

    private byte[] _bytes = [];
    private int _length;

    public ReadOnlySpan<byte> Key => _bytes.AsSpan(0, _length);

    public void Clear() => _length = 0;

    /// <summary>Keeps the first <paramref name="length"/> bytes of the key.</summary>
    public void Truncate(int length) => _length = length;

    public void Add(ReadOnlySpan<byte> text)
    {
        var needed = _length + sizeof(int) + text.Length;
        if (needed > _bytes.Length)
            Grow(needed);
        MemoryMarshal.Write(_bytes.AsSpan(_length), text.Length);
        text.CopyTo(_bytes.AsSpan(_length + sizeof(int)));
        _length = needed;
    }

    public void Add(int number)
    {
        var needed = _length + sizeof(int);
        if (needed > _bytes.Length)
            Grow(needed);
        MemoryMarshal.Write(_bytes.AsSpan(_length), number);
        _length = needed;
    }

    private void Grow(int needed) => Array.Resize(ref _bytes, Math.Max(needed, Math.Max(SmallestLength, _bytes.Length * 2)));
}
