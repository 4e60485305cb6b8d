using System.Text;
using OrleansTempo.Core.Otlp.Reading;

namespace OrleansTempo.Core.Generator;

/// <summary>
/// Finds the attributes that a processor needs, in one pass over the attributes of a span or resource. It compares the length
/// of a key first, which rules out nearly all keys without touching the request's bytes.
/// </summary>
internal sealed class AttributePicker
{
    private const int MaskedLengths = 64;

    private readonly byte[][] _names;
    private readonly ulong _lengths;
    private readonly bool _hasLongNames;

    /// <param name="names">Attribute keys; duplicates are found once.</param>
    public AttributePicker(IEnumerable<string> names)
    {
        _names = names.Distinct(StringComparer.Ordinal).Select(Encoding.UTF8.GetBytes).ToArray();
        foreach (var name in _names)
        {
            if (name.Length < MaskedLengths)
                _lengths |= 1UL << name.Length;
            else
                _hasLongNames = true;
        }
    }

    /// <summary>The number of distinct names, which is the length of the span that <see cref="Pick"/> fills.</summary>
    public int Count => _names.Length;

    /// <summary>The index of a name in the span that <see cref="Pick"/> fills.</summary>
    public int IndexOf(string name)
    {
        var utf8 = Encoding.UTF8.GetBytes(name);
        return Array.FindIndex(_names, n => n.AsSpan().SequenceEqual(utf8));
    }

    /// <summary>Sets <paramref name="found"/>[i] to the position of the first attribute with the i-th name, or −1.</summary>
    public void Pick(ReadOnlySpan<byte> bytes, ReadOnlySpan<AttributeRecord> attributes, Span<int> found)
    {
        found.Fill(-1);
        for (var i = 0; i < attributes.Length; i++)
        {
            var key = attributes[i].Key;
            if (key.Length < MaskedLengths ? (_lengths & (1UL << key.Length)) == 0 : !_hasLongNames)
                continue;
            var text = bytes.Slice(key.Offset, key.Length);
            for (var n = 0; n < _names.Length; n++)
            {
                if (_names[n].Length == text.Length && found[n] < 0 && text.SequenceEqual(_names[n]))
                {
                    found[n] = i;
                    break;
                }
            }
        }
    }
}
