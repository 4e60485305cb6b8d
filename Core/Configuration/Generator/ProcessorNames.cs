namespace OrleansTempo.Core.Configuration.Generator;

/// <summary>What may stand in <c>overrides.….metrics_generator.processors</c>.</summary>
public static class ProcessorNames
{
    public const string SpanMetrics = "span-metrics";
    public const string SpanMetricsCount = "span-metrics-count";
    public const string SpanMetricsLatency = "span-metrics-latency";
    public const string SpanMetricsSize = "span-metrics-size";
    public const string ServiceGraphs = "service-graphs";
    public const string ServiceGraphsRequest = "service-graphs-request";
    public const string ServiceGraphsLatency = "service-graphs-latency";
    public const string ServiceGraphsConnectionInfo = "service-graphs-connection-info";
    public const string HostInfo = "host-info";

    /// <summary>Every processor there is, as the allowed values of an error.</summary>
    public static IReadOnlyList<string> All { get; } =
    [
        ServiceGraphs, ServiceGraphsRequest, ServiceGraphsLatency, ServiceGraphsConnectionInfo,
        SpanMetrics, SpanMetricsCount, SpanMetricsLatency, SpanMetricsSize,
        HostInfo,
    ];
}
