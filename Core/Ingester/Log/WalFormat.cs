using System.Buffers.Binary;
using System.Text;
using OrleansTempo.Core.Otlp.Reading;

namespace OrleansTempo.Core.Ingester.Log;

/// <summary>
/// The format of a segment, in a file or in an object; see <c>docs/wal-format.md</c>. All numbers are little-endian.
/// <code>
/// ┌────────────────┬────────────────┬────────┬─────────┬────────┬─────────┬─
/// │ segment header │ the same again │ header │ content │ header │ content │ …
/// └────────────────┴────────────────┴────────┴─────────┴────────┴─────────┴─
///   magic, version, salt, number,     │        └ tenant, request
///   checksum                          └ magic, checksum of the rest and the salt, request length,
///                                       tenant length, checksum of the content
/// </code>
/// Every segment has a random salt. Clients choose a request's bytes, so a reader that has lost its place might find in them what looks like another
/// tenant's record; without knowing the salt, nobody can forge a header.
/// </summary>
internal static class WalFormat
{
    public const int Version = 1;

    /// <summary>Both copies of the segment header.</summary>
    public const int SegmentHeaderBytes = 2 * SegmentHeaderCopyBytes;

    public const int RecordHeaderBytes = 20;

    /// <summary>The longest request that a record can hold.</summary>
    public const int MaxRequestBytes = 256 << 20;

    private const int SegmentHeaderCopyBytes = 28;

    /// <summary>The first bytes of a record.</summary>
    public static ReadOnlySpan<byte> RecordMagic => [0xF5, (byte)'W', (byte)'a', 0xFA];

    /// <summary>The first bytes of a fence: the object that ends a stream in place of a segment.</summary>
    public static ReadOnlySpan<byte> FenceMagic => "OTempEnd"u8;

    private static ReadOnlySpan<byte> SegmentMagic => "OTempWAL"u8;

    public static void WriteSegmentHeader(Span<byte> target, uint salt, long number)
    {
        SegmentMagic.CopyTo(target);
        BinaryPrimitives.WriteInt32LittleEndian(target[8..], Version);
        BinaryPrimitives.WriteUInt32LittleEndian(target[12..], salt);
        BinaryPrimitives.WriteInt64LittleEndian(target[16..], number);
        BinaryPrimitives.WriteUInt32LittleEndian(target[24..], Crc32C.Of(target[..24]));
        target[..SegmentHeaderCopyBytes].CopyTo(target[SegmentHeaderCopyBytes..]);
    }

    /// <summary>Reads the salt; on failure <paramref name="error"/> says why the segment cannot be read.</summary>
    public static bool TryReadSegmentHeader(ReadOnlySpan<byte> source, out uint salt, out string error)
    {
        error = "it does not begin with a segment header";
        salt = 0;
        for (var copy = 0; copy < 2; copy++)
        {
            var header = source.Slice(copy * SegmentHeaderCopyBytes, SegmentHeaderCopyBytes);
            if (!header.StartsWith(SegmentMagic) || BinaryPrimitives.ReadUInt32LittleEndian(header[24..]) != Crc32C.Of(header[..24]))
                continue;
            var version = BinaryPrimitives.ReadInt32LittleEndian(header[8..]);
            salt = BinaryPrimitives.ReadUInt32LittleEndian(header[12..]);
            error = $"it has version {version}, but this program reads version {Version}";
            return version == Version;
        }

        return false;
    }

    /// <summary>The bytes of a record before its request: header and tenant.</summary>
    public static int PrefixBytes(TenantId tenant) => RecordHeaderBytes + tenant.Value.Length;

    /// <summary>Writes header and tenant, <see cref="PrefixBytes"/> bytes in all.</summary>
    public static void WritePrefix(Span<byte> target, uint salt, TenantId tenant, int requestBytes, uint contentCrc)
    {
        RecordMagic.CopyTo(target);
        BinaryPrimitives.WriteInt32LittleEndian(target[8..], requestBytes);
        BinaryPrimitives.WriteInt32LittleEndian(target[12..], tenant.Value.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(target[16..], contentCrc);
        BinaryPrimitives.WriteUInt32LittleEndian(target[4..], Crc32C.Append(salt, target[8..RecordHeaderBytes]));
        Encoding.ASCII.GetBytes(tenant.Value, target[RecordHeaderBytes..]);
    }

    /// <summary>Reads a record's header; false if it is not one, or is damaged.</summary>
    public static bool TryReadRecordHeader(ReadOnlySpan<byte> header, uint salt, out int tenantBytes, out int requestBytes, out uint contentCrc)
    {
        requestBytes = BinaryPrimitives.ReadInt32LittleEndian(header[8..]);
        tenantBytes = BinaryPrimitives.ReadInt32LittleEndian(header[12..]);
        contentCrc = BinaryPrimitives.ReadUInt32LittleEndian(header[16..]);
        return header.StartsWith(RecordMagic)
            && BinaryPrimitives.ReadUInt32LittleEndian(header[4..]) == Crc32C.Append(salt, header[8..RecordHeaderBytes])
            && requestBytes is >= 0 and <= MaxRequestBytes
            && tenantBytes is > 0 and <= TenantId.MaxLength;
    }

    /// <summary>The checksum of tenant and request.</summary>
    public static uint ContentCrc(TenantId tenant, ReadOnlySpan<byte> request)
    {
        Span<byte> name = stackalloc byte[TenantId.MaxLength];
        var length = Encoding.ASCII.GetBytes(tenant.Value, name);
        return Crc32C.Append(Crc32C.Of(name[..length]), request);
    }
}
