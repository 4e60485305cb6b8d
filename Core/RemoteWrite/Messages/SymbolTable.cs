using System.Buffers;
using static OrleansTempo.Core.ProtoWire;

namespace OrleansTempo.Core.RemoteWrite.Messages;

/// <summary>
/// The distinct texts of one remote write 2.0 request: <c>Request.symbols</c>, encoded as it grows, and the numbers with which the
/// series of the request refer to them. Number 0 is the empty text. One caller at a time.
/// </summary>
internal sealed class SymbolTable : IDisposable
{
    private const byte SymbolsTag = 0x22;

    // Indexed by number; the entry of the empty text is never used.
    private Symbol[] _symbols = new Symbol[1024];
    private int _count;

    // Hash table from text to number; 0 marks a free place. Never more than half full.
    private int[] _places = new int[2048];

    // Rented here, returned by Dispose.
    private byte[] _encoded = ArrayPool<byte>.Shared.Rent(64 << 10);
    private int _length;

    public SymbolTable() => Clear();

    /// <summary>The encoded <c>symbols</c> fields.</summary>
    public ReadOnlySpan<byte> Encoded => _encoded.AsSpan(0, _length);

    /// <summary>Clears the table for the next request.</summary>
    public void Clear()
    {
        Array.Clear(_places);
        _count = 1;
        _length = 0;
        _encoded[_length++] = SymbolsTag;
        _encoded[_length++] = 0;
    }

    /// <summary>Returns the number of a text in UTF-8, and adds the text if it is new.</summary>
    public uint NumberOf(ReadOnlySpan<byte> text)
    {
        if (text.IsEmpty)
            return 0;

        var hash = Utf8Hash.Of(text);
        var mask = _places.Length - 1;
        var place = (int)hash & mask;
        for (; _places[place] is var number and > 0; place = (place + 1) & mask)
        {
            ref readonly var symbol = ref _symbols[number];
            if (symbol.Hash == hash && _encoded.AsSpan(symbol.Start, symbol.Length).SequenceEqual(text))
                return (uint)number;
        }

        _places[place] = _count;
        return Append(text, hash);
    }

    public void Dispose()
    {
        var encoded = Interlocked.Exchange(ref _encoded, []);
        if (encoded.Length > 0)
            ArrayPool<byte>.Shared.Return(encoded);
    }

    private uint Append(ReadOnlySpan<byte> text, ulong hash)
    {
        var needed = _length + 6 + text.Length;
        if (needed > _encoded.Length)
        {
            var larger = ArrayPool<byte>.Shared.Rent(Math.Max(needed, _encoded.Length * 2));
            Encoded.CopyTo(larger);
            ArrayPool<byte>.Shared.Return(_encoded);
            _encoded = larger;
        }

        WriteField(_encoded, ref _length, SymbolsTag, text);
        if (_count == _symbols.Length)
            Array.Resize(ref _symbols, _count * 2);
        _symbols[_count] = new Symbol { Hash = hash, Start = _length - text.Length, Length = text.Length };
        if (++_count * 2 > _places.Length)
            Spread();
        return (uint)_count - 1;
    }

    private void Spread()
    {
        _places = new int[_places.Length * 2];
        var mask = _places.Length - 1;
        for (var number = 1; number < _count; number++)
        {
            var place = (int)_symbols[number].Hash & mask;
            while (_places[place] != 0)
                place = (place + 1) & mask;
            _places[place] = number;
        }
    }

    private struct Symbol
    {
        public ulong Hash;
        public int Start;
        public int Length;
    }
}
