using OrleansTempo.Core.Continuity;

namespace OrleansTempo.Grains.Interfaces;

/// <summary>What a metrics-generator knows about a push.</summary>
[GenerateSerializer, Immutable, Alias("orleanstempo.AskAnswer")]
internal sealed record AskAnswer
{
    [Id(0)]
    public PushState State { get; init; }
}
