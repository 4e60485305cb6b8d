using OrleansTempo.Core;
using OrleansTempo.Core.Overrides;

namespace OrleansTempo.Server.Configuration;

/// <summary><c>overrides</c> of <c>tempo.yaml</c>, and the file of tenants' own overrides, whose entries have the same keys.</summary>
internal sealed class OverridesReader(Problems problems, MetricsGeneratorOptions generator)
{
    /// <summary>The key of the entry for tenants that have none of their own.</summary>
    public const string Wildcard = "*";

    public static readonly TimeSpan MaxSlack = TimeSpan.FromHours(12);
    public static readonly TimeSpan MaxDedupeWindow = TimeSpan.FromHours(1);

    private static readonly TimeSpan MinCollectionInterval = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan MaxCollectionInterval = TimeSpan.FromMinutes(5);

    public OverridesOptions Read(MappingReader overrides)
    {
        var defaults = new OverridesOptions();
        var userConfigurable = overrides.Mapping("user_configurable_overrides");
        userConfigurable.Refuse("enabled", "user-configurable overrides are not supported yet", "false");
        userConfigurable.Unused("without effect: user-configurable overrides are not supported yet", "poll_interval", "client", "api");
        userConfigurable.Done();
        overrides.Unused("without effect: the flat form of overrides is not read", "enable_legacy_overrides");

        var options = new OverridesOptions
        {
            Defaults = ReadTenant(overrides.Mapping("defaults"), new TenantOverrides()),
            PerTenantOverrideConfig = overrides.String("per_tenant_override_config", defaults.PerTenantOverrideConfig),
            PerTenantOverridePeriod = overrides.PrometheusDuration("per_tenant_override_period", defaults.PerTenantOverridePeriod, TimeSpan.FromMilliseconds(100), MappingReader.LongestWait),
        };
        overrides.Done(key => LegacyOverrides.Explain(key, "overrides.defaults."));
        return options;
    }

    /// <summary>The root of a <c>per_tenant_override_config</c> file; every entry is laid over <paramref name="defaults"/>.</summary>
    public Dictionary<string, TenantOverrides> ReadTenants(MappingReader root, TenantOverrides defaults)
    {
        var tenants = new Dictionary<string, TenantOverrides>();
        foreach (var (name, node) in root.Nodes("overrides") ?? [])
        {
            if (name != Wildcard && !TenantId.TryParse(name, out _, out var error))
                problems.Error(node.Position, $"overrides.{name}: {error}");

            // An entry without anything in it is not an entry, so the wildcard holds.
            if (!node.IsNull)
                tenants[name] = ReadTenant(MappingReader.Item(problems, $"overrides.{name}", node), defaults);
        }

        root.Done();
        return tenants;
    }

    private TenantOverrides ReadTenant(MappingReader tenant, TenantOverrides fallback)
    {
        tenant.Unused(TempoFileReader.NotUsed, "read", "storage", "cost_attribution");
        tenant.Refuse("forwarders", "not supported yet: no traces are forwarded to other backends");
        var generatorBlock = tenant.Mapping("metrics_generator");
        var options = new TenantOverrides
        {
            Ingestion = ReadIngestion(tenant.Mapping("ingestion"), fallback.Ingestion),
            MetricsGenerator = ReadGenerator(generatorBlock, fallback.MetricsGenerator),
            Global = ReadGlobal(tenant.Mapping("global"), fallback.Global),
            Compaction = ReadCompaction(tenant.Mapping("compaction"), fallback.Compaction),
        };
        tenant.Done(key => LegacyOverrides.Explain(key, tenant.Path + "."));

        // What was fine in each part may still collide once they are laid over each other.
        if (generatorBlock.Present && DimensionLabels.Collision(generator.Processor.SpanMetrics) is null
            && DimensionLabels.Collision(GeneratorSettings.Resolve(generator, options).SpanMetrics) is { } collision)
            tenant.Error("metrics_generator", $"{collision}; every mapping needs a label of its own");
        return options;
    }

    private static IngestionOverrides ReadIngestion(MappingReader ingestion, IngestionOverrides fallback)
    {
        ingestion.Unused(TempoFileReader.NotUsed, "max_global_traces_per_user", "tenant_shard_size", "artificial_delay");
        if (ingestion.String("rate_strategy", "local") is var strategy and not ("local" or ""))
        {
            if (strategy == "global")
                ingestion.Warn("rate_strategy", "'global' is not used here: every process applies the limit by itself");
            else
                ingestion.Error("rate_strategy", $"{Spelling.Quote(strategy)} is not known; allowed: local, global");
        }

        var options = new IngestionOverrides
        {
            RateLimitBytes = ingestion.Long("rate_limit_bytes", fallback.RateLimitBytes),
            BurstSizeBytes = ingestion.Long("burst_size_bytes", fallback.BurstSizeBytes),
            MaxAttributeBytes = ingestion.Int("max_attribute_bytes", fallback.MaxAttributeBytes),
            MaxTracesPerUser = ingestion.Int("max_traces_per_user", fallback.MaxTracesPerUser),
            RetryInfoEnabled = ingestion.Bool("retry_info_enabled", fallback.RetryInfoEnabled),
        };
        ingestion.Done();
        if (options is { RateLimitBytes: > 0, BurstSizeBytes: 0 })
            ingestion.Error("burst_size_bytes", $"0 would refuse every request while rate_limit_bytes is {options.RateLimitBytes}; it must be at least the size of a request");
        return options;
    }

    private static GlobalOverrides ReadGlobal(MappingReader global, GlobalOverrides fallback)
    {
        var options = new GlobalOverrides { MaxBytesPerTrace = global.Long("max_bytes_per_trace", fallback.MaxBytesPerTrace) };
        global.Done();
        return options;
    }

    private static CompactionOverrides ReadCompaction(MappingReader compaction, CompactionOverrides fallback)
    {
        compaction.Unused(TempoFileReader.NotUsed, "compaction_window");
        var options = new CompactionOverrides
        {
            BlockRetention = compaction.PrometheusDuration("block_retention", fallback.BlockRetention, max: CompactorReader.LongestRetention),
            CompactionDisabled = compaction.Bool("compaction_disabled", fallback.CompactionDisabled),
        };
        compaction.Done();
        return options;
    }

    private MetricsGeneratorOverrides ReadGenerator(MappingReader block, MetricsGeneratorOverrides fallback)
    {
        block.Unused(TempoFileReader.NotUsed, "forwarder");
        block.Unused("without effect: limiter_type is series", "max_active_entities");
        block.Unused(
            "without effect: native histograms are not supported yet",
            "native_histogram_bucket_factor", "native_histogram_max_bucket_number", "native_histogram_min_reset_duration");
        block.Refuse("span_name_sanitization", "not supported yet; allowed: an empty string", "");
        block.Refuse("max_cardinality_per_label", "not supported yet; allowed: 0", "0");
        var histograms = block.Choice("generate_native_histograms", "classic", [("", "classic"), ("classic", "classic"), ("both", "both"), ("native", "native")]);
        if (histograms == "both")
            block.Warn("generate_native_histograms", "'both': native histograms are not supported yet, only classic ones are made");
        else if (histograms == "native")
            block.Error("generate_native_histograms", "'native' is not supported yet; allowed: classic");

        var processor = block.Mapping("processor");
        processor.Unused("known to Tempo, not used here: there is no such processor", "local_blocks");
        processor.Unused("without effect: the host-info processor is not supported yet", "host_info");
        var options = new MetricsGeneratorOverrides
        {
            Processors = ReadProcessors(block) ?? fallback.Processors,
            MaxActiveSeries = block.Int("max_active_series", fallback.MaxActiveSeries),
            RingSize = block.Int("ring_size", fallback.RingSize, max: MetricsGeneratorOverrides.MaxRingSize),
            CollectionInterval = ReadCollectionInterval(block) ?? fallback.CollectionInterval,
            DisableCollection = block.Bool("disable_collection", fallback.DisableCollection),
            TraceIdLabelName = block.OptionalString("trace_id_label_name") ?? fallback.TraceIdLabelName,
            RemoteWriteHeaders = block.Map("remote_write_headers", StringComparer.OrdinalIgnoreCase) ?? fallback.RemoteWriteHeaders,
            IngestionTimeRangeSlack = block.OptionalDuration("ingestion_time_range_slack", max: MaxSlack) ?? fallback.IngestionTimeRangeSlack,
            DedupeWindow = block.OptionalDuration("dedupe_window", max: MaxDedupeWindow) ?? fallback.DedupeWindow,
            Processor = new ProcessorOverrides
            {
                ServiceGraphs = ReadServiceGraphs(processor.Mapping("service_graphs"), fallback.Processor.ServiceGraphs),
                SpanMetrics = ReadSpanMetrics(processor.Mapping("span_metrics"), fallback.Processor.SpanMetrics),
            },
        };
        processor.Done();
        block.Done();

        if (options.TraceIdLabelName is { Length: > 0 } label && !LabelName.IsValid(label))
            block.Error("trace_id_label_name", $"{Spelling.Quote(label)} is not a label name; allowed is [a-zA-Z_][a-zA-Z0-9_]*");
        foreach (var name in options.RemoteWriteHeaders.Keys)
        {
            if (RemoteWriteReader.HeaderProblem(name) is { } problem)
                block.Error("remote_write_headers", problem);
        }

        return options;
    }

    // Tempo holds tenants to these bounds; 0 leaves it to the registry's own interval, which may be shorter.
    private static TimeSpan? ReadCollectionInterval(MappingReader block)
    {
        var interval = block.OptionalDuration("collection_interval");
        if (interval is { Ticks: > 0 } value && (value < MinCollectionInterval || value > MaxCollectionInterval))
            block.Error("collection_interval", $"'{GoDuration.Format(value)}' is not allowed; it must be from 15s to 5m");
        return interval;
    }

    private IReadOnlyList<string>? ReadProcessors(MappingReader block)
    {
        if (block.Items("processors") is not { } items)
            return null;

        var processors = new List<string>();
        foreach (var (path, node) in items)
        {
            if (node is not ScalarNode { Value: var name })
                problems.Error(node.Position, $"{path} must be a processor's name, this is {node.Kind}");
            else if (name == "local-blocks")
                problems.Warn(node.Position, $"{path}: 'local-blocks' is known to Tempo, not used here");
            else if (name == "host-info")
                problems.Error(node.Position, $"{path}: 'host-info' is not supported yet; allowed: {string.Join(", ", ProcessorNames.All)}");
            else if (!ProcessorNames.All.Contains(name))
                problems.Error(node.Position, $"{path}: {Spelling.Quote(name)} is not a processor{Spelling.Suggest(name, [.. ProcessorNames.All])}");
            else if (!processors.Contains(name))
                processors.Add(name);
        }

        return processors;
    }

    private ServiceGraphsOverrides ReadServiceGraphs(MappingReader graphs, ServiceGraphsOverrides fallback)
    {
        var options = new ServiceGraphsOverrides
        {
            HistogramBuckets = graphs.Buckets("histogram_buckets") ?? fallback.HistogramBuckets,
            Dimensions = graphs.Strings("dimensions") ?? fallback.Dimensions,
            PeerAttributes = graphs.Strings("peer_attributes") ?? fallback.PeerAttributes,
            FilterPolicies = new FilterPolicyReader(problems).Read(graphs) ?? fallback.FilterPolicies,
            EnableClientServerPrefix = graphs.OptionalBool("enable_client_server_prefix") ?? fallback.EnableClientServerPrefix,
            EnableMessagingSystemLatencyHistogram = graphs.OptionalBool("enable_messaging_system_latency_histogram") ?? fallback.EnableMessagingSystemLatencyHistogram,
            EnableVirtualNodeLabel = graphs.OptionalBool("enable_virtual_node_label") ?? fallback.EnableVirtualNodeLabel,
            SpanMultiplierKey = graphs.OptionalString("span_multiplier_key") ?? fallback.SpanMultiplierKey,
            EnableTracestateSpanMultiplier = graphs.OptionalBool("enable_tracestate_span_multiplier") ?? fallback.EnableTracestateSpanMultiplier,
        };
        graphs.Done();
        return options;
    }

    private SpanMetricsOverrides ReadSpanMetrics(MappingReader metrics, SpanMetricsOverrides fallback)
    {
        var intrinsic = metrics.Mapping("intrinsic_dimensions");
        var options = new SpanMetricsOverrides
        {
            HistogramBuckets = metrics.Buckets("histogram_buckets") ?? fallback.HistogramBuckets,
            Dimensions = metrics.Strings("dimensions") ?? fallback.Dimensions,
            IntrinsicDimensions = new IntrinsicDimensionsOverrides
            {
                Service = intrinsic.OptionalBool("service") ?? fallback.IntrinsicDimensions.Service,
                SpanName = intrinsic.OptionalBool("span_name") ?? fallback.IntrinsicDimensions.SpanName,
                SpanKind = intrinsic.OptionalBool("span_kind") ?? fallback.IntrinsicDimensions.SpanKind,
                StatusCode = intrinsic.OptionalBool("status_code") ?? fallback.IntrinsicDimensions.StatusCode,
                StatusMessage = intrinsic.OptionalBool("status_message") ?? fallback.IntrinsicDimensions.StatusMessage,
            },
            FilterPolicies = new FilterPolicyReader(problems).Read(metrics) ?? fallback.FilterPolicies,
            DimensionMappings = MetricsGeneratorReader.ReadDimensionMappings(metrics, problems) ?? fallback.DimensionMappings,
            EnableTargetInfo = metrics.OptionalBool("enable_target_info") ?? fallback.EnableTargetInfo,
            TargetInfoExcludedDimensions = metrics.Strings("target_info_excluded_dimensions") ?? fallback.TargetInfoExcludedDimensions,
            EnableInstanceLabel = metrics.OptionalBool("enable_instance_label") ?? fallback.EnableInstanceLabel,
            SpanMultiplierKey = metrics.OptionalString("span_multiplier_key") ?? fallback.SpanMultiplierKey,
            EnableTracestateSpanMultiplier = metrics.OptionalBool("enable_tracestate_span_multiplier") ?? fallback.EnableTracestateSpanMultiplier,
        };
        intrinsic.Done();
        metrics.Done();
        return options;
    }
}
