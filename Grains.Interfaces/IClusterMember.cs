using Orleans.Services;

namespace OrleansTempo.Grains.Interfaces;

/// <summary>Describes a silo to the others, which must agree before they work together. Every silo of a cluster has one.</summary>
[Alias("orleanstempo.IClusterMember")]
internal interface IClusterMember : IGrainService
{
    [Alias("describe")]
    [ResponseTimeout("00:00:05")]
    Task<MemberDescription> DescribeAsync();
}

/// <summary>The part of a silo's configuration that must be the same in the whole cluster.</summary>
[GenerateSerializer, Immutable, Alias("orleanstempo.MemberDescription")]
internal sealed record MemberDescription
{
    /// <summary>The random ID that is stored in the silo's object store.</summary>
    [Id(0)]
    public string StoreId { get; init; } = "";

    /// <summary>The location of that store, for people.</summary>
    [Id(1)]
    public string Store { get; init; } = "";

    /// <summary><c>ingester.partitions</c>.</summary>
    [Id(2)]
    public int Partitions { get; init; }
}
