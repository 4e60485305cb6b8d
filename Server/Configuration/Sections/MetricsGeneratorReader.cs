using OrleansTempo.Core;
using OrleansTempo.Core.Configuration.Generator;
using OrleansTempo.Core.Configuration.RemoteWrite;
using OrleansTempo.Core.Generator.Registry;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Server.Configuration.Reading;
using OrleansTempo.Server.Configuration.Tenants;

namespace OrleansTempo.Server.Configuration.Sections;

/// <summary><c>metrics_generator</c>.</summary>
internal sealed class MetricsGeneratorReader(Problems problems)
{
    public static readonly TimeSpan MinCollectionInterval = TimeSpan.FromMilliseconds(100);

    public MetricsGeneratorOptions Read(MappingReader generator)
    {
        var defaults = new MetricsGeneratorOptions();
        generator.Unused(
            TempoFileReader.NotUsed,
            "ring", "override_ring_key", "ring_mode", "codec", "ingest_concurrency", "instance_id", "leave_consumer_group_on_shutdown",
            "skip_stale_backlog_on_startup", "disable_grpc");
        generator.Unused("known to Tempo, not used here: there is no local-blocks processor", "traces_storage", "traces_query_storage", "query_timeout", "disable_local_blocks");

        var processor = generator.Mapping("processor");
        processor.Unused("known to Tempo, not used here: there is no such processor", "local_blocks");
        var options = new MetricsGeneratorOptions
        {
            Processor = new ProcessorOptions
            {
                ServiceGraphs = ReadServiceGraphs(processor.Mapping("service_graphs"), defaults.Processor.ServiceGraphs),
                SpanMetrics = ReadSpanMetrics(processor.Mapping("span_metrics"), defaults.Processor.SpanMetrics),
                HostInfo = HostInfoReader.Read(processor.Mapping("host_info"), defaults.Processor.HostInfo),
            },
            Registry = ReadRegistry(generator.Mapping("registry"), defaults.Registry),
            Storage = ReadStorage(generator.Mapping("storage"), defaults.Storage),
            MetricsIngestionTimeRangeSlack = generator.OptionalDuration("metrics_ingestion_time_range_slack", max: OverridesReader.MaxSlack) ?? defaults.MetricsIngestionTimeRangeSlack,
            LimiterType = generator.Choice("limiter_type", defaults.LimiterType, [("series", LimiterType.Series), ("entity", LimiterType.Entity), ("", LimiterType.Series)]),
            QueueMaxBytes = generator.Long("queue_max_bytes", defaults.QueueMaxBytes, 1),
            DedupeWindow = generator.OptionalDuration("dedupe_window", max: OverridesReader.MaxDedupeWindow) ?? defaults.DedupeWindow,
            DedupeMaxSpans = generator.Int("dedupe_max_spans", defaults.DedupeMaxSpans, 1000, 100_000_000),
            Snapshot = generator.Choice("snapshot", defaults.Snapshot, [("on_stop", SnapshotMode.OnStop), ("every_collection", SnapshotMode.EveryCollection), ("off", SnapshotMode.Off)]),
        };
        processor.Done();
        generator.Done();
        return options;
    }

    private ServiceGraphsOptions ReadServiceGraphs(MappingReader graphs, ServiceGraphsOptions defaults)
    {
        graphs.Unused(TempoFileReader.NotUsed, "subprocessors");
        graphs.Unused("known to Tempo, not used here: a tenant's edges need no workers of their own", "workers");
        var options = new ServiceGraphsOptions
        {
            Wait = graphs.OptionalDuration("wait", min: TimeSpan.FromMilliseconds(1)) ?? defaults.Wait,
            MaxItems = graphs.Int("max_items", defaults.MaxItems, 1),
            HistogramBuckets = graphs.Buckets("histogram_buckets") ?? defaults.HistogramBuckets,
            Dimensions = graphs.Strings("dimensions", DimensionLabels.Problem) ?? defaults.Dimensions,
            EnableClientServerPrefix = graphs.Bool("enable_client_server_prefix", defaults.EnableClientServerPrefix),
            EnableMessagingSystemLatencyHistogram = graphs.Bool("enable_messaging_system_latency_histogram", defaults.EnableMessagingSystemLatencyHistogram),
            PeerAttributes = graphs.Strings("peer_attributes") ?? defaults.PeerAttributes,
            SpanMultiplierKey = graphs.String("span_multiplier_key", defaults.SpanMultiplierKey),
            EnableTracestateSpanMultiplier = graphs.Bool("enable_tracestate_span_multiplier", defaults.EnableTracestateSpanMultiplier),
            EnableVirtualNodeLabel = graphs.Bool("enable_virtual_node_label", defaults.EnableVirtualNodeLabel),
            DatabaseNameAttributes = graphs.Strings("database_name_attributes") ?? defaults.DatabaseNameAttributes,
            FilterPolicies = new FilterPolicyReader(problems).Read(graphs) ?? defaults.FilterPolicies,
        };
        graphs.Done();
        return options;
    }

    private SpanMetricsOptions ReadSpanMetrics(MappingReader metrics, SpanMetricsOptions defaults)
    {
        // Tempo 2 shows it on its configuration page, from where it gets into files; processors decide.
        metrics.Unused(TempoFileReader.NotUsed, "subprocessors");
        var intrinsic = metrics.Mapping("intrinsic_dimensions");
        var options = new SpanMetricsOptions
        {
            HistogramBuckets = metrics.Buckets("histogram_buckets") ?? defaults.HistogramBuckets,
            IntrinsicDimensions = new IntrinsicDimensionsOptions
            {
                Service = intrinsic.Bool("service", defaults.IntrinsicDimensions.Service),
                SpanName = intrinsic.Bool("span_name", defaults.IntrinsicDimensions.SpanName),
                SpanKind = intrinsic.Bool("span_kind", defaults.IntrinsicDimensions.SpanKind),
                StatusCode = intrinsic.Bool("status_code", defaults.IntrinsicDimensions.StatusCode),
                StatusMessage = intrinsic.Bool("status_message", defaults.IntrinsicDimensions.StatusMessage),
            },
            Dimensions = metrics.Strings("dimensions", DimensionLabels.Problem) ?? defaults.Dimensions,
            DimensionMappings = ReadDimensionMappings(metrics, problems) ?? defaults.DimensionMappings,
            EnableTargetInfo = metrics.Bool("enable_target_info", defaults.EnableTargetInfo),
            TargetInfoExcludedDimensions = metrics.Strings("target_info_excluded_dimensions") ?? defaults.TargetInfoExcludedDimensions,
            EnableInstanceLabel = metrics.Bool("enable_instance_label", defaults.EnableInstanceLabel),
            SpanMultiplierKey = metrics.String("span_multiplier_key", defaults.SpanMultiplierKey),
            EnableTracestateSpanMultiplier = metrics.Bool("enable_tracestate_span_multiplier", defaults.EnableTracestateSpanMultiplier),
            FilterPolicies = new FilterPolicyReader(problems).Read(metrics) ?? defaults.FilterPolicies,
        };
        intrinsic.Done();
        metrics.Done();
        if (DimensionLabels.Collision(options) is { } collision)
            metrics.Error("dimension_mappings", $"{collision}; every mapping needs a label of its own");
        return options;
    }

    /// <summary><c>dimension_mappings</c> of a span-metrics block; null where the key is not there.</summary>
    public static IReadOnlyList<DimensionMappingOptions>? ReadDimensionMappings(MappingReader metrics, Problems problems)
    {
        if (metrics.Items("dimension_mappings") is not { } items)
            return null;

        var mappings = new List<DimensionMappingOptions>();
        foreach (var (path, node) in items)
        {
            var item = MappingReader.Item(problems, path, node);
            var mapping = new DimensionMappingOptions
            {
                Name = item.String("name", ""),
                SourceLabels = item.Strings("source_labels") ?? [],
                Join = item.String("join", ""),
            };
            item.Done();
            if (mapping.Name.Length == 0)
                item.Error("name", "is missing: a dimension mapping needs the name of its label");
            if (mapping.SourceLabels.Count == 0)
                item.Error("source_labels", "is missing: a dimension mapping needs at least one attribute to take its value from");
            mappings.Add(mapping);
        }

        return mappings;
    }

    private static RegistryOptions ReadRegistry(MappingReader registry, RegistryOptions defaults)
    {
        var options = new RegistryOptions
        {
            CollectionInterval = registry.OptionalDuration("collection_interval", min: MinCollectionInterval, max: MappingReader.LongestWait) ?? defaults.CollectionInterval,
            StaleDuration = registry.OptionalDuration("stale_duration", min: TimeSpan.FromMilliseconds(100)) ?? defaults.StaleDuration,
            ExternalLabels = registry.Map("external_labels") ?? defaults.ExternalLabels,
            InjectTenantIdAs = registry.String("inject_tenant_id_as", defaults.InjectTenantIdAs),
            MaxLabelNameLength = registry.Int("max_label_name_length", defaults.MaxLabelNameLength),
            MaxLabelValueLength = registry.Int("max_label_value_length", defaults.MaxLabelValueLength),
        };
        registry.Done();
        foreach (var name in options.ExternalLabels.Keys)
        {
            if (!LabelName.IsValid(name) || name == "__name__")
                registry.Error("external_labels", $"{Spelling.Quote(name)} is not a label name; allowed is [a-zA-Z_][a-zA-Z0-9_]*, but not __name__");
        }

        if (options.InjectTenantIdAs.Length > 0 && !LabelName.IsValid(options.InjectTenantIdAs))
            registry.Error("inject_tenant_id_as", $"{Spelling.Quote(options.InjectTenantIdAs)} is not a label name; allowed is [a-zA-Z_][a-zA-Z0-9_]*");
        return options;
    }

    private GeneratorStorageOptions ReadStorage(MappingReader storage, GeneratorStorageOptions defaults)
    {
        storage.Unused("known to Tempo, not used here: samples leave with their collection, without a write-ahead log", "wal");
        var remoteWrite = new List<RemoteWriteOptions>();
        var reader = new RemoteWriteReader(problems);
        foreach (var (path, node) in storage.Items("remote_write") ?? [])
            remoteWrite.Add(reader.Read(MappingReader.Item(problems, path, node)));

        var options = new GeneratorStorageOptions
        {
            Path = storage.OptionalString("path"),
            RemoteWriteFlushDeadline = storage.Duration("remote_write_flush_deadline", defaults.RemoteWriteFlushDeadline, MappingReader.LongestWait),
            RemoteWriteAddOrgIdHeader = storage.Bool("remote_write_add_org_id_header", defaults.RemoteWriteAddOrgIdHeader),
            RemoteWrite = remoteWrite,
        };
        storage.Done();
        if (options.Path?.Contains('\0') == true)
            storage.Error("path", "has a character with the code 0, which no path has");

        foreach (var name in remoteWrite.Where(r => r.Name.Length > 0).GroupBy(r => r.Name).Where(g => g.Count() > 1).Select(g => g.Key))
            storage.Error("remote_write", $"the name {Spelling.Quote(name)} stands twice; every endpoint needs a name of its own");
        return options;
    }
}
