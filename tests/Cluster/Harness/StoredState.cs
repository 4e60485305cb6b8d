namespace OrleansTempo.Cluster.Harness;

/// <summary>A grain's state as a test writes it: a number and some bytes.</summary>
[GenerateSerializer]
internal sealed class StoredState
{
    [Id(0)]
    public int Number { get; set; }

    [Id(1)]
    public byte[] Bytes { get; set; } = [];
}
