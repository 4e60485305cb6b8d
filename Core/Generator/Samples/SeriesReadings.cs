using System.Buffers;

namespace OrleansTempo.Core.Generator.Samples;

/// <summary>
/// Lets pages read the current series of a generator piece by piece, as fast as the reader of the page takes them, so that
/// neither the generator nor the page ever holds all of them. One caller at a time, as for the generator.
/// <code>
///   Begin ─► families ─► Read(family, 0) ─► piece, where to continue ─► Read(family, …) ─► … ─► the next family
/// </code>
/// </summary>
public sealed class SeriesReadings(TenantGenerator generator, TimeProvider time)
{
    /// <summary>The approximate number of series in a piece: they take a millisecond of the generator's time, and half a megabyte.</summary>
    public const int SeriesPerPiece = 10_000;

    // Each reading keeps every entity alive, so an abandoned page must not keep its reading for long.
    private const int MaxReadings = 4;

    private readonly List<Reading> _readings = [];
    private long _lastNumber;

    /// <summary>Starts a reading; if there are too many, the one idle for longest ends.</summary>
    public (long Reading, string[] Families) Begin()
    {
        if (_readings.Count == MaxReadings)
            _readings.Remove(_readings.MinBy(static r => r.LastUsed)!);
        var reading = new Reading(++_lastNumber, generator.List()) { LastUsed = time.GetTimestamp() };
        _readings.Add(reading);
        return (reading.Number, reading.Listing.Families);
    }

    /// <summary>Records the next piece of a family's series, see <see cref="SeriesRecording"/>.</summary>
    /// <param name="reading">The number that <see cref="Begin"/> returned.</param>
    /// <param name="family">One of the families.</param>
    /// <param name="from">0, or where the previous piece ended.</param>
    /// <returns>The piece, and where to continue, or -1 at the end of the family; null if the reading has ended.</returns>
    public (byte[] Piece, int Next)? Read(long reading, string family, int from)
    {
        if (_readings.Find(r => r.Number == reading) is not { } known)
            return null;
        known.LastUsed = time.GetTimestamp();
        var bytes = new ArrayBufferWriter<byte>();
        var recording = new SeriesRecording(bytes);
        var next = generator.Visit(known.Listing, family, from, SeriesPerPiece, recording);
        recording.Complete();
        if (next < 0 && family == known.Listing.Families[^1])
            _readings.Remove(known);
        return (bytes.WrittenSpan.ToArray(), next);
    }

    /// <summary>Ends the readings that have been idle for longer than this.</summary>
    public void EndIdle(TimeSpan longerThan) => _readings.RemoveAll(r => time.GetElapsedTime(r.LastUsed) > longerThan);

    private sealed class Reading(long number, SeriesListing listing)
    {
        public long Number => number;

        public SeriesListing Listing => listing;

        public long LastUsed { get; set; }
    }
}
