namespace OrleansTempo.Grains;

/// <summary>What a metrics-generator leaves in grain storage when it stops in order, for the next activation to go on from.</summary>
[GenerateSerializer, Alias("orleanstempo.StoredSnapshot")]
public sealed class StoredSnapshot
{
    /// <summary>The claim's epoch under which it was made: only the one released last may be restored.</summary>
    [Id(0)]
    public long Epoch { get; set; }

    /// <summary>See <c>docs/generator-snapshot.md</c>; empty for none.</summary>
    [Id(1)]
    public byte[] Bytes { get; set; } = [];
}
