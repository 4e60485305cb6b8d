namespace OrleansTempo.Grains.Interfaces;

/// <summary>A recently written block.</summary>
[GenerateSerializer, Immutable, Alias("orleanstempo.LiveBlock")]
internal sealed record LiveBlock
{
    [Id(0)]
    public Guid BlockId { get; init; }

    /// <summary>Its <c>meta.json</c>, see <c>docs/block-format.md</c>.</summary>
    [Id(1)]
    public byte[] Meta { get; init; } = [];
}
