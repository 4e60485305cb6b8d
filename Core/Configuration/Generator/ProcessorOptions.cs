namespace OrleansTempo.Core.Configuration.Generator;

/// <summary><c>metrics_generator.processor</c>.</summary>
public sealed record ProcessorOptions
{
    public ServiceGraphsOptions ServiceGraphs { get; init; } = new();
    public SpanMetricsOptions SpanMetrics { get; init; } = new();
    public HostInfoOptions HostInfo { get; init; } = new();
}
