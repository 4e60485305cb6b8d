using System.Runtime.InteropServices;

namespace OrleansTempo.Core.Generator.Registry;

/// <summary>Reads the values of a key, in the order in which a <see cref="KeyBuilder"/> added them.</summary>
internal ref struct KeyReader(ReadOnlySpan<byte> key)
{
    private ReadOnlySpan<byte> _rest = key;

    /// <summary>The bytes not read yet.</summary>
    public readonly ReadOnlySpan<byte> Rest => _rest;

    public ReadOnlySpan<byte> ReadText()
    {
        var length = ReadNumber();
        var text = _rest[..length];
        _rest = _rest[length..];
        return text;
    }

    public int ReadNumber()
    {
        var number = MemoryMarshal.Read<int>(_rest);
        _rest = _rest[sizeof(int)..];
        return number;
    }
}
