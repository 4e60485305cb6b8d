using OrleansTempo.Server.Configuration.Sections;
using OrleansTempo.Server.Configuration.Yaml;

namespace OrleansTempo.Server.Configuration.Tenants;

/// <summary>
/// The flat overrides of Tempo before 2.3 (<c>metrics_generator_processors</c>), which Tempo 3 refuses unless told otherwise: rewritten to the
/// scoped form of today before they are read.
/// </summary>
internal static class LegacyOverrides
{
    private const string Forwarders = "forwarders";
    private const string CostAttribution = "cost_attribution";

    private static readonly string[] Scopes = ["ingestion", "metrics_generator", "global", "compaction", "read", "storage"];

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
    };

    // Those that had gone when the flat form did.
    private static readonly Dictionary<string, (string Version, string Instead)> Removed = new()
    {
        ["max_search_bytes_per_trace"] = ("2.1", "remove it"),
        ["search_tags_allow_list"] = ("2.1", "remove it"),
        ["max_spans_per_trace"] = ("0.7", "write global.max_bytes_per_trace"),
        ["ingestion_rate_limit"] = ("0.7", "write ingestion.rate_limit_bytes"),
        ["ingestion_burst_size"] = ("0.7", "write ingestion.burst_size_bytes"),
        ["ingestion_max_batch_size"] = ("0.5", "write ingestion.burst_size_bytes"),
    };

    /// <summary>Whether a block of overrides has any key of the flat form.</summary>
    public static bool IsFlat(MappingNode block) => block.Entries.Any(static entry => ScopedPath(entry.Key.Value) is not null);

    /// <summary>
    /// Has the flat keys of a tenant's block where they belong today, with one warning. A block with keys of both forms stays as it is:
    /// <see cref="Explain"/> says what to do.
    /// </summary>
    /// <param name="block">The block.</param>
    /// <param name="warn">Takes the warning with the first flat key; null where there has been one.</param>
    public static MappingNode ToScoped(MappingNode block, Action<ScalarNode, string>? warn)
    {
        if (!IsFlat(block) || block.Entries.Any(static entry => Scopes.Contains(entry.Key.Value)))
            return block;

        var scoped = new MappingNode(block.Position);
        foreach (var (key, value) in block.Entries)
        {
            if (ScopedPath(key.Value) is not { } path)
            {
                scoped.Add(key, value);
                continue;
            }

            var target = scoped;
            var names = path.Split('.');
            foreach (var scope in names.AsSpan()[..^1])
                target = Scope(target, scope, key.Position);

            // A second flat key for the same stays, and is an error.
            if (target.Find(names[^1]) is null)
                target.Add(new ScalarNode(key.Position, names[^1], plain: true), value);
            else
                scoped.Add(key, value);
            warn?.Invoke(key, $"{key.Value} is the flat form of overrides, which Tempo 3 refuses; it is read as {path}, and other flat keys likewise. 'tempo-cli migrate overrides-config' rewrites them");
            warn = null;
        }

        return scoped;
    }

    /// <summary>
    /// Has the flat keys of <c>overrides</c> in its <c>defaults</c>. Where that is there as well, they stay as they are.
    /// </summary>
    public static MappingNode ToDefaults(MappingNode overrides)
    {
        const string defaultsKey = "defaults";
        if (!IsFlat(overrides) || overrides.Find(defaultsKey) is not null)
            return overrides;

        var result = new MappingNode(overrides.Position);
        var defaults = new MappingNode(overrides.Position);
        result.Add(new ScalarNode(overrides.Position, defaultsKey, plain: true), defaults);
        foreach (var (key, value) in overrides.Entries)
            (ScopedPath(key.Value) is not null || Removed.ContainsKey(key.Value) || key.Value is Forwarders or CostAttribution ? defaults : result).Add(key, value);
        return result;
    }

    /// <summary>What is wrong with a flat key that is still there, or one that has gone; null where it is neither.</summary>
    /// <param name="key">The key.</param>
    /// <param name="block">What the scoped form is below, with a dot at its end.</param>
    public static string? Explain(string key, string block) =>
        Removed.TryGetValue(key, out var removed) ? RemovedKeys.Explain(removed.Version, removed.Instead)
        : ScopedPath(key) is { } path ? $"the flat form of overrides cannot stand beside the scoped one; write it as {block}{path}"
        : key is Forwarders or CostAttribution ? $"is a tenant's; write it as {block}{key}"
        : null;

    private static string? ScopedPath(string key)
    {
        if (Others.TryGetValue(key, out var path))
            return path;

        // A prefix without anything behind it is a block, and none has a flat form.
        if (Removed.ContainsKey(key) || Array.Exists(Prefixes, p => key.Length == p.Prefix.Length - 1 && p.Prefix.StartsWith(key, StringComparison.Ordinal)))
            return null;
        var (prefix, block) = Array.Find(Prefixes, p => key.StartsWith(p.Prefix, StringComparison.Ordinal) && key.Length > p.Prefix.Length);
        return prefix is null ? null : block + key[prefix.Length..];
    }

    private static MappingNode Scope(MappingNode block, string name, SourcePosition position)
    {
        if (block.Find(name) is { } there)
            return (MappingNode)there.Value;
        var scope = new MappingNode(position);
        block.Add(new ScalarNode(position, name, plain: true), scope);
        return scope;
    }
}
