using OrleansTempo.Server.Configuration.Tenants;

namespace OrleansTempo.Server.Configuration.Sections;

/// <summary>Keys that former versions of Tempo had and today's refuses: not misspelt, but gone. Those of overrides are <see cref="LegacyOverrides"/>'.</summary>
internal static class RemovedKeys
{
    private const string Remove = "remove it";

    private static readonly Dictionary<string, (string Version, string Instead)> s_keys = new()
    {
        ["search_enabled"] = ("2.0", Remove),
        ["metrics_generator_enabled"] = ("2.0", "remove it; a tenant has a generator where its overrides name processors (overrides.defaults.metrics_generator.processors)"),
        ["http_prefix"] = ("1.0", "write http_api_prefix"),
        ["distributor.log_received_traces"] = ("2.3", Remove),
        ["distributor.search_tags_deny_list"] = ("2.1", Remove),
        ["ingester.traces_per_block"] = ("0.6", "write max_block_bytes"),
        ["ingester.use_flatbuffer_search"] = ("2.0", Remove),
        ["compactor.compaction.chunk_size_bytes"] = ("2.0", Remove),
        ["compactor.compaction.flush_size_bytes"] = ("2.0", Remove),
        ["compactor.compaction.iterator_buffer_size"] = ("2.0", Remove),
        ["storage.trace.maintenance_cycle"] = ("0.3", "write blocklist_poll"),
        ["storage.trace.disk_cache"] = ("0.5", Remove),
        ["storage.trace.azure.use_v2_sdk"] = ("2.6", Remove),
        ["storage.trace.wal.completedfilepath"] = ("2.6", Remove),
        ["storage.trace.wal.blocksfilepath"] = ("2.6", Remove),
        ["storage.trace.wal.encoding"] = ("2.0", Remove),
        ["storage.trace.wal.index_downsample"] = ("0.6", Remove),
        ["storage.trace.wal.bloom_filter_false_positive"] = ("0.6", Remove),
        ["overrides.user_configurable_overrides.client.azure.use_v2_sdk"] = ("2.6", Remove),
    };

    private static readonly HashSet<string> s_withDashes =
    [
        "storage-account-name", "storage-account-key", "container-name", "endpoint-suffix", "max-buffers", "buffer-size", "hedge-requests-at", "hedge-requests-up-to",
        "use-managed-identity", "user-assigned-id",
    ];

    /// <summary>When a key went, and what to do; null where it was none.</summary>
    /// <param name="path">From the root, with dots.</param>
    public static string? Explain(string path) => s_keys.TryGetValue(path, out var key) ? Explain(key.Version, key.Instead) : null;

    /// <summary>That a key went with this version of Tempo, and what to do.</summary>
    public static string Explain(string version, string instead) => $"removed in Tempo {version}; {instead}";

    /// <summary>A key of Azure's with dashes, which Tempo 2 has with underscores; null where it is none.</summary>
    public static string? ExplainDashes(string key) => s_withDashes.Contains(key) ? Explain("2.0", $"write {key.Replace('-', '_')}") : null;
}
