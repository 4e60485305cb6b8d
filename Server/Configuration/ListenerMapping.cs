using OrleansTempo.Core.Overrides;

namespace OrleansTempo.Server.Configuration;

/// <summary>What the server listens on, from the configuration file's words.</summary>
public static class ListenerMapping
{
    public static TempoServerOptions ToServerOptions(TempoOptions options)
    {
        var protocols = options.Distributor.Receivers.Otlp.Protocols;
        return new TempoServerOptions
        {
            MultitenancyEnabled = options.MultitenancyEnabled,
            MultiTenantQueriesEnabled = options.QueryFrontend.MultiTenantQueriesEnabled,
            HttpApiPrefix = options.HttpApiPrefix,
            TraceIdLabelName = options.Overrides.Defaults.MetricsGenerator.TraceIdLabelName is { Length: > 0 } name ? name : GeneratorSettings.DefaultTraceIdLabelName,
            HttpApi = new ListenerOptions
            {
                Endpoint = new ListenEndpoint(options.Server.HttpListenAddress, options.Server.HttpListenPort).ToString(),
                Tls = options.Server.HttpTlsConfig,
            },
            OtlpGrpc = protocols.Grpc is { } grpc
                ? new ListenerOptions { Endpoint = grpc.Endpoint.ToString(), MaxRequestBytes = grpc.MaxRecvMsgSizeMib << 20, Tls = grpc.Tls }
                : null,
            OtlpHttp = protocols.Http is { } http
                ? new ListenerOptions
                {
                    Endpoint = http.Endpoint.ToString(),
                    MaxRequestBytes = (int)http.MaxRequestBodySize,
                    Tls = http.Tls,
                    Cors = http.Cors,
                }
                : null,
        };
    }
}
