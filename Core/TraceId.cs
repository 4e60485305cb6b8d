using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace OrleansTempo.Core;

/// <summary>A trace's 16 bytes, as two numbers in the bytes' own order: comparing the numbers compares the bytes.</summary>
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

    /// <summary>Reads up to 32 hexadecimal digits; what is shorter is padded with zeros on the left, as Tempo does.</summary>
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

    /// <summary>Keyed: clients choose trace IDs, and may be a key of any table.</summary>
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
