namespace OrleansTempo.Core.Overrides;

/// <summary>
/// Everything one tenant's generator is configured with: <c>metrics_generator</c> with the tenant's overrides laid over it.
/// A change of any of it is applied without touching the counters it does not concern.
/// </summary>
public sealed record GeneratorSettings
{
    public bool SpanMetricsCount { get; init; }
    public bool SpanMetricsLatency { get; init; }
    public bool SpanMetricsSize { get; init; }
    public bool ServiceGraphsRequest { get; init; }
    public bool ServiceGraphsLatency { get; init; }
    public bool ServiceGraphsConnectionInfo { get; init; }

    public bool SpanMetricsEnabled => SpanMetricsCount || SpanMetricsLatency || SpanMetricsSize;
    public bool ServiceGraphsEnabled => ServiceGraphsRequest || ServiceGraphsLatency || ServiceGraphsConnectionInfo;

    public SpanMetricsOptions SpanMetrics { get; init; } = new();
    public ServiceGraphsOptions ServiceGraphs { get; init; } = new();

    /// <summary>With the tenant's <c>collection_interval</c> already in it.</summary>
    public RegistryOptions Registry { get; init; } = new();

    /// <summary>Spans whose end is further from now than this are left out.</summary>
    public TimeSpan IngestionTimeRangeSlack { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>0 for no limit.</summary>
    public int MaxActiveSeries { get; init; }

    public bool DisableCollection { get; init; }

    /// <summary>The label of an exemplar that carries the trace ID.</summary>
    public string TraceIdLabelName { get; init; } = "traceID";

    /// <summary>Headers of this tenant's remote write requests, over those of the endpoint.</summary>
    public IReadOnlyDictionary<string, string> RemoteWriteHeaders { get; init; } = new Dictionary<string, string>();
}
