namespace OrleansTempo.Grains.Interfaces;

/// <summary>A trace that was asked for.</summary>
[GenerateSerializer, Immutable, Alias("orleanstempo.FoundTrace")]
public sealed record FoundTrace
{
    /// <summary>The trace as OTLP <c>TracesData</c> in protobuf; null where none of that ID is known.</summary>
    [Id(0)]
    public byte[]? Trace { get; init; }

    /// <summary>What could not be looked at, a sentence each: the trace may have spans that are not here.</summary>
    [Id(1)]
    public string[] Problems { get; init; } = [];
}
