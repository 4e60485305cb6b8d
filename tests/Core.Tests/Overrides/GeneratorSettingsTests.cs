using OrleansTempo.Core.Configuration.Generator;
using OrleansTempo.Core.Configuration.Overrides;
using OrleansTempo.Core.Generator.Registry;
using OrleansTempo.Core.Overrides;

namespace OrleansTempo.Core.Tests.Overrides;

public sealed class GeneratorSettingsTests
{
    [Theory]
    [InlineData("", "")]
    [InlineData("span-metrics", "count latency size")]
    [InlineData("span-metrics-count", "count")]
    [InlineData("span-metrics-latency span-metrics-size", "latency size")]
    [InlineData("span-metrics span-metrics-count", "count latency size")]
    [InlineData("service-graphs", "g-request g-latency")]
    [InlineData("service-graphs-request", "g-request")]
    [InlineData("service-graphs-latency", "g-latency")]
    [InlineData("service-graphs-connection-info", "g-info")]
    [InlineData("service-graphs service-graphs-connection-info", "g-request g-latency g-info")]
    [InlineData("span-metrics service-graphs", "count latency size g-request g-latency")]
    public void Processors_turn_on_their_parts(string processors, string expected)
    {
        var settings = Resolve(new MetricsGeneratorOverrides { Processors = processors.Split(' ', StringSplitOptions.RemoveEmptyEntries) });

        string[] parts =
        [
            .. settings.SpanMetricsCount ? ["count"] : Array.Empty<string>(),
            .. settings.SpanMetricsLatency ? ["latency"] : Array.Empty<string>(),
            .. settings.SpanMetricsSize ? ["size"] : Array.Empty<string>(),
            .. settings.ServiceGraphsRequest ? ["g-request"] : Array.Empty<string>(),
            .. settings.ServiceGraphsLatency ? ["g-latency"] : Array.Empty<string>(),
            .. settings.ServiceGraphsConnectionInfo ? ["g-info"] : Array.Empty<string>(),
        ];
        Assert.Equal(expected, string.Join(' ', parts));
    }

    [Fact]
    public void What_a_tenant_does_not_say_is_what_the_generator_says()
    {
        var options = new MetricsGeneratorOptions
        {
            Registry = new RegistryOptions { CollectionInterval = TimeSpan.FromSeconds(5), InjectTenantIdAs = "tenant" },
            MetricsIngestionTimeRangeSlack = TimeSpan.FromMinutes(2),
            DedupeWindow = TimeSpan.FromMinutes(3),
            DedupeMaxSpans = 5000,
            Processor = new ProcessorOptions
            {
                SpanMetrics = new SpanMetricsOptions { Dimensions = ["a"], EnableTargetInfo = true, SpanMultiplierKey = "ratio" },
                ServiceGraphs = new ServiceGraphsOptions { Dimensions = ["b"], MaxItems = 7 },
            },
        };

        // Zero and empty are as good as unset, as in Tempo.
        var unset = new MetricsGeneratorOverrides { CollectionInterval = TimeSpan.Zero, IngestionTimeRangeSlack = TimeSpan.Zero, TraceIdLabelName = "" };
        var settings = GeneratorSettings.Resolve(options, new TenantOverrides { MetricsGenerator = unset });

        Assert.Equal(options.Registry, settings.Registry);
        Assert.Equal(TimeSpan.FromMinutes(2), settings.IngestionTimeRangeSlack);
        Assert.Equal((TimeSpan.FromMinutes(3), 5000), (settings.DedupeWindow, settings.DedupeMaxSpans));
        Assert.Equal(options.Processor.SpanMetrics, settings.SpanMetrics);
        Assert.Equal(options.Processor.ServiceGraphs, settings.ServiceGraphs);
        Assert.Equal("traceID", settings.TraceIdLabelName);
    }

    [Fact]
    public void What_a_tenant_says_is_laid_over()
    {
        var settings = Resolve(new MetricsGeneratorOverrides
        {
            MaxActiveSeries = 10,
            MaxActiveEntities = 11,
            MaxCardinalityPerLabel = 12,
            RingSize = 3,
            CollectionInterval = TimeSpan.FromMinutes(1),
            DisableCollection = true,
            TraceIdLabelName = "trace_id",
            IngestionTimeRangeSlack = TimeSpan.FromHours(1),
            GenerateNativeHistograms = HistogramMode.Both,
            NativeHistogramBucketFactor = 2,
            NativeHistogramMaxBucketNumber = 20,
            NativeHistogramMinResetDuration = TimeSpan.FromHours(2),
            DedupeWindow = TimeSpan.FromMinutes(4),
            RemoteWriteHeaders = new Dictionary<string, string> { ["Authorization"] = "Bearer x" },
            Processor = new ProcessorOverrides
            {
                SpanMetrics = new SpanMetricsOverrides
                {
                    HistogramBuckets = [1],
                    Dimensions = [],
                    IntrinsicDimensions = new IntrinsicDimensionsOverrides { SpanName = false, StatusMessage = true },
                    EnableInstanceLabel = false,
                },
                ServiceGraphs = new ServiceGraphsOverrides { PeerAttributes = ["x"], EnableVirtualNodeLabel = true, SpanMultiplierKey = "k" },
            },
        });

        Assert.Equal((10, 11, 12L), (settings.MaxActiveSeries, settings.MaxActiveEntities, settings.MaxCardinalityPerLabel));
        Assert.Equal(3, settings.RingSize);
        Assert.Equal(TimeSpan.FromMinutes(1), settings.Registry.CollectionInterval);
        Assert.True(settings.DisableCollection);
        Assert.Equal("trace_id", settings.TraceIdLabelName);
        Assert.Equal(TimeSpan.FromHours(1), settings.IngestionTimeRangeSlack);
        Assert.Equal(
            new NativeHistogramOptions { Mode = HistogramMode.Both, BucketFactor = 2, MaxBucketNumber = 20, MinResetDuration = TimeSpan.FromHours(2) },
            settings.NativeHistograms);
        Assert.Equal(TimeSpan.FromMinutes(4), settings.DedupeWindow);
        Assert.Equal("Bearer x", settings.RemoteWriteHeaders["Authorization"]);
        Assert.Equal([1], settings.SpanMetrics.HistogramBuckets);
        Assert.Empty(settings.SpanMetrics.Dimensions);
        Assert.Equal(new IntrinsicDimensionsOptions { SpanName = false, StatusMessage = true }, settings.SpanMetrics.IntrinsicDimensions);
        Assert.False(settings.SpanMetrics.EnableInstanceLabel);
        Assert.Equal(["x"], settings.ServiceGraphs.PeerAttributes);
        Assert.True(settings.ServiceGraphs.EnableVirtualNodeLabel);
        Assert.Equal("k", settings.ServiceGraphs.SpanMultiplierKey);
    }

    [Fact]
    public void Settings_made_twice_from_the_same_configuration_are_equal()
    {
        Assert.Equal(Full(), Full());
        Assert.Equal(Full().GetHashCode(), Full().GetHashCode());
    }

    [Fact]
    public void Settings_that_differ_anywhere_are_not_equal()
    {
        var full = Full();

        Assert.NotEqual(full, full with { MaxActiveSeries = 1 });
        Assert.NotEqual(full, full with { LimiterType = LimiterType.Entity });
        Assert.NotEqual(full, full with { Registry = full.Registry with { ExternalLabels = new Dictionary<string, string> { ["a"] = "2" } } });
        Assert.NotEqual(full, full with { NativeHistograms = full.NativeHistograms with { BucketFactor = 2 } });
        Assert.NotEqual(full, full with { SpanMetrics = full.SpanMetrics with { Dimensions = ["y", "x"] } });
        Assert.NotEqual(full, full with { SpanMetrics = full.SpanMetrics with { FilterPolicies = [Policy(1L)] } });
        Assert.NotEqual(full, full with { SpanMetrics = full.SpanMetrics with { FilterPolicies = [Policy(1.0)] } });
        Assert.Equal(full, full with { SpanMetrics = full.SpanMetrics with { FilterPolicies = [Policy("1")] } });
    }

    private static GeneratorSettings Full() => new()
    {
        Registry = new RegistryOptions { ExternalLabels = new Dictionary<string, string> { ["a"] = "1", ["b"] = "2" } },
        SpanMetrics = new SpanMetricsOptions
        {
            Dimensions = new List<string> { "x", "y" },
            DimensionMappings = [new DimensionMappingOptions { Name = "n", SourceLabels = ["s"] }],
            FilterPolicies = [Policy("1")],
        },
        RemoteWriteHeaders = new Dictionary<string, string> { ["h"] = "v" },
    };

    private static FilterPolicyOptions Policy(object value) => new()
    {
        Include = new PolicyMatchOptions { Attributes = [new PolicyAttributeOptions { Key = "span.a", Value = value }] },
    };

    private static GeneratorSettings Resolve(MetricsGeneratorOverrides overrides) =>
        GeneratorSettings.Resolve(new MetricsGeneratorOptions(), new TenantOverrides { MetricsGenerator = overrides });
}
