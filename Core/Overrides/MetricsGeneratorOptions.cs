namespace OrleansTempo.Core.Overrides;

/// <summary><c>metrics_generator</c>: what holds for every tenant unless its overrides say otherwise.</summary>
public sealed record MetricsGeneratorOptions
{
    public ProcessorOptions Processor { get; init; } = new();
    public RegistryOptions Registry { get; init; } = new();
    public GeneratorStorageOptions Storage { get; init; } = new();
    public TimeSpan MetricsIngestionTimeRangeSlack { get; init; } = TimeSpan.FromSeconds(30);
}
