using System.Globalization;

namespace OrleansTempo.Core.RemoteWrite.Queue;

/// <summary>A collection stored as an object, and what is known about it without reading all of it.</summary>
/// <param name="Epoch">The epoch of the owner that put it.</param>
/// <param name="Number">Its number within the epoch, from 1.</param>
/// <param name="TimestampMs">The timestamp of the collection, in Unix milliseconds.</param>
/// <param name="Samples">The number of samples that waited when it was put; 0 if its header cannot be read.</param>
/// <param name="SizeBytes">The length of the object.</param>
/// <param name="ETag">The ETag of its content; null if it has only been listed.</param>
internal sealed record StoredCollection(long Epoch, long Number, long TimestampMs, long Samples, long SizeBytes, string? ETag)
{
    // The least that an object takes on a local disk. It also limits how many objects fit into a number of bytes; resuming lists them all.
    private const long BlockBytes = 4096;

    /// <summary>The number of bytes it counts against the limit.</summary>
    public long DiskBytes => (SizeBytes + BlockBytes - 1) / BlockBytes * BlockBytes;

    /// <summary>The name of the object within the folder of its queue.</summary>
    public string Name => NameOf(Epoch, Number);

    public static string NameOf(long epoch, long number) => string.Create(CultureInfo.InvariantCulture, $"{epoch:D20}/{number:D20}");

    /// <summary>Parses what <see cref="NameOf"/> returns.</summary>
    public static bool TryReadName(ReadOnlySpan<char> name, out long epoch, out long number)
    {
        (epoch, number) = (0, 0);
        return name.Length == 41
            && name[20] == '/'
            && long.TryParse(name[..20], NumberStyles.None, CultureInfo.InvariantCulture, out epoch)
            && long.TryParse(name[21..], NumberStyles.None, CultureInfo.InvariantCulture, out number);
    }
}
