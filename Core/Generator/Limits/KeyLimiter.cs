using System.Runtime.InteropServices;
using System.Text;
using OrleansTempo.Core.Generator.Registry;

namespace OrleansTempo.Core.Generator.Limits;

/// <summary>
/// Passes the keys of a processor to the tenant's <see cref="LabelLimiter"/> before their entities are looked up, and replaces
/// the values of labels that are over their limit:
/// <code>
///   [cart] [GET /users/17] [2] ─► [cart] [__cardinality_overflow__] [2]
/// </code>
/// </summary>
internal sealed class KeyLimiter
{
    /// <summary>Stands in a key for a number that was replaced. A kind or status that a client sends with this number gets the same name.</summary>
    public const int OverflowNumber = int.MinValue;

    private readonly LabelLimiter _limiter;
    private readonly KeyBuilder _limited = new();
    private readonly LabelCardinality?[] _labels;
    private readonly bool[] _isNumber;
    private readonly ulong[][] _hashes;
    private readonly bool[] _isOver;

    /// <param name="limiter">The tenant's limiter.</param>
    /// <param name="columns">The values of a key, in order.</param>
    public KeyLimiter(LabelLimiter limiter, IEnumerable<KeyColumn> columns)
    {
        _limiter = limiter;
        KeyColumn[] all = [.. columns];
        _labels = Array.ConvertAll(all, c => limiter.Label(c.Label));
        _isNumber = Array.ConvertAll(all, c => c.Names is not null);

        // A number counts as its name, because another processor may use the name as a text under the same label.
        _hashes = Array.ConvertAll(all, c => Array.ConvertAll(c.Names ?? [], n => n.Length == 0 ? 0 : Utf8Hash.Lasting(Encoding.UTF8.GetBytes(n))));
        _isOver = new bool[all.Length];
    }

    /// <summary>Whether keys need to be passed to it at all.</summary>
    public bool IsOn => _limiter.IsOn;

    public byte[] OverflowValue => _limiter.OverflowValue;

    /// <summary>The key to look up: the same key, or one that is valid until the next call.</summary>
    public ReadOnlySpan<byte> Limit(ReadOnlySpan<byte> key)
    {
        var reader = new KeyReader(key);
        var anyOver = false;
        for (var i = 0; i < _labels.Length; i++)
        {
            var hash = _isNumber[i] ? HashOf(reader.ReadNumber(), _hashes[i]) : HashOf(reader.ReadText());
            anyOver |= _isOver[i] = hash != 0 && _labels[i] is { } label && label.Replaces(hash);
        }

        return anyOver ? WithoutThoseOver(key) : key;
    }

    private ReadOnlySpan<byte> WithoutThoseOver(ReadOnlySpan<byte> key)
    {
        _limited.Clear();
        var reader = new KeyReader(key);
        for (var i = 0; i < _labels.Length; i++)
        {
            if (_isNumber[i])
            {
                var number = reader.ReadNumber();
                _limited.Add(_isOver[i] ? OverflowNumber : number);
            }
            else
            {
                var text = reader.ReadText();
                _limited.Add(_isOver[i] ? OverflowValue : text);
            }
        }

        return _limited.Key;
    }

    // 0 for no value, which no limit applies to. A client that crafts values with this hash still meets the limit on series.
    private static ulong HashOf(ReadOnlySpan<byte> text) => text.IsEmpty ? 0 : Utf8Hash.Lasting(text);

    private static ulong HashOf(int number, ulong[] hashes) =>
        (uint)number < (uint)hashes.Length ? hashes[number] : Utf8Hash.Lasting(MemoryMarshal.AsBytes(new Span<int>(ref number)));
}
