using System.Buffers.Binary;
using OrleansTempo.Core.RemoteWrite;

namespace OrleansTempo.Core.Tests.RemoteWrite.Queue;

/// <summary>Writes a collection as former versions kept it in a file: version 1, with a byte in each entry that says whether it is done.</summary>
internal static class OldQueueFile
{
    private const int HeaderBytes = 28;
    private const int EntryBytes = 56;

    /// <param name="folder">The endpoint's.</param>
    /// <param name="number">Its place.</param>
    /// <param name="timestampMs">The collection's.</param>
    /// <param name="requests">All of them.</param>
    /// <param name="done">Which of them were accepted after it was written.</param>
    /// <returns>The file's path.</returns>
    public static string Write(string folder, int number, long timestampMs, IReadOnlyList<RemoteWriteRequest> requests, params int[] done)
    {
        var head = new byte[HeaderBytes + (requests.Count * EntryBytes)];
        "OTempRWQ"u8.CopyTo(head);
        BinaryPrimitives.WriteInt32LittleEndian(head.AsSpan(8), 1);
        BinaryPrimitives.WriteInt32LittleEndian(head.AsSpan(12), requests.Count);
        BinaryPrimitives.WriteInt64LittleEndian(head.AsSpan(16), timestampMs);
        BinaryPrimitives.WriteUInt32LittleEndian(head.AsSpan(24), Crc32C.Of(head.AsSpan(0, 24)));
        long offset = head.Length;
        for (var i = 0; i < requests.Count; i++)
        {
            var request = requests[i];
            var entry = head.AsSpan(HeaderBytes + (i * EntryBytes), EntryBytes);
            BinaryPrimitives.WriteInt64LittleEndian(entry, offset);
            BinaryPrimitives.WriteInt32LittleEndian(entry[8..], request.Body.Length);
            BinaryPrimitives.WriteUInt32LittleEndian(entry[12..], Crc32C.Of(request.Body.Span));
            BinaryPrimitives.WriteInt64LittleEndian(entry[16..], request.TimestampMs);
            BinaryPrimitives.WriteInt32LittleEndian(entry[24..], request.RawBytes);
            BinaryPrimitives.WriteInt32LittleEndian(entry[28..], request.Samples);
            BinaryPrimitives.WriteInt32LittleEndian(entry[32..], request.Exemplars);
            BinaryPrimitives.WriteInt32LittleEndian(entry[36..], request.Histograms);
            BinaryPrimitives.WriteInt32LittleEndian(entry[40..], (int)request.Protocol);
            BinaryPrimitives.WriteUInt32LittleEndian(entry[48..], Crc32C.Of(entry[..48]));
            entry[52] = done.Contains(i) ? (byte)0xD0 : (byte)0;
            offset += request.Body.Length;
        }

        Directory.CreateDirectory(folder);
        var path = Path.Combine(folder, $"{number:D20}-{timestampMs}-{requests.Sum(static r => r.AllSamples)}.rw");
        File.WriteAllBytes(path, [.. head, .. requests.SelectMany(static r => r.Body.ToArray())]);
        return path;
    }
}
