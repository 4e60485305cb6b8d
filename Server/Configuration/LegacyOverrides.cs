namespace OrleansTempo.Server.Configuration;

/// <summary>The flat overrides of Tempo before 2.3 (<c>metrics_generator_processors</c>), and where their values belong today.</summary>
internal static class LegacyOverrides
{
    // The longest prefix first.
    private static readonly (string Prefix, string Block)[] Prefixes =
    [
        ("metrics_generator_processor_service_graphs_", "metrics_generator.processor.service_graphs."),
        ("metrics_generator_processor_span_metrics_", "metrics_generator.processor.span_metrics."),
        ("metrics_generator_processor_local_blocks_", "metrics_generator.processor.local_blocks."),
        ("metrics_generator_processor_host_info_", "metrics_generator.processor.host_info."),
        ("metrics_generator_forwarder_", "metrics_generator.forwarder."),
        ("metrics_generator_", "metrics_generator."),
        ("ingestion_", "ingestion."),
    ];

    private static readonly Dictionary<string, string> Others = new()
    {
        ["max_traces_per_user"] = "ingestion.max_traces_per_user",
        ["max_global_traces_per_user"] = "ingestion.max_global_traces_per_user",
        ["max_bytes_per_trace"] = "global.max_bytes_per_trace",
        ["block_retention"] = "compaction.block_retention",
        ["compaction_window"] = "compaction.compaction_window",
        ["compaction_disabled"] = "compaction.compaction_disabled",
        ["max_bytes_per_tag_values_query"] = "read.max_bytes_per_tag_values_query",
        ["max_blocks_per_tag_values_query"] = "read.max_blocks_per_tag_values_query",
        ["max_condition_groups_per_tag_query"] = "read.max_condition_groups_per_tag_query",
        ["max_search_duration"] = "read.max_search_duration",
        ["max_metrics_duration"] = "read.max_metrics_duration",
        ["unsafe_query_hints"] = "read.unsafe_query_hints",
        ["left_pad_trace_ids"] = "read.left_pad_trace_ids",
        ["metrics_spanonly_fetch"] = "read.metrics_spanonly_fetch",
        ["span_pruning_awareness"] = "read.span_pruning_awareness",
        ["span_pruning_enabled"] = "read.span_pruning_enabled",
        ["engine_bytes_tracking"] = "read.engine_bytes_tracking",
        ["parquet_dedicated_columns"] = "storage.parquet_dedicated_columns",
        ["forwarders"] = "forwarders",
        ["cost_attribution"] = "cost_attribution",
    };

    /// <summary>How to write a flat key today, below <paramref name="block"/>; null where it is none.</summary>
    public static string? Explain(string key, string block)
    {
        var now = Others.GetValueOrDefault(key);
        foreach (var (prefix, path) in Prefixes)
        {
            if (now is null && key.StartsWith(prefix, StringComparison.Ordinal) && key.Length > prefix.Length)
                now = path + key[prefix.Length..];
        }

        return now is null ? null : $"the flat form of overrides is not supported; write it as {block}{now}";
    }
}
