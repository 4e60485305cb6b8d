using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace OrleansTempo.Core.RemoteWrite;

/// <summary>A collection in a file of its own, and what the file's name says of it: a queue of many needs to open none of them to know what waits.</summary>
/// <param name="Number">Its place in the queue; later collections have higher ones.</param>
/// <param name="TimestampMs">The collection's, Unix time in milliseconds.</param>
/// <param name="Samples">Samples that waited when it was written.</param>
/// <param name="FileBytes">The file's length.</param>
internal sealed record StoredCollection(long Number, long TimestampMs, long Samples, long FileBytes)
{
    private const string Extension = ".rw";

    // What file systems give out at least; a file of a few bytes takes as much.
    private const long BlockBytes = 4096;

    /// <summary>What it takes of the disk.</summary>
    public long DiskBytes => (FileBytes + BlockBytes - 1) / BlockBytes * BlockBytes;

    public string FileName => string.Create(CultureInfo.InvariantCulture, $"{Number:D20}-{TimestampMs}-{Samples}{Extension}");

    /// <summary>Whether that is a file's name as <see cref="FileName"/> writes it.</summary>
    public static bool TryRead(string fileName, long fileBytes, [NotNullWhen(true)] out StoredCollection? stored)
    {
        stored = null;
        if (!fileName.EndsWith(Extension, StringComparison.Ordinal)
            || fileName[..^Extension.Length].Split('-') is not [var number, var timestamp, var samples]
            || !TryParse(number, out var parsedNumber)
            || !TryParse(timestamp, out var parsedTimestamp)
            || !TryParse(samples, out var parsedSamples))
            return false;
        stored = new StoredCollection(parsedNumber, parsedTimestamp, parsedSamples, fileBytes);
        return stored.FileName == fileName;
    }

    private static bool TryParse(string text, out long number) => long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
}
