namespace OrleansTempo.Grains.Interfaces;

/// <summary>What the querier found of a trace.</summary>
[GenerateSerializer, Immutable, Alias("orleanstempo.FoundTrace")]
public sealed record FoundTrace
{
    /// <summary>The trace as OTLP <c>TracesData</c> in protobuf; null if no span of that ID was found.</summary>
    [Id(0)]
    public byte[]? Trace { get; init; }

    /// <summary>What could not be read, one sentence each: the trace may have more spans.</summary>
    [Id(1)]
    public string[] Problems { get; init; } = [];
}
