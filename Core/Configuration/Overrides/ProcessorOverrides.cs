namespace OrleansTempo.Core.Configuration.Overrides;

/// <summary><c>overrides.….metrics_generator.processor</c>.</summary>
public sealed record ProcessorOverrides
{
    public ServiceGraphsOverrides ServiceGraphs { get; init; } = new();
    public SpanMetricsOverrides SpanMetrics { get; init; } = new();
    public HostInfoOverrides HostInfo { get; init; } = new();
}
