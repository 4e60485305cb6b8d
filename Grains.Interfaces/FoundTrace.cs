namespace OrleansTempo.Grains.Interfaces;

/// <summary>The answer to a query for a trace.</summary>
[GenerateSerializer, Immutable, Alias("orleanstempo.FoundTrace")]
public sealed record FoundTrace
{
    /// <summary>The trace as OTLP <c>TracesData</c> in protobuf; null if no trace of that ID is known.</summary>
    [Id(0)]
    public byte[]? Trace { get; init; }

    /// <summary>What could not be searched, a sentence each: the trace may have spans that are missing here.</summary>
    [Id(1)]
    public string[] Problems { get; init; } = [];
}
