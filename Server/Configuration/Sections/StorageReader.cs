using OrleansTempo.Core.Configuration.Storage;
using OrleansTempo.Server.Configuration.Reading;

namespace OrleansTempo.Server.Configuration.Sections;

/// <summary><c>storage</c>: the object store with the blocks, and the write-ahead log.</summary>
internal static class StorageReader
{
    public static StorageOptions Read(MappingReader storage)
    {
        var options = new StorageOptions { Trace = ReadTrace(storage.Mapping("trace"), new TraceStorageOptions()) };
        storage.Done();
        return options;
    }

    private static TraceStorageOptions ReadTrace(MappingReader trace, TraceStorageOptions defaults)
    {
        trace.Unused(
            TempoFileReader.NotUsed,
            "pool", "block", "search", "blocklist_poll_concurrency", "blocklist_poll_tenant_concurrency", "blocklist_poll_fallback",
            "blocklist_poll_tenant_index_builders", "blocklist_poll_stale_tenant_index", "blocklist_poll_jitter_ms",
            "blocklist_poll_tolerate_consecutive_errors", "blocklist_poll_tolerate_tenant_failures", "empty_tenant_deletion_enabled",
            "empty_tenant_deletion_age", "cache", "background_cache", "memcached", "redis", "cache_min_compaction_level", "cache_max_block_age",
            "gcs", "s3");
        var backend = ReadBackend(trace, defaults.Backend);
        var local = trace.Mapping("local");
        var azure = trace.Mapping("azure");
        var wal = trace.Mapping("wal");
        var options = trace.Options(defaults) with
        {
            Backend = backend,
            LocalPath = ReadPath(local, defaults.LocalPath),
            Azure = ReadAzure(azure, defaults.Azure),
            Wal = ReadWal(wal, defaults.Wal),
        };
        local.Done();
        trace.Done();

        if (backend == TraceStorageOptions.AzureBackend)
            CheckAzure(azure, options.Azure);
        else if (Overlap(options.Wal.Path, options.LocalPath))
            (wal.Has("path") ? wal : local).Error("path", $"the write-ahead log's directory {Spelling.Quote(options.Wal.Path)} and the blocks' {Spelling.Quote(options.LocalPath)} must be two, neither within the other");
        return options;
    }

    private static string ReadBackend(MappingReader trace, string fallback)
    {
        var backend = trace.String("backend", "");
        if (backend is "s3" or "gcs")
            trace.Error("backend", $"'{backend}' is not supported; allowed: local, azure");
        else if (backend is not ("" or TraceStorageOptions.LocalBackend or TraceStorageOptions.AzureBackend))
            trace.Error("backend", $"{Spelling.Quote(backend)} is not known{Spelling.Suggest(backend, [TraceStorageOptions.LocalBackend, TraceStorageOptions.AzureBackend])}");
        return backend.Length > 0 ? backend : fallback;
    }

    private static WalOptions ReadWal(MappingReader wal, WalOptions defaults)
    {
        wal.Unused(TempoFileReader.NotUsed, "ingestion_time_range_slack", "version", "v2_encoding", "search_encoding");
        var options = wal.Options(defaults) with { Path = ReadPath(wal, defaults.Path) };
        wal.Done();
        return options;
    }

    /// <summary>A container; whether there is enough to open it is <see cref="CheckAzure"/>'s question.</summary>
    public static AzureStorageOptions ReadAzure(MappingReader azure, AzureStorageOptions defaults)
    {
        azure.Unused(TempoFileReader.NotUsed, "max_buffers", "buffer_size", "hedge_requests_at", "hedge_requests_up_to");
        var options = azure.Options(defaults);
        azure.Done(RemovedKeys.ExplainDashes);
        return options;
    }

    /// <summary>Only where the backend is azure: Tempo shows an azure block without anything in it beside every other backend, too.</summary>
    public static void CheckAzure(MappingReader azure, AzureStorageOptions options)
    {
        // Of keys that are written as of old nothing is missing.
        if (azure.Keys.Any(static key => RemovedKeys.ExplainDashes(key) is not null))
            return;
        if (options.ContainerName.Length == 0)
            azure.Error("container_name", "is missing: the backend azure needs a container");

        List<string> ways = [];
        if (options.ConnectionString.Length > 0)
            ways.Add("connection_string");
        if (options.StorageAccountKey.Length > 0)
            ways.Add("storage_account_key");
        if (options.UseManagedIdentity)
            ways.Add("use_managed_identity");
        if (options.UseFederatedToken)
            ways.Add("use_federated_token");

        const string allowed = "allowed is one of connection_string, storage_account_key, use_managed_identity, use_federated_token";
        if (ways.Count > 1)
            azure.Error(ways[1], $"stands beside {ways[0]}; {allowed}");
        else if (ways.Count == 0)
            azure.Error("storage_account_key", $"is missing, or another way to sign in; {allowed}");
        else if (options is { ConnectionString: "", StorageAccountName: "" })
            azure.Error("storage_account_name", $"is missing: {ways[0]} needs the account it is for");
    }

    // Tempo's own page shows an empty path where there is none.
    private static string ReadPath(MappingReader block, string fallback)
    {
        var path = block.String("path", "");
        if (path.Contains('\0'))
            block.Error("path", "has a character with the code 0, which no path has");
        else if (path.Length > 0)
            return path;
        return fallback;
    }

    /// <summary>Whether one of two directories is, or is in, the other.</summary>
    public static bool Overlap(string one, string other) => Contains(one, other) || Contains(other, one);

    /// <summary>Whether a directory is another, or has it within.</summary>
    public static bool Contains(string directory, string other)
    {
        return AsFolder(other).StartsWith(AsFolder(directory), OperatingSystem.IsWindows() ? StringComparison.OrdinalIgnoreCase : StringComparison.Ordinal);

        static string AsFolder(string path) => Path.GetFullPath(path + Path.DirectorySeparatorChar);
    }
}
