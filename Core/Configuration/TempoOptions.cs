using OrleansTempo.Core.Configuration.Compactor;
using OrleansTempo.Core.Configuration.Distributor;
using OrleansTempo.Core.Configuration.Generator;
using OrleansTempo.Core.Configuration.Ingester;
using OrleansTempo.Core.Configuration.Overrides;
using OrleansTempo.Core.Configuration.Server;
using OrleansTempo.Core.Configuration.Storage;

namespace OrleansTempo.Core.Configuration;

/// <summary>The whole of <c>tempo.yaml</c>, key by key. A new one is what a configuration file that says nothing means.</summary>
public sealed record TempoOptions
{
    /// <summary>Whether requests name their tenant in <c>X-Scope-OrgID</c>; otherwise everything is one tenant.</summary>
    public bool MultitenancyEnabled { get; init; }

    /// <summary>Goes in front of the HTTP API's paths: empty, or with a slash in front and none at the end.</summary>
    public string HttpApiPrefix { get; init; } = "";

    public ServerOptions Server { get; init; } = new();
    public DistributorOptions Distributor { get; init; } = new();
    public IngesterOptions Ingester { get; init; } = new();
    public MetricsGeneratorOptions MetricsGenerator { get; init; } = new();
    public QueryFrontendOptions QueryFrontend { get; init; } = new();
    public StorageOptions Storage { get; init; } = new();
    public CompactorOptions Compactor { get; init; } = new();
    public OverridesOptions Overrides { get; init; } = new();

    /// <summary>
    /// What holds without a configuration file: everything on loopback, both processors on, and no limit of rate or live traces, as
    /// there is nobody yet to share with.
    /// </summary>
    public static TempoOptions WithoutFile { get; } = new()
    {
        Server = new ServerOptions { HttpListenAddress = "127.0.0.1" },
        Overrides = new OverridesOptions
        {
            Defaults = new TenantOverrides
            {
                Ingestion = new IngestionOverrides { RateLimitBytes = 0, BurstSizeBytes = 0, MaxTracesPerUser = 0 },
                MetricsGenerator = new MetricsGeneratorOverrides { Processors = [ProcessorNames.ServiceGraphs, ProcessorNames.SpanMetrics] },
            },
        },
    };
}

/// <summary><c>query_frontend</c>: what holds for queries.</summary>
public sealed record QueryFrontendOptions
{
    /// <summary>Whether a query may name several tenants in <c>X-Scope-OrgID</c>, as in <c>a|b</c>, and is answered from all of them.</summary>
    public bool MultiTenantQueriesEnabled { get; init; } = true;
}
