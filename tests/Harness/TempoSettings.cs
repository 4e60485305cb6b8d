using System.Text;
using OrleansTempo.Core.Blocks.Compaction;
using OrleansTempo.Core.Configuration.Generator;
using OrleansTempo.Harness.Machines;

namespace OrleansTempo.Harness;

/// <summary>What the tests vary in the configuration of a silo; written as a <c>tempo.yaml</c>.</summary>
internal sealed record TempoSettings
{
    /// <summary>The external label <c>test</c> of every series, so that tests can share a Prometheus.</summary>
    public required string Test { get; init; }

    public IReadOnlyList<Uri> RemoteWriteUrls { get; init; } = [];

    /// <summary>What stands in each entry of <c>remote_write</c> besides its URL, as a YAML flow mapping has it between its braces.</summary>
    public string RemoteWrite { get; init; } = "";

    /// <summary>The machine that it runs on; null for this one, where it listens on loopback.</summary>
    public OtherMachine? Machine { get; init; }

    /// <summary>The program, <c>OrleansTempo.Silo.dll</c>; null for the one that was built with the tests.</summary>
    public string? Program { get; init; }

    /// <summary>What the silo finds in its environment besides what these tests have in theirs and the ports of Orleans: <c>Orleans:Clustering</c> among it makes it a member of a cluster.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();

    /// <summary>A Go duration.</summary>
    public string FlushDeadline { get; init; } = "20s";

    /// <summary>A Go duration, as are the others.</summary>
    public string CollectionInterval { get; init; } = "1s";

    public string StaleDuration { get; init; } = "15m";

    public string Wait { get; init; } = "2s";

    /// <summary><c>metrics_generator.snapshot</c>.</summary>
    public string Snapshot { get; init; } = "on_stop";

    /// <summary><c>metrics_generator.dedupe_window</c>.</summary>
    public string DedupeWindow { get; init; } = "0s";

    /// <summary><c>server.graceful_shutdown_timeout</c>.</summary>
    public string GracefulShutdownTimeout { get; init; } = "30s";

    /// <summary><c>server.http_listen_address</c>; empty for saying nothing of it, null for <see cref="Host"/>.</summary>
    public string? HttpListenAddress { get; init; }

    public bool Demo { get; init; }

    /// <summary>Whether tenants are named by <c>X-Scope-OrgID</c>.</summary>
    public bool Multitenancy { get; init; }

    /// <summary>What stands in <c>ingester</c>, as a YAML flow mapping has it between its braces; so are the others.</summary>
    public string Ingester { get; init; } = "";

    /// <summary><c>storage.trace</c>.</summary>
    public string Trace { get; init; } = "";

    public string Compactor { get; init; } = "";

    /// <summary><c>overrides.defaults.ingestion</c>; without it no rate and no number of live traces is too high.</summary>
    public string Ingestion { get; init; } = "rate_limit_bytes: 0, max_traces_per_user: 0";

    /// <summary><c>overrides.defaults.global</c>.</summary>
    public string Global { get; init; } = "";

    /// <summary>What stands in <c>overrides.defaults.metrics_generator</c> besides its processors.</summary>
    public string GeneratorOverrides { get; init; } = "";

    public string LimiterType { get; init; } = "series";

    /// <summary><c>overrides.user_configurable_overrides</c>.</summary>
    public string UserConfigurableOverrides { get; init; } = "";

    /// <summary>What stands in <c>metrics_generator.processor.span_metrics</c>.</summary>
    public string SpanMetrics { get; init; } = "";

    /// <summary>The blocks <c>overrides</c> and <c>metrics_generator</c>, which ends with its registry, as they stand in a file: in place of all that is said of them here but the external label and where to write.</summary>
    public string? GeneratorBlocks { get; init; }

    /// <summary>Where it is reached.</summary>
    public string Host => Machine?.Address.ToString() ?? "127.0.0.1";

    public string ToYaml(int apiPort, int grpcPort, int httpPort)
    {
        var yaml = new StringBuilder($$"""
            multitenancy_enabled: {{(Multitenancy ? "true" : "false")}}
            server:
              http_listen_address: {{HttpListenAddress ?? Host}}
              http_listen_port: {{apiPort}}
              graceful_shutdown_timeout: {{GracefulShutdownTimeout}}
            distributor:
              receivers:
                otlp:
                  protocols:
                    grpc:
                      endpoint: {{Host}}:{{grpcPort}}
                    http:
                      endpoint: {{Host}}:{{httpPort}}
            ingester: { {{Ingester}} }
            storage:
              trace: { {{Trace}} }
            compactor: { {{Compactor}} }
            {{GeneratorBlocks ?? OwnGeneratorBlocks}}
                external_labels:
                  test: {{Test}}

            """);
        if (RemoteWriteUrls.Count > 0)
        {
            yaml.Append($"""
              storage:
                remote_write_flush_deadline: {FlushDeadline}
                remote_write:

            """);
            foreach (var url in RemoteWriteUrls)
                yaml.Append($"      - {{ url: '{url}', {RemoteWrite} }}\n");
        }

        return yaml.ToString();
    }

    private string OwnGeneratorBlocks => $$"""
            overrides:
              user_configurable_overrides: { {{UserConfigurableOverrides}} }
              defaults:
                ingestion: { {{Ingestion}} }
                global: { {{Global}} }
                metrics_generator: { processors: [service-graphs, span-metrics], {{GeneratorOverrides}} }
            metrics_generator:
              limiter_type: {{LimiterType}}
              snapshot: {{Snapshot}}
              dedupe_window: {{DedupeWindow}}
              processor:
                span_metrics: { {{SpanMetrics}} }
                service_graphs:
                  wait: {{Wait}}
              registry:
                collection_interval: {{CollectionInterval}}
                stale_duration: {{StaleDuration}}
            """;
}
