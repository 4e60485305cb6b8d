using System.Globalization;

namespace OrleansTempo.Core.RemoteWrite.Queue;

/// <summary>A collection in an object of its own, and what is known of it without reading the whole.</summary>
/// <param name="Epoch">Of the owner that put it.</param>
/// <param name="Number">Its place in the epoch, from 1.</param>
/// <param name="TimestampMs">The collection's, Unix time in milliseconds.</param>
/// <param name="Samples">Samples that waited when it was put; 0 where its header cannot be read.</param>
/// <param name="SizeBytes">The object's length.</param>
/// <param name="ETag">Of its content; null where it has only been listed.</param>
internal sealed record StoredCollection(long Epoch, long Number, long TimestampMs, long Samples, long SizeBytes, string? ETag)
{
    // What an object takes of a local disk at least. It also bounds how many objects fit into a limit of bytes, and a take-up lists all of them.
    private const long BlockBytes = 4096;

    /// <summary>What it counts against the limit.</summary>
    public long DiskBytes => (SizeBytes + BlockBytes - 1) / BlockBytes * BlockBytes;

    /// <summary>Below the folder of its queue.</summary>
    public string Name => NameOf(Epoch, Number);

    public static string NameOf(long epoch, long number) => string.Create(CultureInfo.InvariantCulture, $"{epoch:D20}/{number:D20}");

    /// <summary>Reads what <see cref="NameOf"/> writes.</summary>
    public static bool TryReadName(ReadOnlySpan<char> name, out long epoch, out long number)
    {
        (epoch, number) = (0, 0);
        return name.Length == 41
            && name[20] == '/'
            && long.TryParse(name[..20], NumberStyles.None, CultureInfo.InvariantCulture, out epoch)
            && long.TryParse(name[21..], NumberStyles.None, CultureInfo.InvariantCulture, out number);
    }
}
