namespace OrleansTempo.Core.Generator.Samples;

/// <summary>The help text and unit of a metric family, which remote write sends as metadata and query editors show.</summary>
/// <param name="Help">A noun phrase; empty for a family that is not ours.</param>
/// <param name="Unit">Prometheus' name of the unit (<c>seconds</c>, <c>bytes</c>); empty for a family without one.</param>
public readonly record struct MetricDescription(string Help, string Unit)
{
    private static readonly Dictionary<string, MetricDescription> s_families = new(StringComparer.Ordinal)
    {
        ["traces_spanmetrics_calls_total"] = new("Spans counted", ""),
        ["traces_spanmetrics_latency"] = new("Duration of spans", "seconds"),
        ["traces_spanmetrics_size_total"] = new("Size of spans as received", "bytes"),
        ["traces_target_info"] = new("Attributes of the resource that sends spans; always 1", ""),
        ["traces_host_info"] = new("Hosts that send spans; always 1", ""),
        ["traces_service_graph_request_total"] = new("Requests from one service to another", ""),
        ["traces_service_graph_request_failed_total"] = new("Failed requests from one service to another", ""),
        ["traces_service_graph_request_server_seconds"] = new("Duration of requests as seen by the server", "seconds"),
        ["traces_service_graph_request_client_seconds"] = new("Duration of requests as seen by the client", "seconds"),
        ["traces_service_graph_request_messaging_system_seconds"] = new("Time between a message being sent and being received", "seconds"),
        ["traces_service_graph_connection_info"] = new("Connections between services; always 1", ""),
    };

    /// <param name="family">See <see cref="MetricName.Family"/>.</param>
    public static MetricDescription Of(string family) => s_families.TryGetValue(family, out var description) ? description : new("", "");
}

/// <summary>The type of a metric family, named as in Prometheus.</summary>
public enum MetricType
{
    Counter,
    Gauge,
    Histogram,
}
