using OrleansTempo.Core.Configuration;
using OrleansTempo.Core.Configuration.Distributor;
using OrleansTempo.Core.Distributor;
using OrleansTempo.Core.Overrides;

namespace OrleansTempo.Server.Configuration;

/// <summary>What the server listens on, from the configuration file's words.</summary>
public static class ListenerMapping
{
    public static TempoServerOptions ToServerOptions(TempoOptions options)
    {
        var receivers = options.Distributor.Receivers.Otlp;
        return new TempoServerOptions
        {
            MultitenancyEnabled = options.MultitenancyEnabled,
            MultiTenantQueriesEnabled = options.QueryFrontend.MultiTenantQueriesEnabled,
            HttpApiPrefix = options.HttpApiPrefix,
            AdminFromAnywhere = options.Server.AdminFromAnywhere,
            TraceIdLabelName = options.Overrides.Defaults.MetricsGenerator.TraceIdLabelName is { Length: > 0 } name ? name : GeneratorSettings.DefaultTraceIdLabelName,
            HttpApi = new ListenerOptions
            {
                Endpoint = new ListenEndpoint(options.Server.HttpListenAddress, options.Server.HttpListenPort).ToString(),
                Tls = options.Server.HttpTlsConfig,
            },
            OtlpGrpc = [.. receivers.Where(static r => r.Protocols.Grpc is not null).Select(static r => Listener(r.Name, r.Protocols.Grpc!))],
            OtlpHttp = [.. receivers.Where(static r => r.Protocols.Http is not null).Select(static r => Listener(r.Name, r.Protocols.Http!))],
        };
    }

    private static ListenerOptions Listener(string receiver, OtlpGrpcOptions grpc) => new()
    {
        Receiver = receiver,
        Endpoint = grpc.Endpoint.ToString(),
        MaxRequestBytes = grpc.MaxRecvMsgSizeMib << 20,
        Tls = grpc.Tls,
    };

    private static ListenerOptions Listener(string receiver, OtlpHttpOptions http) => new()
    {
        Receiver = receiver,
        Endpoint = http.Endpoint.ToString(),
        MaxRequestBytes = (int)http.MaxRequestBodySize,
        Tls = http.Tls,
        Cors = http.Cors,
    };
}
