using System.Buffers.Binary;

namespace OrleansTempo.Core.RemoteWrite.Queue;

/// <summary>
/// The format of the objects of a queue; see <c>docs/remote-write-queue.md</c>. All numbers are little-endian.
/// <code>
/// ┌────────┬─────────┬─────────┬─────┬──────┬──────┬─
/// │ header │ entry 0 │ entry 1 │  …  │ body │ body │ …
/// └────────┴─────────┴─────────┴─────┴──────┴──────┴─
///   │        └ describes a request: where its body starts, checksums of entry and body
///   └ magic, version, number of entries, timestamp, samples, kind, writer, checksum
/// </code>
/// Each entry says where its own body is, so that a corrupt entry costs no other. A mark is only a header.
/// </summary>
internal static class CollectionFormat
{
    /// <summary>The length of the header, which is enough to know what an object is.</summary>
    public const int HeaderBytes = 56;

    private const int Version = 2;
    private const int HeaderChecksumOffset = HeaderBytes - sizeof(uint);
    private const int WriterOffset = 36;
    private const int WriterBytes = 16;
    private const int EntryBytes = 52;
    private const int EntryChecksumOffset = EntryBytes - sizeof(uint);

    // For files of earlier versions.
    private const int FileVersion = 1;
    private const int FileHeaderBytes = 28;
    private const int FileEntryBytes = 56;
    private const int FileDoneOffset = 52;
    private const byte FileDone = 0xD0;

    private static ReadOnlySpan<byte> Magic => "OTempRWQ"u8;

    /// <summary>Writes a collection, without the requests that are null.</summary>
    public static byte[] Write(IReadOnlyList<RemoteWriteRequest?> requests, long timestampMs, Guid writer)
    {
        RemoteWriteRequest[] left = [.. requests.OfType<RemoteWriteRequest>()];
        var bodyOffset = HeaderBytes + (left.Length * EntryBytes);
        var content = new byte[bodyOffset + left.Sum(static r => r.Body.Length)];
        WriteHeader(content, new CollectionHeader(QueueObjectKind.Collection, left.Length, timestampMs, left.Sum(static r => (long)r.AllSamples), writer));
        for (var i = 0; i < left.Length; i++)
        {
            WriteEntry(content.AsSpan(HeaderBytes + (i * EntryBytes), EntryBytes), left[i], bodyOffset);
            left[i].Body.CopyTo(content.AsMemory(bodyOffset));
            bodyOffset += left[i].Body.Length;
        }

        return content;
    }

    /// <summary>Writes a mark: an object that only says something about its number.</summary>
    public static byte[] WriteMark(QueueObjectKind kind, Guid writer)
    {
        var content = new byte[HeaderBytes];
        WriteHeader(content, new CollectionHeader(kind, Requests: 0, TimestampMs: 0, Samples: 0, writer));
        return content;
    }

    /// <param name="content">At least the first <see cref="HeaderBytes"/> of an object.</param>
    /// <returns>The header; null if it is corrupt.</returns>
    public static CollectionHeader? ReadHeader(ReadOnlySpan<byte> content)
    {
        if (content.Length < HeaderBytes
            || !IsHeader(content, Version, HeaderChecksumOffset))
            return null;
        return new CollectionHeader(
            (QueueObjectKind)BinaryPrimitives.ReadInt32LittleEndian(content[32..]),
            BinaryPrimitives.ReadInt32LittleEndian(content[12..]),
            BinaryPrimitives.ReadInt64LittleEndian(content[16..]),
            BinaryPrimitives.ReadInt64LittleEndian(content[24..]),
            new Guid(content.Slice(WriterOffset, WriterBytes)));
    }

    /// <summary>Reads a collection, without its corrupt requests.</summary>
    public static ReadCollection Read(ReadOnlyMemory<byte> content)
    {
        if (ReadHeader(content.Span) is not { } header)
            return new ReadCollection([], Broken: 1, LostSamples: LegibleSamples(content.Span));
        var read = ReadEntries(content, HeaderBytes, EntryBytes, header.Requests, out var sound);
        return read with { LostSamples = Math.Max(0, header.Samples - sound) };
    }

    /// <summary>Reads the requests that were still to be sent from a file of an earlier version.</summary>
    /// <param name="file">The whole file.</param>
    /// <param name="samples">The number of samples that waited when it was written, from its name.</param>
    public static ReadCollection ReadFile(ReadOnlyMemory<byte> file, long samples)
    {
        if (file.Length < FileHeaderBytes || !IsHeader(file.Span, FileVersion, FileHeaderBytes - sizeof(uint)))
            return new ReadCollection([], Broken: 1, LostSamples: samples);
        var read = ReadEntries(file, FileHeaderBytes, FileEntryBytes, BinaryPrimitives.ReadInt32LittleEndian(file.Span[12..]), out var sound);
        return read with { LostSamples = Math.Max(0, samples - sound) };
    }

    private static bool IsHeader(ReadOnlySpan<byte> content, int version, int checksumOffset) =>
        content.StartsWith(Magic)
        && BinaryPrimitives.ReadInt32LittleEndian(content[8..]) == version
        && BinaryPrimitives.ReadUInt32LittleEndian(content[checksumOffset..]) == Crc32C.Of(content[..checksumOffset]);

    private static void WriteHeader(Span<byte> content, CollectionHeader header)
    {
        Magic.CopyTo(content);
        BinaryPrimitives.WriteInt32LittleEndian(content[8..], Version);
        BinaryPrimitives.WriteInt32LittleEndian(content[12..], header.Requests);
        BinaryPrimitives.WriteInt64LittleEndian(content[16..], header.TimestampMs);
        BinaryPrimitives.WriteInt64LittleEndian(content[24..], header.Samples);
        BinaryPrimitives.WriteInt32LittleEndian(content[32..], (int)header.Kind);
        header.Writer.TryWriteBytes(content[WriterOffset..]);
        BinaryPrimitives.WriteUInt32LittleEndian(content[HeaderChecksumOffset..], Crc32C.Of(content[..HeaderChecksumOffset]));
    }

    // Only this method and ReadEntry know what an entry contains.
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

    /// <param name="content">The whole object or file.</param>
    /// <param name="headerBytes">Where the entries start.</param>
    /// <param name="entryBytes">The length of an entry.</param>
    /// <param name="count">The number of entries.</param>
    /// <param name="sound">The samples of the requests that are intact, sent or not.</param>
    private static ReadCollection ReadEntries(ReadOnlyMemory<byte> content, int headerBytes, int entryBytes, int count, out long sound)
    {
        var requests = new List<RemoteWriteRequest>();
        var broken = 0;
        sound = 0;
        for (var i = 0; i < count; i++)
        {
            var offset = headerBytes + (i * (long)entryBytes);
            if (offset + entryBytes > content.Length)
            {
                // The entry is torn off.
                broken += count - i;
                break;
            }

            var entry = content.Span.Slice((int)offset, entryBytes);
            if (entryBytes == FileEntryBytes && entry[FileDoneOffset] == FileDone)
            {
                sound += Samples(entry);
            }
            else if (ReadEntry(entry, content) is { } request)
            {
                sound += request.AllSamples;
                requests.Add(request);
            }
            else
            {
                broken++;
            }
        }

        return new ReadCollection(requests, broken, LostSamples: 0);
    }

    // Null if the entry or its body is corrupt.
    private static RemoteWriteRequest? ReadEntry(ReadOnlySpan<byte> entry, ReadOnlyMemory<byte> content)
    {
        if (!IsWhole(entry))
            return null;
        var offset = BinaryPrimitives.ReadInt64LittleEndian(entry);
        var length = BinaryPrimitives.ReadInt32LittleEndian(entry[8..]);
        if (offset + length > content.Length)
            return null;
        var body = content.Slice((int)offset, length);
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

    // Without a header the number of entries is unknown: it counts everything that looks like one.
    private static long LegibleSamples(ReadOnlySpan<byte> content)
    {
        long samples = 0;
        for (var offset = HeaderBytes; offset + EntryBytes <= content.Length && IsWhole(content.Slice(offset, EntryBytes)); offset += EntryBytes)
            samples += Samples(content[offset..]);
        return samples;
    }

    private static bool IsWhole(ReadOnlySpan<byte> entry) => BinaryPrimitives.ReadUInt32LittleEndian(entry[EntryChecksumOffset..]) == Crc32C.Of(entry[..EntryChecksumOffset]);

    private static long Samples(ReadOnlySpan<byte> entry) => (long)BinaryPrimitives.ReadInt32LittleEndian(entry[28..]) + BinaryPrimitives.ReadInt32LittleEndian(entry[36..]);
}

/// <summary>The kind of an object of a queue.</summary>
internal enum QueueObjectKind
{
    /// <summary>A collection that waits.</summary>
    Collection = 1,

    /// <summary>A mark under its owner's last number; nothing waits under it.</summary>
    Sent = 2,

    /// <summary>A fence, put by a successor: this epoch has no numbers from here on.</summary>
    Fence = 3,
}

/// <summary>The header of an object of a queue.</summary>
/// <param name="Kind">The kind of the object.</param>
/// <param name="Requests">The number of requests.</param>
/// <param name="TimestampMs">The timestamp of the collection, in Unix milliseconds.</param>
/// <param name="Samples">The number of samples that waited when it was put.</param>
/// <param name="Writer">The queue that put it.</param>
internal readonly record struct CollectionHeader(QueueObjectKind Kind, int Requests, long TimestampMs, long Samples, Guid Writer);

/// <summary>The readable part of a collection.</summary>
/// <param name="Requests">The requests to be sent.</param>
/// <param name="Broken">The number of corrupt requests; 1 if their number is not known.</param>
/// <param name="LostSamples">The number of samples in the corrupt requests.</param>
internal readonly record struct ReadCollection(IReadOnlyList<RemoteWriteRequest> Requests, int Broken, long LostSamples);
