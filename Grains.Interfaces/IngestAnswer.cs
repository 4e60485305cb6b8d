namespace OrleansTempo.Grains.Interfaces;

/// <summary>What a partition made of the spans it got.</summary>
[GenerateSerializer, Immutable, Alias("orleanstempo.IngestAnswer")]
public sealed record IngestAnswer
{
    /// <summary>Null where they were taken; otherwise why not, in a sentence.</summary>
    [Id(0)]
    public string? Unavailable { get; init; }

    /// <summary>The spans refused because the tenant has all the live traces it may, by their places in the payload (<see cref="SpanPayload.Place"/>); null for none.</summary>
    [Id(1)]
    public int[]? LiveTracesExceeded { get; init; }

    /// <summary>The spans refused because their trace has all the bytes it may, by their places in the payload; null for none.</summary>
    [Id(2)]
    public int[]? TracesTooLarge { get; init; }

    /// <summary>Whether they are only indexed, in the caller's own process, and its log is for the caller to write.</summary>
    [Id(3)]
    public bool LogHere { get; init; }

    /// <summary>Taken, indexed here, and still to be logged.</summary>
    public static IngestAnswer Indexed { get; } = new() { LogHere = true };

    /// <summary>Taken and logged.</summary>
    public static IngestAnswer Logged { get; } = new();
}
