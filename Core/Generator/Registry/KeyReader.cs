using System.Runtime.InteropServices;

namespace OrleansTempo.Core.Generator.Registry;

/// <summary>Takes the values out of a key again, in the order a <see cref="KeyBuilder"/> was given them.</summary>
internal ref struct KeyReader(ReadOnlySpan<byte> key)
{
    private ReadOnlySpan<byte> _rest = key;

    /// <summary>What has not been read yet.</summary>
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
