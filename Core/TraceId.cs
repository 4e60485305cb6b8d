using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace OrleansTempo.Core;

/// <summary>The 16 bytes of a trace ID as two big-endian numbers, so that comparing the numbers compares the bytes.</summary>
public readonly record struct TraceId(ulong High, ulong Low) : IComparable<TraceId>
{
    public const int Length = 16;

    /// <summary>Reads 16 bytes.</summary>
    public static TraceId Read(ReadOnlySpan<byte> bytes) =>
        new(BinaryPrimitives.ReadUInt64BigEndian(bytes), BinaryPrimitives.ReadUInt64BigEndian(bytes[8..]));

    public void Write(Span<byte> target)
    {
        BinaryPrimitives.WriteUInt64BigEndian(target, High);
        BinaryPrimitives.WriteUInt64BigEndian(target[8..], Low);
    }

    /// <summary>Parses up to 32 hexadecimal digits; a shorter text is padded with zeros on the left, as in Tempo.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out TraceId id)
    {
        id = default;
        if (string.IsNullOrEmpty(text) || text.Length > 2 * Length || text.AsSpan().ContainsAnyExcept(s_hexDigits))
            return false;
        var digits = text.PadLeft(2 * Length, '0');
        id = new TraceId(
            ulong.Parse(digits.AsSpan(0, Length), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture),
            ulong.Parse(digits.AsSpan(Length), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture));
        return true;
    }

    /// <summary>A keyed hash, because clients choose trace IDs, which may be keys of any table.</summary>
    public override int GetHashCode() => (int)Utf8Hash.Of(High, Low);

    public int CompareTo(TraceId other)
    {
        var high = High.CompareTo(other.High);
        return high != 0 ? high : Low.CompareTo(other.Low);
    }

    /// <summary>32 hexadecimal digits in lower case.</summary>
    public override string ToString() => High.ToString("x16", CultureInfo.InvariantCulture) + Low.ToString("x16", CultureInfo.InvariantCulture);

    private static readonly System.Buffers.SearchValues<char> s_hexDigits = System.Buffers.SearchValues.Create("0123456789abcdefABCDEF");
}
