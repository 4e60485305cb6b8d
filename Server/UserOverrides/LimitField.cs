namespace OrleansTempo.Server.UserOverrides;

/// <summary>One field of a tenant's limits.</summary>
/// <param name="Name">As in JSON.</param>
/// <param name="Kind">What it holds.</param>
/// <param name="Fields">What an object, or each of a list of objects, may have, in the order of writing.</param>
/// <remarks>
/// How large a value may be is far more than anybody needs, and little enough that no tenant makes its spans cost many times what others' do.
/// </remarks>
internal sealed record LimitField(string Name, LimitKind Kind, params LimitField[] Fields)
{
    /// <summary>The longest text, in bytes of UTF-8, be it a value or a name that the user chooses.</summary>
    public const int MaxTextBytes = 1024;

    // A bucket is a series of each entity.
    private const int MaxBuckets = 100;

    // Each policy and each of its attributes is tested with every span.
    private const int MaxPolicies = 20;
    private const int MaxPolicyAttributes = 20;
    private const int MaxNativeBuckets = 500;

    /// <summary>How many items a list or a map may have.</summary>
    public int MaxItems { get; init; } = 50;

    /// <summary>The greatest number, where it is one.</summary>
    public double MaxNumber { get; init; } = double.PositiveInfinity;

    /// <summary>
    /// All that a tenant may set for itself, as Tempo's <c>/api/overrides</c> takes it. What is not among it, such as how much a
    /// tenant may send, is the operator's alone.
    /// </summary>
    public static LimitField Root { get; } = new(
        "",
        LimitKind.Block,
        new("forwarders", LimitKind.Texts),
        new("cost_attribution", LimitKind.Block, new LimitField("dimensions", LimitKind.TextMap)),
        new(
            "metrics_generator",
            LimitKind.Block,
            new("processors", LimitKind.Texts),
            new("disable_collection", LimitKind.Flag),
            new("collection_interval", LimitKind.Duration),
            new("trace_id_label_name", LimitKind.Text),
            new("ingestion_time_range_slack", LimitKind.Duration),
            new("generate_native_histograms", LimitKind.Text),
            new("native_histogram_max_bucket_number", LimitKind.Number) { MaxNumber = MaxNativeBuckets },
            new("native_histogram_bucket_factor", LimitKind.Number),
            new("native_histogram_min_reset_duration", LimitKind.Duration),
            new("span_name_sanitization", LimitKind.Text),
            new("processor", LimitKind.Block, ServiceGraphs(), SpanMetrics(), HostInfo())));

    /// <summary>The field of this name within this object; null where it has none.</summary>
    public LimitField? Find(string name) => Array.Find(Fields, field => field.Name == name);

    private static LimitField ServiceGraphs() => new(
        "service_graphs",
        LimitKind.Block,
        new("dimensions", LimitKind.Texts),
        new("enable_client_server_prefix", LimitKind.Flag),
        new("enable_messaging_system_latency_histogram", LimitKind.Flag),
        new("enable_virtual_node_label", LimitKind.Flag),
        new("peer_attributes", LimitKind.Texts),
        FilterPolicies(),
        new("histogram_buckets", LimitKind.Numbers) { MaxItems = MaxBuckets },
        new("span_multiplier_key", LimitKind.Text),
        new("enable_tracestate_span_multiplier", LimitKind.Flag));

    private static LimitField SpanMetrics() => new(
        "span_metrics",
        LimitKind.Block,
        new("dimensions", LimitKind.Texts),
        new("intrinsic_dimensions", LimitKind.FlagMap),
        new("dimension_mappings", LimitKind.Groups, new("name", LimitKind.Text), new("source_labels", LimitKind.Texts), new("join", LimitKind.Text)),
        new("enable_target_info", LimitKind.Flag),
        FilterPolicies(),
        new("histogram_buckets", LimitKind.Numbers) { MaxItems = MaxBuckets },
        new("target_info_excluded_dimensions", LimitKind.Texts),
        new("enable_instance_label", LimitKind.Flag),
        new("span_multiplier_key", LimitKind.Text),
        new("enable_tracestate_span_multiplier", LimitKind.Flag));

    private static LimitField HostInfo() => new(
        "host_info",
        LimitKind.Block,
        new("host_identifiers", LimitKind.Texts),
        new("metric_name", LimitKind.Text));

    private static LimitField FilterPolicies() => new("filter_policies", LimitKind.Groups, PolicyMatch("include"), PolicyMatch("include_any"), PolicyMatch("exclude")) { MaxItems = MaxPolicies };

    private static LimitField PolicyMatch(string name) => new(
        name,
        LimitKind.Group,
        new("match_type", LimitKind.Text),
        new("attributes", LimitKind.Groups, new("key", LimitKind.Text), new("value", LimitKind.Scalar)) { MaxItems = MaxPolicyAttributes });
}

/// <summary>What a field of a tenant's limits holds, in JSON.</summary>
internal enum LimitKind
{
    /// <summary>An object of known fields that is always written, with nothing in it if need be, as Tempo does.</summary>
    Block,

    /// <summary>An object of known fields that is written where it was given.</summary>
    Group,

    /// <summary>A list of objects of known fields.</summary>
    Groups,

    Flag,
    Number,
    Numbers,
    Text,
    Texts,

    /// <summary>An object whose names the user chooses, with texts.</summary>
    TextMap,

    /// <summary>As <see cref="TextMap"/>, with flags.</summary>
    FlagMap,

    /// <summary>A Go duration, or a number of nanoseconds.</summary>
    Duration,

    /// <summary>A text, a number or a flag.</summary>
    Scalar,
}
