using OrleansTempo.Core.Generator.Samples;

namespace OrleansTempo.Grains.Interfaces;

/// <summary>Some of a metrics-generator's current series, or what there is to be read.</summary>
[GenerateSerializer, Immutable, Alias("orleanstempo.SeriesPiece")]
internal sealed record SeriesPiece
{
    /// <summary>To be given with the calls for the pieces.</summary>
    [Id(0)]
    public long Reading { get; init; }

    /// <summary>The families there are, in the order in which they are to be read; only in the first answer.</summary>
    [Id(1)]
    public string[] Families { get; init; } = [];

    /// <summary>The series, as <see cref="Core.Generator.Samples.SeriesRecording"/> writes them; empty in the first answer.</summary>
    [Id(2)]
    public byte[] Series { get; init; } = [];

    /// <summary>Where to go on; -1 at the family's end.</summary>
    [Id(3)]
    public int Next { get; init; }
}
