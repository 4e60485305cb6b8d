namespace OrleansTempo.Grains;

/// <summary>What a metrics-generator leaves in grain storage when it stops cleanly, for the next activation to restore.</summary>
[GenerateSerializer, Alias("orleanstempo.StoredSnapshot")]
public sealed class StoredSnapshot
{
    /// <summary>The epoch of the claim under which it was made: only a snapshot of the last released epoch may be restored.</summary>
    [Id(0)]
    public long Epoch { get; set; }

    /// <summary>See <c>docs/generator-snapshot.md</c>; empty for none.</summary>
    [Id(1)]
    public byte[] Bytes { get; set; } = [];

    /// <summary>Which pushes are counted in it; empty if a version wrote it that did not number them.</summary>
    [Id(2)]
    public byte[] Pushes { get; set; } = [];
}
