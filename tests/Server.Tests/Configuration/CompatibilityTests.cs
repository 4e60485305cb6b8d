using OrleansTempo.Core;
using OrleansTempo.Core.Configuration.Generator;
using OrleansTempo.Core.Configuration.Overrides;
using OrleansTempo.Core.Configuration.RemoteWrite;
using OrleansTempo.Core.Generator.Registry;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Server.Configuration;
using OrleansTempo.Server.Configuration.Tenants;
using static OrleansTempo.Server.Tests.Configuration.ConfigurationText;

namespace OrleansTempo.Server.Tests.Configuration;

/// <summary>Files with every key of <c>metrics_generator</c> and <c>overrides</c> that a version of Tempo has.</summary>
public sealed class CompatibilityTests
{
    [Theory]
    [InlineData("2.7")]
    [InlineData("3.0")]
    public void Every_key_of_the_generator_and_of_overrides_loads_unchanged(string version)
    {
        var result = TempoConfiguration.Load(PathOf($"generator-{version}.yaml"), NoEnvironment);

        Assert.Empty(result.Errors.Select(e => e.ToString()));
        Assert.All(result.Warnings, w => Assert.Matches("not used here|without effect", w.Message));
        Assert.NotEmpty(result.Warnings);

        var (generator, overrides) = (result.Value!.MetricsGenerator, result.Value.Overrides);
        Assert.Equal(TimeSpan.FromSeconds(45), generator.MetricsIngestionTimeRangeSlack);
        Assert.Equal(20_000, generator.Processor.ServiceGraphs.MaxItems);
        Assert.Equal("environment", Assert.Single(generator.Processor.SpanMetrics.DimensionMappings).Name);
        Assert.Equal("unknown_service:.*", generator.Processor.SpanMetrics.FilterPolicies[0].Exclude!.Attributes[0].Value);
        Assert.Equal(TimeSpan.FromMinutes(10), generator.Registry.StaleDuration);
        Assert.Equal("tenant", generator.Registry.InjectTenantIdAs);
        Assert.False(generator.Storage.RemoteWriteAddOrgIdHeader);
        Assert.Equal("https://mimir.example.com/api/v1/push", generator.Storage.RemoteWrite[0].Url);
        Assert.Equal(new UserConfigurableOverridesOptions
        {
            Enabled = true,
            PollInterval = TimeSpan.FromMinutes(2),
            Client = new UserConfigurableOverridesClientOptions { Backend = "local", LocalPath = "/var/tempo/overrides" },
            Api = new UserConfigurableOverridesApiOptions { CheckForConflictingRuntimeOverrides = true },
        },
        overrides.UserConfigurableOverrides);
        Assert.Equal(TimeSpan.FromSeconds(30), overrides.PerTenantOverridePeriod);
        AssertTenant(overrides.Defaults, version);
        if (version == "2.7")
            return;
        Assert.Equal(LimiterType.Entity, generator.LimiterType);
        Assert.Equal(RemoteWriteOptions.MessageV2, generator.Storage.RemoteWrite[0].ProtobufMessage);
        Assert.NotNull(generator.Storage.RemoteWrite[1].Azuread);
    }

    [Theory]
    [InlineData("2.7")]
    [InlineData("3.0")]
    public void Every_key_of_a_tenants_entry_loads_unchanged(string version)
    {
        using var metrics = new TempoMetrics();
        var result = FileOverrides.Open(
            new OverridesOptions { PerTenantOverrideConfig = PathOf($"overrides-{version}.yaml") }, new MetricsGeneratorOptions(), NoEnvironment, metrics, new ManualTime(), new RecordingLogger<FileOverrides>());

        Assert.Empty(result.Errors.Select(e => e.ToString()));
        Assert.All(result.Warnings, w => Assert.Matches("not used here|without effect", w.Message));
        using var overrides = result.Value!;
        Assert.True(TenantId.TryParse("team-a", out var tenant, out _));
        AssertTenant(overrides.For(tenant), version);
        Assert.Equal(1_000_000, overrides.For(TenantId.Single).Ingestion.RateLimitBytes);
    }

    private static void AssertTenant(TenantOverrides tenant, string version)
    {
        var generator = tenant.MetricsGenerator;
        Assert.Equal(15_000_000, tenant.Ingestion.RateLimitBytes);
        Assert.Equal(TimeSpan.FromDays(14), tenant.Compaction.BlockRetention);
        Assert.Equal(version == "2.7" ? [ProcessorNames.ServiceGraphs, ProcessorNames.SpanMetrics] : [ProcessorNames.ServiceGraphs, ProcessorNames.SpanMetrics, ProcessorNames.HostInfo], generator.Processors);
        Assert.Equal(HistogramMode.Both, generator.GenerateNativeHistograms);
        Assert.Equal(3, generator.RingSize);
        Assert.Equal(30_000, generator.MaxActiveSeries);
        Assert.Equal("trace_id", generator.TraceIdLabelName);
        Assert.Equal("metrics", generator.RemoteWriteHeaders["X-Scope-OrgID"]);
        Assert.Equal(TimeSpan.FromMinutes(1), generator.IngestionTimeRangeSlack);
        Assert.True(generator.Processor.ServiceGraphs.EnableMessagingSystemLatencyHistogram);
        Assert.Equal([0.1, 1, 10], generator.Processor.SpanMetrics.HistogramBuckets);
        Assert.False(generator.Processor.SpanMetrics.IntrinsicDimensions.SpanKind);
        Assert.Equal("/healthz", generator.Processor.SpanMetrics.FilterPolicies![0].Exclude!.Attributes[0].Value);
        Assert.Equal(["process.pid"], generator.Processor.SpanMetrics.TargetInfoExcludedDimensions);
        if (version == "2.7")
            return;
        Assert.Equal((1000, 1000), (generator.MaxActiveEntities, generator.MaxCardinalityPerLabel));
        Assert.Equal(SpanNameSanitization.DryRun, generator.SpanNameSanitization);
        Assert.Equal((1.2, 160, TimeSpan.FromMinutes(10)), (generator.NativeHistogramBucketFactor, generator.NativeHistogramMaxBucketNumber, generator.NativeHistogramMinResetDuration));
        Assert.Equal(["host.id"], generator.Processor.HostInfo.HostIdentifiers);
    }

    private static string PathOf(string file) => Path.Combine(AppContext.BaseDirectory, "Configuration/files", file);
}
