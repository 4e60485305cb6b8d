using OrleansTempo.Core.Blocks.Compaction;
using OrleansTempo.Core.Configuration;
using OrleansTempo.Core.Configuration.Distributor;
using OrleansTempo.Core.Configuration.Generator;
using OrleansTempo.Core.Configuration.Server;
using OrleansTempo.Core.Configuration.Storage;
using OrleansTempo.Core.Distributor;
using OrleansTempo.Server.Configuration.Reading;
using OrleansTempo.Server.Configuration.Tenants;

namespace OrleansTempo.Server.Configuration.Sections;

/// <summary>The root of <c>tempo.yaml</c>, and those of its parts that have no reader of their own.</summary>
internal sealed class TempoFileReader(Problems problems, bool skipForeignReceivers)
{
    internal const string NotUsed = "known to Tempo, not used here";

    public TempoOptions Read(MappingReader root)
    {
        var defaults = new TempoOptions();
        var multitenancy = root.Bool("multitenancy_enabled", false);
        var auth = root.Bool("auth_enabled", false);
        root.Ineffective("auth_enabled", "deprecated: write multitenancy_enabled");

        if (root.String("target", "all") is var target and not "all")
            root.Warn("target", $"{Spelling.Quote(target)} is not used here: one process runs all components");

        root.Unused(
            NotUsed,
            "shutdown_delay", "stream_over_http_enabled", "enable_go_runtime_metrics", "span_profiling", "use_otel_tracer",
            "autocomplete_filtering_enabled", "memory", "internal_server", "metrics_generator_client", "live_store_client", "ingester_client",
            "querier", "ingest", "block_builder", "memberlist", "usage_report", "cache", "backend_scheduler_client",
            "partition_ring_live_store");

        var prefix = ReadPrefix(root);
        var server = ReadServer(root.Mapping("server"), defaults.Server);
        var distributor = ReadDistributor(root.Mapping("distributor"), defaults.Distributor);
        var generator = new MetricsGeneratorReader(problems).Read(root.Mapping("metrics_generator"));
        var queries = ReadQueryFrontend(root.Mapping("query_frontend"), defaults.QueryFrontend);
        var storage = StorageReader.Read(root.Mapping("storage"));
        var ingester = IngesterReader.Read(root.Mapping("ingester"), root.Mapping("live_store"), storage.Trace.BlocklistPoll);
        var compactor = CompactorReader.Read(root.Mapping("compactor"), root.Mapping("backend_scheduler"), root.Mapping("backend_worker"), storage.Trace.BlocklistPoll);
        var overrides = new OverridesReader(problems, generator).Read(root.Mapping("overrides"), storage.Trace);
        root.Done();

        generator = generator with { Storage = CheckGeneratorPath(root.Mapping("metrics_generator").Mapping("storage"), generator.Storage, storage.Trace) };
        if (generator.Storage.RemoteWrite.Count > 0 && overrides is { Defaults.MetricsGenerator.Processors.Count: 0, PerTenantOverrideConfig: "", UserConfigurableOverrides.Enabled: false })
            root.Warn("metrics_generator", "nothing is generated to remote write, for overrides.defaults.metrics_generator.processors names no processor");

        return new TempoOptions
        {
            MultitenancyEnabled = multitenancy || auth,
            HttpApiPrefix = prefix,
            Server = server,
            Distributor = distributor,
            Ingester = ingester,
            MetricsGenerator = generator,
            QueryFrontend = queries,
            Storage = storage,
            Compactor = compactor,
            Overrides = overrides,
        };
    }

    // Nothing is put there any more. What former versions have left there is taken up, and what else is in the way must not be taken for it.
    private static GeneratorStorageOptions CheckGeneratorPath(MappingReader block, GeneratorStorageOptions generator, TraceStorageOptions trace)
    {
        var path = generator.Path ?? GeneratorStorageOptions.DefaultPath;
        if (path.Length == 0 || path.Contains('\0') || generator.RemoteWrite.Count == 0)
            return generator;

        var hasLog = trace.Wal.Type != WalType.Object;
        if (trace.Backend == TraceStorageOptions.LocalBackend && StorageReader.Overlap(path, trace.LocalPath))
        {
            block.Warn("path", $"left unused: the remote write queue's directory {Spelling.Quote(path)} and the blocks' {Spelling.Quote(trace.LocalPath)} must be two, neither within the other. Write a directory of its own, or an empty one");
            return generator with { Path = "" };
        }

        if (hasLog && StorageReader.Contains(path, trace.Wal.Path) && StorageReader.Contains(trace.Wal.Path, path))
        {
            var below = Path.Combine(path, "generator");
            block.Warn("path", $"{Spelling.Quote(path)} is the write-ahead log's directory as well; {Spelling.Quote(below)} is used in its place. Write a directory of its own");
            return generator with { Path = below };
        }

        // The log passes over folders in its directory.
        if (hasLog && StorageReader.Contains(path, trace.Wal.Path))
        {
            block.Warn("path", $"left unused: the write-ahead log's directory {Spelling.Quote(trace.Wal.Path)} is within the remote write queue's {Spelling.Quote(path)}. Write a directory of its own, or an empty one");
            return generator with { Path = "" };
        }

        return generator;
    }

    // Its other keys are about how Tempo's frontend splits a query for its queriers.
    private static QueryFrontendOptions ReadQueryFrontend(MappingReader queries, QueryFrontendOptions defaults)
    {
        var options = queries.Options(defaults);
        var known = OptionTable.Of(typeof(QueryFrontendOptions)).Select(static option => option.Key).ToArray();
        queries.Unused(NotUsed, [.. queries.Keys.Where(key => !known.Contains(key))]);
        return options;
    }

    private static string ReadPrefix(MappingReader root)
    {
        var prefix = root.String("http_api_prefix", "").Trim('/');
        if (prefix.Length == 0)
            return "";
        if (Uri.IsWellFormedUriString("/" + prefix, UriKind.Relative) && !prefix.Contains('?') && !prefix.Contains('#'))
            return "/" + prefix;

        root.Error("http_api_prefix", $"{Spelling.Quote(prefix)} is not a path; allowed is one such as /tempo");
        return "";
    }

    private ServerOptions ReadServer(MappingReader server, ServerOptions defaults)
    {
        server.Unused(
            NotUsed,
            "http_listen_network", "http_listen_conn_limit", "grpc_listen_network", "grpc_listen_address", "grpc_listen_port", "grpc_listen_conn_limit",
            "grpc_collect_max_streams_by_conn", "tls_cipher_suites", "grpc_tls_config", "register_instrumentation",
            "report_grpc_codes_in_instrumentation_label_enabled", "http_server_read_timeout", "http_server_read_header_timeout",
            "http_server_write_timeout", "http_server_idle_timeout", "http_log_closed_connections_without_response_enabled",
            "grpc_server_max_recv_msg_size", "grpc_server_max_send_msg_size", "grpc_server_max_concurrent_streams",
            "grpc_server_max_connection_idle", "grpc_server_max_connection_age", "grpc_server_max_connection_age_grace",
            "grpc_server_keepalive_time", "grpc_server_keepalive_timeout", "grpc_server_min_time_between_pings",
            "grpc_server_ping_without_stream_allowed", "grpc_server_num_workers", "grpc_server_stats_tracking_enabled",
            "grpc_server_recv_buffer_pools_enabled", "grpc_server_read_buffer_size", "grpc_server_write_buffer_size",
            "log_source_ips_enabled", "log_source_ips_full", "log_source_ips_header", "log_source_ips_regex", "log_request_headers",
            "log_request_at_info_level_enabled", "log_request_exclude_headers_list", "trace_request_headers",
            "trace_request_exclude_headers_list", "cluster_validation", "create_new_traces");
        server.Refuse("proxy_protocol_enabled", "not supported yet: the PROXY protocol must be off", "false");
        server.Refuse("http_path_prefix", "not supported: write http_api_prefix at the top of the file instead", "", "/");

        server.Know("http_listen_address");
        // Tempo names the oldest TLS beside the block that it is about.
        var minVersion = server.Choice("tls_min_version", TlsVersion.Default, ServerTlsReader.GoVersions);
        var options = server.Options(defaults) with { HttpTlsConfig = ServerTlsReader.ReadHttpTlsConfig(server.Mapping("http_tls_config"), minVersion) };
        server.Done();
        if (options.HttpListenAddress.Length > 0 && Uri.CheckHostName(options.HttpListenAddress) == UriHostNameType.Unknown)
            server.Error("http_listen_address", $"{Spelling.Quote(options.HttpListenAddress)} is not an address; allowed are an IP address or a host name without a port");
        return options;
    }

    private DistributorOptions ReadDistributor(MappingReader distributor, DistributorOptions defaults)
    {
        distributor.Unused(
            NotUsed,
            "ring", "override_ring_key", "log_received_spans", "log_discarded_spans", "metric_received_spans", "usage", "kafka_config",
            "extend_writes", "artificial_delay", "ingester_write_path_enabled", "kafka_write_path_enabled");
        distributor.Refuse("forwarders", "not supported yet: no traces are forwarded to other backends");

        var maxAttributeBytes = (int?)distributor.OptionalLong("max_span_attr_byte", max: int.MaxValue) ?? defaults.MaxAttributeBytes;
        distributor.Ineffective("max_span_attr_byte", "deprecated: write max_attribute_bytes");
        var options = distributor.Options(defaults with { MaxAttributeBytes = maxAttributeBytes }) with
        {
            Receivers = new ReceiversReader(skipForeignReceivers).Read(distributor.Mapping("receivers")),
        };
        distributor.Done();
        return options;
    }
}
