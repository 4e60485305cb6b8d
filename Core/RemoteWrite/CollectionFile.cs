using System.Buffers.Binary;

namespace OrleansTempo.Core.RemoteWrite;

/// <summary>
/// The bytes of a collection in a file; see <c>docs/remote-write-queue.md</c>. All numbers are little-endian.
/// <code>
/// ┌────────┬─────────┬─────────┬─────┬──────┬──────┬─
/// │ header │ entry 0 │ entry 1 │  …  │ body │ body │ …
/// └────────┴─────────┴─────────┴─────┴──────┴──────┴─
///   │        └ what a request is, where its body begins, checksums of both, whether it is done
///   └ magic, version, number of entries, timestamp, checksum
/// </code>
/// Every entry says for itself where its body is, so that one that is broken costs no other.
/// </summary>
internal static class CollectionFile
{
    private const int Version = 1;
    private const int HeaderBytes = 28;
    private const int HeaderChecksumOffset = HeaderBytes - sizeof(uint);
    private const int EntryBytes = 56;
    private const int EntryChecksumOffset = EntryBytes - 8;
    private const int EntryDoneOffset = EntryBytes - 4;

    // No other value is taken for it: one bit that tips over must not lose a request.
    private const byte Done = 0xD0;

    private static ReadOnlySpan<byte> Magic => "OTempRWQ"u8;

    /// <summary>All that stands before the bodies; where a request is null it is one that is done already.</summary>
    public static byte[] Head(IReadOnlyList<RemoteWriteRequest?> requests, long timestampMs)
    {
        var head = new byte[HeaderBytes + (requests.Count * EntryBytes)];
        Magic.CopyTo(head);
        BinaryPrimitives.WriteInt32LittleEndian(head.AsSpan(8), Version);
        BinaryPrimitives.WriteInt32LittleEndian(head.AsSpan(12), requests.Count);
        BinaryPrimitives.WriteInt64LittleEndian(head.AsSpan(16), timestampMs);
        BinaryPrimitives.WriteUInt32LittleEndian(head.AsSpan(HeaderChecksumOffset), Crc32C.Of(head.AsSpan(0, HeaderChecksumOffset)));

        long bodyOffset = head.Length;
        for (var i = 0; i < requests.Count; i++)
        {
            var entry = head.AsSpan(HeaderBytes + (i * EntryBytes), EntryBytes);
            if (requests[i] is { } request)
            {
                WriteEntry(entry, request, bodyOffset);
                bodyOffset += request.Body.Length;
            }
            else
            {
                entry[EntryDoneOffset] = Done;
            }
        }

        return head;
    }

    /// <summary>Where the one byte is that says of a request that it is done.</summary>
    public static long DoneOffset(int request) => HeaderBytes + ((long)request * EntryBytes) + EntryDoneOffset;

    /// <summary>What <see cref="DoneOffset"/> is set to.</summary>
    public static ReadOnlySpan<byte> DoneMark => [Done];

    /// <summary>
    /// Reads what is still to be sent; a request that is done is null, and so is one that is broken, which
    /// <paramref name="sound"/> tells apart: it has those samples of the collection that are waiting or done.
    /// </summary>
    public static RemoteWriteRequest?[] Read(ReadOnlyMemory<byte> file, out int broken, out long sound)
    {
        (broken, sound) = (0, 0);
        var header = file.Span;
        if (header.Length < HeaderBytes
            || !header.StartsWith(Magic)
            || BinaryPrimitives.ReadInt32LittleEndian(header[8..]) != Version
            || BinaryPrimitives.ReadUInt32LittleEndian(header[HeaderChecksumOffset..]) != Crc32C.Of(header[..HeaderChecksumOffset]))
        {
            broken = 1;
            return [];
        }

        var requests = new RemoteWriteRequest?[BinaryPrimitives.ReadInt32LittleEndian(header[12..])];
        for (var i = 0; i < requests.Length; i++)
        {
            var offset = HeaderBytes + (i * (long)EntryBytes);
            if (offset + EntryBytes > file.Length)
            {
                // Torn off: its process died in the write.
                broken += requests.Length - i;
                break;
            }

            var entry = file.Span.Slice((int)offset, EntryBytes);
            if (entry[EntryDoneOffset] == Done)
            {
                sound += ReadSamples(entry);
            }
            else if (ReadEntry(entry, file) is { } request)
            {
                sound += request.AllSamples;
                requests[i] = request;
            }
            else
            {
                broken++;
            }
        }

        return requests;
    }

    // What a request has besides its body is here and in ReadEntry, and nowhere else.
    private static void WriteEntry(Span<byte> entry, RemoteWriteRequest request, long bodyOffset)
    {
        BinaryPrimitives.WriteInt64LittleEndian(entry, bodyOffset);
        BinaryPrimitives.WriteInt32LittleEndian(entry[8..], request.Body.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(entry[12..], Crc32C.Of(request.Body.Span));
        BinaryPrimitives.WriteInt64LittleEndian(entry[16..], request.TimestampMs);
        BinaryPrimitives.WriteInt32LittleEndian(entry[24..], request.RawBytes);
        BinaryPrimitives.WriteInt32LittleEndian(entry[28..], request.Samples);
        BinaryPrimitives.WriteInt32LittleEndian(entry[32..], request.Exemplars);
        BinaryPrimitives.WriteInt32LittleEndian(entry[36..], request.Histograms);
        BinaryPrimitives.WriteInt32LittleEndian(entry[40..], (int)request.Protocol);
        BinaryPrimitives.WriteUInt32LittleEndian(entry[EntryChecksumOffset..], Crc32C.Of(entry[..EntryChecksumOffset]));
    }

    // Null where the entry or its body is not what was written.
    private static RemoteWriteRequest? ReadEntry(ReadOnlySpan<byte> entry, ReadOnlyMemory<byte> file)
    {
        if (BinaryPrimitives.ReadUInt32LittleEndian(entry[EntryChecksumOffset..]) != Crc32C.Of(entry[..EntryChecksumOffset]))
            return null;
        var offset = BinaryPrimitives.ReadInt64LittleEndian(entry);
        var length = BinaryPrimitives.ReadInt32LittleEndian(entry[8..]);
        if (offset + length > file.Length)
            return null;
        var body = file.Slice((int)offset, length);
        if (BinaryPrimitives.ReadUInt32LittleEndian(entry[12..]) != Crc32C.Of(body.Span))
            return null;
        return new RemoteWriteRequest
        {
            Body = body,
            TimestampMs = BinaryPrimitives.ReadInt64LittleEndian(entry[16..]),
            RawBytes = BinaryPrimitives.ReadInt32LittleEndian(entry[24..]),
            Samples = BinaryPrimitives.ReadInt32LittleEndian(entry[28..]),
            Exemplars = BinaryPrimitives.ReadInt32LittleEndian(entry[32..]),
            Histograms = BinaryPrimitives.ReadInt32LittleEndian(entry[36..]),
            Protocol = (RemoteWriteProtocol)BinaryPrimitives.ReadInt32LittleEndian(entry[40..]),
        };
    }

    private static long ReadSamples(ReadOnlySpan<byte> entry) => (long)BinaryPrimitives.ReadInt32LittleEndian(entry[28..]) + BinaryPrimitives.ReadInt32LittleEndian(entry[36..]);
}
