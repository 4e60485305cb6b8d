using Orleans.Runtime;
using Orleans.Services;

namespace OrleansTempo.Grains.Interfaces;

/// <summary>What silos say to each other about themselves and not about grains. Every silo of a cluster has one.</summary>
[Alias("orleanstempo.IClusterMember")]
internal interface IClusterMember : IGrainService
{
    [Alias("describe")]
    [ResponseTimeout("00:00:05")]
    Task<MemberDescription> DescribeAsync();

    [Alias("load")]
    [ResponseTimeout("00:00:05")]
    Task<MemberLoad> LoadAsync();

    /// <summary>Whether this silo can write its log now, which it tries.</summary>
    [Alias("can-log")]
    [ResponseTimeout("00:00:10")]
    Task<bool> CanLogAsync();

    /// <summary>
    /// Asks this silo to declare the caller, which cannot write its log, dead, so that the others run its grains and adopt its log; the caller then
    /// ends. False if this silo cannot write its own log either, so that nothing would be gained.
    /// </summary>
    /// <param name="caller">The silo that asks.</param>
    [Alias("replace")]
    [ResponseTimeout("00:00:10")]
    Task<bool> ReplaceAsync(SiloAddress caller);
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

/// <summary>What a silo has to do, for the others to compare with.</summary>
[GenerateSerializer, Immutable, Alias("orleanstempo.MemberLoad")]
internal sealed record MemberLoad
{
    /// <summary>The number of <see cref="IMetricsGeneratorGrain"/>s that are active in it.</summary>
    [Id(0)]
    public int Generators { get; init; }

    /// <summary>The number of <see cref="ITraceGrain"/>s that are active in it.</summary>
    [Id(1)]
    public int Ingesters { get; init; }

    /// <summary>Whether it takes grains from others: it is ready, and not about to stop.</summary>
    [Id(2)]
    public bool TakesGrains { get; init; }

    /// <summary>Whether grains are on their way from it to others, and may be counted nowhere or twice.</summary>
    [Id(3)]
    public bool IsMoving { get; init; }
}
