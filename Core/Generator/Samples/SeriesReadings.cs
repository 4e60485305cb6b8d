using System.Buffers;

namespace OrleansTempo.Core.Generator.Samples;

/// <summary>
/// Readings of a generator's current series by whoever writes them to a page, a piece at a time: as much as a page's reader has taken, so that
/// neither the generator nor the page ever holds all of it. One caller at a time, as the generator.
/// <code>
///   Begin ─► families ─► Read(family, 0) ─► piece, where to go on ─► Read(family, …) ─► … ─► the next family
/// </code>
/// </summary>
public sealed class SeriesReadings(TenantGenerator generator, TimeProvider time)
{
    /// <summary>About how many series a piece has: a millisecond of the generator's time, half a megabyte.</summary>
    public const int SeriesPerPiece = 10_000;

    // Each holds a reference to every entity: a page that nobody reads to its end must not do so for long.
    private const int MaxReadings = 4;

    private readonly List<Reading> _readings = [];
    private long _lastNumber;

    /// <summary>Begins a reading; where there are too many, the one that has been left alone longest ends.</summary>
    public (long Reading, string[] Families) Begin()
    {
        if (_readings.Count == MaxReadings)
            _readings.Remove(_readings.MinBy(static r => r.LastUsed)!);
        var reading = new Reading(++_lastNumber, generator.List()) { LastUsed = time.GetTimestamp() };
        _readings.Add(reading);
        return (reading.Number, reading.Listing.Families);
    }

    /// <summary>Records the next piece of a family's series, see <see cref="SeriesRecording"/>.</summary>
    /// <param name="reading">What <see cref="Begin"/> said.</param>
    /// <param name="family">One of the families.</param>
    /// <param name="from">0, or where the piece before has ended.</param>
    /// <returns>The piece, and where to go on, or -1 at the family's end; null where the reading has ended.</returns>
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

    /// <summary>Ends those that have been left alone for longer than this.</summary>
    public void EndIdle(TimeSpan longerThan) => _readings.RemoveAll(r => time.GetElapsedTime(r.LastUsed) > longerThan);

    private sealed class Reading(long number, SeriesListing listing)
    {
        public long Number => number;

        public SeriesListing Listing => listing;

        public long LastUsed { get; set; }
    }
}
