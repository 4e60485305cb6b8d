using System.Runtime.CompilerServices;
using OrleansTempo.Core.Configuration;
using OrleansTempo.Core.Configuration.Generator;
using OrleansTempo.Core.Configuration.Overrides;

namespace OrleansTempo.Core.Overrides;

/// <summary>
/// Everything one tenant's generator is configured with: <c>metrics_generator</c> with the tenant's overrides laid over it.
/// A change of any of it is applied without touching the counters it does not concern.
/// </summary>
public sealed record GeneratorSettings
{
    public const string DefaultTraceIdLabelName = "traceID";

    private static readonly ConditionalWeakTable<TenantOverrides, Resolved> s_resolved = [];

    public bool SpanMetricsCount { get; init; }
    public bool SpanMetricsLatency { get; init; }
    public bool SpanMetricsSize { get; init; }
    public bool ServiceGraphsRequest { get; init; }
    public bool ServiceGraphsLatency { get; init; }
    public bool ServiceGraphsConnectionInfo { get; init; }
    public bool HostInfoEnabled { get; init; }

    public bool SpanMetricsEnabled => SpanMetricsCount || SpanMetricsLatency || SpanMetricsSize;
    public bool ServiceGraphsEnabled => ServiceGraphsRequest || ServiceGraphsLatency || ServiceGraphsConnectionInfo;

    /// <summary>Whether the tenant has a generator at all.</summary>
    public bool AnyProcessor => SpanMetricsEnabled || ServiceGraphsEnabled || HostInfoEnabled;

    public SpanMetricsOptions SpanMetrics { get; init; } = new();
    public ServiceGraphsOptions ServiceGraphs { get; init; } = new();
    public HostInfoOptions HostInfo { get; init; } = new();

    /// <summary>With the tenant's <c>collection_interval</c> already in it.</summary>
    public RegistryOptions Registry { get; init; } = new();

    public NativeHistogramOptions NativeHistograms { get; init; } = new();

    /// <summary>Spans whose end is further from now than this are left out.</summary>
    public TimeSpan IngestionTimeRangeSlack { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long a span that is sent again is counted once; 0 where each counts.</summary>
    public TimeSpan DedupeWindow { get; init; }

    /// <summary>How many spans are known for that, at most.</summary>
    public int DedupeMaxSpans { get; init; } = 1_000_000;

    /// <summary>0 for no limit.</summary>
    public int MaxActiveSeries { get; init; }

    /// <summary>Which of the two limits holds: <see cref="MaxActiveSeries"/> or <see cref="MaxActiveEntities"/>.</summary>
    public LimiterType LimiterType { get; init; }

    /// <summary>0 for no limit.</summary>
    public int MaxActiveEntities { get; init; }

    /// <summary>How many different values a label may have before all are replaced; 0 for no limit.</summary>
    public long MaxCardinalityPerLabel { get; init; }

    /// <summary>How many generators share the tenant's traces; 0 and 1 are one.</summary>
    public int RingSize { get; init; }

    public bool DisableCollection { get; init; }

    public SpanNameSanitization SpanNameSanitization { get; init; }

    /// <summary>The label of an exemplar that carries the trace ID.</summary>
    public string TraceIdLabelName { get; init; } = DefaultTraceIdLabelName;

    /// <summary>Headers of this tenant's remote write requests, over those of the endpoint.</summary>
    [Secret]
    public IReadOnlyDictionary<string, string> RemoteWriteHeaders { get; init; } = new Dictionary<string, string>();

    /// <summary>
    /// Lays a tenant's overrides over <c>metrics_generator</c>, with Tempo's rules: a bare <c>span-metrics</c> is all three of its
    /// parts, a bare <c>service-graphs</c> is requests and latency; unset, zero and empty mean what <c>metrics_generator</c> says.
    /// </summary>
    public static GeneratorSettings Resolve(MetricsGeneratorOptions options, TenantOverrides overrides)
    {
        // Tenants without overrides of their own have the same instance of them, and of what they come to.
        var resolved = s_resolved.GetValue(overrides, o => new Resolved(options, ResolveAnew(options, o)));
        return ReferenceEquals(resolved.Options, options) ? resolved.Settings : ResolveAnew(options, overrides);
    }

    private static GeneratorSettings ResolveAnew(MetricsGeneratorOptions options, TenantOverrides overrides)
    {
        var tenant = overrides.MetricsGenerator;
        var spanMetrics = tenant.Processors.Contains(ProcessorNames.SpanMetrics);
        var serviceGraphs = tenant.Processors.Contains(ProcessorNames.ServiceGraphs);

        return new GeneratorSettings
        {
            SpanMetricsCount = spanMetrics || tenant.Processors.Contains(ProcessorNames.SpanMetricsCount),
            SpanMetricsLatency = spanMetrics || tenant.Processors.Contains(ProcessorNames.SpanMetricsLatency),
            SpanMetricsSize = spanMetrics || tenant.Processors.Contains(ProcessorNames.SpanMetricsSize),
            ServiceGraphsRequest = serviceGraphs || tenant.Processors.Contains(ProcessorNames.ServiceGraphsRequest),
            ServiceGraphsLatency = serviceGraphs || tenant.Processors.Contains(ProcessorNames.ServiceGraphsLatency),
            ServiceGraphsConnectionInfo = tenant.Processors.Contains(ProcessorNames.ServiceGraphsConnectionInfo),
            HostInfoEnabled = tenant.Processors.Contains(ProcessorNames.HostInfo),
            SpanMetrics = OptionsLayer.Over(options.Processor.SpanMetrics, tenant.Processor.SpanMetrics),
            ServiceGraphs = OptionsLayer.Over(options.Processor.ServiceGraphs, tenant.Processor.ServiceGraphs),
            HostInfo = OptionsLayer.Over(options.Processor.HostInfo, tenant.Processor.HostInfo),
            Registry = options.Registry with { CollectionInterval = SetOr(tenant.CollectionInterval, options.Registry.CollectionInterval) },
            NativeHistograms = new NativeHistogramOptions
            {
                Mode = tenant.GenerateNativeHistograms,
                BucketFactor = tenant.NativeHistogramBucketFactor,
                MaxBucketNumber = tenant.NativeHistogramMaxBucketNumber,
                MinResetDuration = tenant.NativeHistogramMinResetDuration,
            },
            IngestionTimeRangeSlack = SetOr(tenant.IngestionTimeRangeSlack, options.MetricsIngestionTimeRangeSlack),
            DedupeWindow = SetOr(tenant.DedupeWindow, options.DedupeWindow),
            DedupeMaxSpans = options.DedupeMaxSpans,
            MaxActiveSeries = tenant.MaxActiveSeries,
            LimiterType = options.LimiterType,
            MaxActiveEntities = tenant.MaxActiveEntities,
            MaxCardinalityPerLabel = tenant.MaxCardinalityPerLabel,
            RingSize = tenant.RingSize,
            DisableCollection = tenant.DisableCollection,
            SpanNameSanitization = tenant.SpanNameSanitization,
            TraceIdLabelName = SetOr(tenant.TraceIdLabelName, DefaultTraceIdLabelName),
            RemoteWriteHeaders = tenant.RemoteWriteHeaders,
        };
    }

    /// <summary>The same with no processor on: whatever there is ends.</summary>
    public GeneratorSettings WithoutProcessors() => this with
    {
        SpanMetricsCount = false,
        SpanMetricsLatency = false,
        SpanMetricsSize = false,
        ServiceGraphsRequest = false,
        ServiceGraphsLatency = false,
        ServiceGraphsConnectionInfo = false,
        HostInfoEnabled = false,
    };

    private static TimeSpan SetOr(TimeSpan? value, TimeSpan otherwise) => value is { Ticks: not 0 } set ? set : otherwise;

    private static string SetOr(string? value, string otherwise) => string.IsNullOrEmpty(value) ? otherwise : value;

    /// <summary>Equal by content, lists and dictionaries included.</summary>
    public bool Equals(GeneratorSettings? other) => OptionsEquality.Same(this, other);

    public override int GetHashCode() => OptionsEquality.Hash(this);

    private sealed record Resolved(MetricsGeneratorOptions Options, GeneratorSettings Settings);
}
