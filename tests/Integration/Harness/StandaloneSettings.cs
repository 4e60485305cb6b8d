using System.Text;

namespace OrleansTempo.Integration.Harness;

/// <summary>What the tests vary in the configuration of a Standalone; written as a <c>tempo.yaml</c>.</summary>
internal sealed record StandaloneSettings
{
    /// <summary>The external label <c>test</c> of every series, so that tests can share a Prometheus.</summary>
    public required string Test { get; init; }

    public IReadOnlyList<Uri> RemoteWriteUrls { get; init; } = [];

    /// <summary>A Go duration, as are the others.</summary>
    public string CollectionInterval { get; init; } = "1s";

    public string StaleDuration { get; init; } = "15m";

    public string Wait { get; init; } = "2s";

    public bool Demo { get; init; }

    public string ToYaml(int apiPort, int grpcPort, int httpPort)
    {
        var yaml = new StringBuilder($"""
            server:
              http_listen_address: 127.0.0.1
              http_listen_port: {apiPort}
            distributor:
              receivers:
                otlp:
                  protocols:
                    grpc:
                      endpoint: 127.0.0.1:{grpcPort}
                    http:
                      endpoint: 127.0.0.1:{httpPort}
            overrides:
              defaults:
                metrics_generator:
                  processors: [service-graphs, span-metrics]
            metrics_generator:
              processor:
                service_graphs:
                  wait: {Wait}
              registry:
                collection_interval: {CollectionInterval}
                stale_duration: {StaleDuration}
                external_labels:
                  test: {Test}

            """);
        if (RemoteWriteUrls.Count > 0)
        {
            yaml.Append("""
              storage:
                remote_write_flush_deadline: 20s
                remote_write:

            """);
            foreach (var url in RemoteWriteUrls)
                yaml.Append($"      - url: {url}\n");
        }

        return yaml.ToString();
    }
}
