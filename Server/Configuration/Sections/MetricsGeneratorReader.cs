using OrleansTempo.Core;
using OrleansTempo.Core.Configuration.Generator;
using OrleansTempo.Core.Configuration.RemoteWrite;
using OrleansTempo.Server.Configuration.Reading;

namespace OrleansTempo.Server.Configuration.Sections;

/// <summary><c>metrics_generator</c>.</summary>
internal sealed class MetricsGeneratorReader(Problems problems)
{

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
        var options = generator.Options(defaults) with
        {
            Processor = new ProcessorOptions
            {
                ServiceGraphs = ReadServiceGraphs(processor.Mapping("service_graphs"), defaults.Processor.ServiceGraphs),
                SpanMetrics = ReadSpanMetrics(processor.Mapping("span_metrics"), defaults.Processor.SpanMetrics),
                HostInfo = HostInfoReader.Read(processor.Mapping("host_info"), defaults.Processor.HostInfo),
            },
            Registry = ReadRegistry(generator.Mapping("registry"), defaults.Registry),
            Storage = ReadStorage(generator.Mapping("storage"), defaults.Storage),
        };
        processor.Done();
        generator.Done();
        return options;
    }

    private ServiceGraphsOptions ReadServiceGraphs(MappingReader graphs, ServiceGraphsOptions defaults)
    {
        graphs.Unused(TempoFileReader.NotUsed, "subprocessors");
        graphs.Unused("known to Tempo, not used here: a tenant's edges need no workers of their own", "workers");
        var options = graphs.Options(defaults) with { FilterPolicies = new FilterPolicyReader(problems).Read(graphs) ?? defaults.FilterPolicies };
        graphs.Done();
        return options;
    }

    private SpanMetricsOptions ReadSpanMetrics(MappingReader metrics, SpanMetricsOptions defaults)
    {
        // Tempo 2 shows it on its configuration page, from where it gets into files; processors decide.
        metrics.Unused(TempoFileReader.NotUsed, "subprocessors");
        var intrinsic = metrics.Mapping("intrinsic_dimensions");
        var options = metrics.Options(defaults) with
        {
            IntrinsicDimensions = intrinsic.Options(defaults.IntrinsicDimensions),
            DimensionMappings = ReadDimensionMappings(metrics, problems) ?? defaults.DimensionMappings,
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
            var mapping = item.Options(new DimensionMappingOptions());
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
        var options = registry.Options(defaults);
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

        var options = storage.Options(defaults) with { RemoteWrite = remoteWrite };
        storage.Done();
        if (options.Path?.Contains('\0') == true)
            storage.Error("path", "has a character with the code 0, which no path has");

        foreach (var name in remoteWrite.Where(r => r.Name.Length > 0).GroupBy(r => r.Name).Where(g => g.Count() > 1).Select(g => g.Key))
            storage.Error("remote_write", $"the name {Spelling.Quote(name)} stands twice; every endpoint needs a name of its own");
        return options;
    }
}
