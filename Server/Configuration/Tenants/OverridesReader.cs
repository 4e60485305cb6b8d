using System.Globalization;
using OrleansTempo.Core;
using OrleansTempo.Core.Configuration.Generator;
using OrleansTempo.Core.Configuration.Overrides;
using OrleansTempo.Core.Configuration.Storage;
using OrleansTempo.Core.Overrides;
using OrleansTempo.Server.Configuration.Reading;
using OrleansTempo.Server.Configuration.Sections;
using OrleansTempo.Server.Configuration.Yaml;

namespace OrleansTempo.Server.Configuration.Tenants;

/// <summary><c>overrides</c> of <c>tempo.yaml</c>, and the file of tenants' own overrides, whose entries have the same keys.</summary>
internal sealed class OverridesReader(Problems problems, MetricsGeneratorOptions generator)
{
    /// <summary>The key of the entry for tenants that have none of their own.</summary>
    public const string Wildcard = "*";



    // What tenants set themselves is held to Tempo's bounds, what the operator sets to those of the registry's own interval.
    private static readonly (TimeSpan Min, TimeSpan Max) TenantsCollectionInterval = (TimeSpan.FromSeconds(15), TimeSpan.FromMinutes(5));

    private static readonly (TimeSpan Min, TimeSpan Max) OperatorsCollectionInterval = (TimeSpan.FromMilliseconds(100), MappingReader.LongestWait);

    private bool _isTenants;

    public OverridesOptions Read(MappingReader overrides, TraceStorageOptions traces)
    {
        var defaults = new OverridesOptions();
        overrides = overrides.Rewritten(LegacyOverrides.ToDefaults);
        overrides.Unused("without effect: the flat form of overrides is always read", "enable_legacy_overrides");

        var options = overrides.Options(defaults) with
        {
            Defaults = ReadTenant(overrides.Mapping("defaults").Rewritten(block => LegacyOverrides.ToScoped(block, WarnAt("overrides"))), new TenantOverrides()),
            UserConfigurableOverrides = UserConfigurableOverridesReader.Read(overrides.Mapping("user_configurable_overrides"), defaults.UserConfigurableOverrides, traces),
        };
        overrides.Done(key => LegacyOverrides.Explain(key, "overrides.defaults."));
        return options;
    }

    /// <summary>The root of a <c>per_tenant_override_config</c> file; every entry is laid over <paramref name="defaults"/>.</summary>
    /// <param name="root">The root.</param>
    /// <param name="tenants">Takes the entries.</param>
    /// <param name="former">An earlier reading with the same defaults, whose entries hold where their text is the same.</param>
    /// <param name="defaults">What an entry does not say.</param>
    public TenantEntries ReadTenants(MappingReader root, TenantEntries tenants, TenantEntries? former, TenantOverrides defaults)
    {
        var hasWarned = false;
        foreach (var (name, node) in root.Nodes("overrides") ?? [])
        {
            var source = (node as MappingNode)?.Source;
            if (former?.Find(name, tenants, source) is { } same)
            {
                tenants.Add(name, same, source);
                continue;
            }

            var before = problems.Count;
            if (name != Wildcard && !TenantId.TryParse(name, out _, out var error))
                problems.Error(node.Position, $"overrides.{name}: {error}");

            // An entry without anything in it is not an entry, so the wildcard holds.
            if (node.IsNull)
                continue;

            // What is said of an entry is said again with the next reading, with the lines of then. A file in the flat form says so once.
            var warn = hasWarned ? null : WarnAt($"overrides.{name}");
            var overrides = ReadTenant(MappingReader.Item(problems, $"overrides.{name}", node).Rewritten(entry => LegacyOverrides.ToScoped(entry, warn)), defaults);
            hasWarned |= node is MappingNode block && LegacyOverrides.IsFlat(block);
            tenants.Add(name, overrides, problems.Count == before ? source : null);
        }

        root.Done();
        if (!root.Has("overrides") && !problems.Any)
        {
            // Whoever writes a file anew empties it first, and tenants without their limits for a moment would be too much.
            const string Empty = "the file is empty; write 'overrides: {}' into it where no tenant shall have an entry";
            if (former is null)
                problems.Warn(root.Position, Empty);
            else
                problems.Error(root.Position, Empty);
        }

        return tenants;
    }

    /// <summary>What a tenant has set for itself, laid over what the operator has; only the fields that it may set can be in it.</summary>
    public TenantOverrides ReadLimits(MappingReader root, TenantOverrides operators)
    {
        _isTenants = true;
        return ReadTenant(root, operators);
    }

    private Action<ScalarNode, string> WarnAt(string path) => (key, message) => problems.Warn(key.Position, $"{path}: {message}");

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

        var options = ingestion.Options(fallback);
        ingestion.Done();
        if (options is { RateLimitBytes: > 0, BurstSizeBytes: 0 })
            ingestion.Error("burst_size_bytes", $"0 would refuse every request while rate_limit_bytes is {options.RateLimitBytes}; it must be at least the size of a request");
        return options;
    }

    private static GlobalOverrides ReadGlobal(MappingReader global, GlobalOverrides fallback)
    {
        var options = global.Options(fallback);
        global.Done();
        return options;
    }

    private static CompactionOverrides ReadCompaction(MappingReader compaction, CompactionOverrides fallback)
    {
        compaction.Unused(TempoFileReader.NotUsed, "compaction_window");
        var options = compaction.Options(fallback);
        compaction.Done();
        return options;
    }

    private MetricsGeneratorOverrides ReadGenerator(MappingReader block, MetricsGeneratorOverrides fallback)
    {
        block.Unused(TempoFileReader.NotUsed, "forwarder");

        var processor = block.Mapping("processor");
        processor.Unused("known to Tempo, not used here: there is no such processor", "local_blocks");
        var options = block.Options(fallback) with
        {
            Processors = ReadProcessors(block) ?? fallback.Processors,
            CollectionInterval = ReadCollectionInterval(block) ?? fallback.CollectionInterval,
            NativeHistogramBucketFactor = ReadBucketFactor(block) ?? fallback.NativeHistogramBucketFactor,
            Processor = new ProcessorOverrides
            {
                ServiceGraphs = ReadServiceGraphs(processor.Mapping("service_graphs"), fallback.Processor.ServiceGraphs),
                SpanMetrics = ReadSpanMetrics(processor.Mapping("span_metrics"), fallback.Processor.SpanMetrics),
                HostInfo = HostInfoReader.Read(processor.Mapping("host_info"), fallback.Processor.HostInfo),
            },
        };
        processor.Done();
        block.Done();

        var bySeries = generator.LimiterType == LimiterType.Series;
        var defaults = new MetricsGeneratorOverrides();
        if (bySeries && options.MaxActiveEntities > 0 && options.MaxActiveEntities != defaults.MaxActiveEntities)
            block.Ineffective("max_active_entities", "without effect: metrics_generator.limiter_type is series");
        else if (!bySeries && options.MaxActiveSeries > 0 && options.MaxActiveSeries != defaults.MaxActiveSeries)
            block.Ineffective("max_active_series", "without effect: metrics_generator.limiter_type is entity");
        if (options.TraceIdLabelName is { Length: > 0 } label && !LabelName.IsValid(label))
            block.Error("trace_id_label_name", $"{Spelling.Quote(label)} is not a label name; allowed is [a-zA-Z_][a-zA-Z0-9_]*");
        RemoteWriteReader.CheckHeaders(block, "remote_write_headers", options.RemoteWriteHeaders);
        return options;
    }

    // As Tempo has it, 0 is no factor and leaves it to what is laid over.
    private static double? ReadBucketFactor(MappingReader block) => block.OptionalValue<double>(
        "native_histogram_bucket_factor", "a number greater than 1, or 0 for the default",
        value => double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out var factor) && double.IsFinite(factor) && factor is 0 or > 1 ? factor : null) is > 0 and var found ? found : null;

    // As Tempo has it, 0 of an operator leaves it to the registry's own interval: files that were printed by Tempo are full of it.
    private TimeSpan? ReadCollectionInterval(MappingReader block)
    {
        var interval = block.OptionalDuration("collection_interval");
        var (min, max) = _isTenants ? TenantsCollectionInterval : OperatorsCollectionInterval;
        if (interval is { } value && (value < min || value > max) && (_isTenants || value > TimeSpan.Zero))
            block.Error("collection_interval", $"'{GoDuration.Format(value)}' is not allowed; it must be from {GoDuration.Format(min)} to {GoDuration.Format(max)}");
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
            else if (!ProcessorNames.All.Contains(name))
                problems.Error(node.Position, $"{path}: {Spelling.Quote(name)} is not a processor{Spelling.Suggest(name, [.. ProcessorNames.All])}");
            else if (!processors.Contains(name))
                processors.Add(name);
        }

        return processors;
    }

    private ServiceGraphsOverrides ReadServiceGraphs(MappingReader graphs, ServiceGraphsOverrides fallback)
    {
        var options = graphs.Options(fallback) with { FilterPolicies = new FilterPolicyReader(problems).Read(graphs) ?? fallback.FilterPolicies };
        graphs.Done();
        return options;
    }

    private SpanMetricsOverrides ReadSpanMetrics(MappingReader metrics, SpanMetricsOverrides fallback)
    {
        var intrinsic = metrics.Mapping("intrinsic_dimensions");
        var options = metrics.Options(fallback) with
        {
            IntrinsicDimensions = intrinsic.Options(fallback.IntrinsicDimensions),
            FilterPolicies = new FilterPolicyReader(problems).Read(metrics) ?? fallback.FilterPolicies,
            DimensionMappings = MetricsGeneratorReader.ReadDimensionMappings(metrics, problems) ?? fallback.DimensionMappings,
        };
        intrinsic.Done();
        metrics.Done();
        return options;
    }
}
