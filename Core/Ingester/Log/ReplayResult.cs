namespace OrleansTempo.Core.Ingester.Log;

/// <summary>What a replay found.</summary>
public readonly record struct ReplayResult
{
    public int Segments { get; init; }

    public long Records { get; init; }

    /// <summary>Bytes of the records' requests.</summary>
    public long Bytes { get; init; }

    /// <summary>Records skipped because they do not match their checksums.</summary>
    public long CorruptRecords { get; init; }

    /// <summary>Bytes cut off at the end of a segment: an incomplete record, mostly because its process died while writing it.</summary>
    public long TornBytes { get; init; }

    /// <summary>The sum of both.</summary>
    public ReplayResult Plus(ReplayResult other) => new()
    {
        Segments = Segments + other.Segments,
        Records = Records + other.Records,
        Bytes = Bytes + other.Bytes,
        CorruptRecords = CorruptRecords + other.CorruptRecords,
        TornBytes = TornBytes + other.TornBytes,
    };
}
