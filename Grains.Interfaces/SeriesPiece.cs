using OrleansTempo.Core.Generator.Samples;

namespace OrleansTempo.Grains.Interfaces;

/// <summary>Some of a metrics-generator's current series; in the first answer, the families that can be read.</summary>
[GenerateSerializer, Immutable, Alias("orleanstempo.SeriesPiece")]
internal sealed record SeriesPiece
{
    /// <summary>The reading's number, to pass with the calls for the pieces.</summary>
    [Id(0)]
    public long Reading { get; init; }

    /// <summary>The available families, in the order in which to read them; only in the first answer.</summary>
    [Id(1)]
    public string[] Families { get; init; } = [];

    /// <summary>The series, as <see cref="Core.Generator.Samples.SeriesRecording"/> writes them; empty in the first answer.</summary>
    [Id(2)]
    public byte[] Series { get; init; } = [];

    /// <summary>Where the next piece begins; -1 at the family's end.</summary>
    [Id(3)]
    public int Next { get; init; }
}
