namespace OrleansTempo.Core.Generator.Samples;

/// <summary>What is said of a metric family besides its type, for query editors and whoever meets it for the first time.</summary>
/// <param name="Help">One sentence; empty of a family that is not ours.</param>
/// <param name="Unit">In Prometheus' words (<c>seconds</c>, <c>bytes</c>); empty where it has none.</param>
public readonly record struct MetricDescription(string Help, string Unit)
{
    private static readonly Dictionary<string, MetricDescription> s_families = new(StringComparer.Ordinal)
    {
        ["traces_spanmetrics_calls_total"] = new("How many spans were counted", ""),
        ["traces_spanmetrics_latency"] = new("How long the spans took", "seconds"),
        ["traces_spanmetrics_size_total"] = new("How large the spans were when they were received", "bytes"),
        ["traces_target_info"] = new("What is known of the resource that sends spans; always 1", ""),
        ["traces_host_info"] = new("Which hosts send spans; always 1", ""),
        ["traces_service_graph_request_total"] = new("How many requests went from one service to the other", ""),
        ["traces_service_graph_request_failed_total"] = new("How many of the requests from one service to the other failed", ""),
        ["traces_service_graph_request_server_seconds"] = new("How long requests took as the service saw them that was asked", "seconds"),
        ["traces_service_graph_request_client_seconds"] = new("How long requests took as the service saw them that asked", "seconds"),
        ["traces_service_graph_request_messaging_system_seconds"] = new("How long messages were under way between being sent and being received", "seconds"),
        ["traces_service_graph_connection_info"] = new("Which services are connected and how; always 1", ""),
    };

    /// <param name="family">As in <see cref="MetricName.Family"/>.</param>
    public static MetricDescription Of(string family) => s_families.TryGetValue(family, out var description) ? description : new("", "");
}

/// <summary>What a metric family is, in Prometheus' words.</summary>
public enum MetricType
{
    Counter,
    Gauge,
    Histogram,
}
