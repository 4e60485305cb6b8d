using System.Security.Authentication;
using OrleansTempo.Server;
using OrleansTempo.Server.Configuration;

namespace OrleansTempo.Standalone;

/// <summary>What the server listens on, from the configuration file's words.</summary>
internal static class ListenerMapping
{
    public static TempoServerOptions ToServerOptions(TempoOptions options)
    {
        var protocols = options.Distributor.Receivers.Otlp.Protocols;
        return new TempoServerOptions
        {
            MultitenancyEnabled = options.MultitenancyEnabled,
            HttpApiPrefix = options.HttpApiPrefix,
            HttpApi = new ListenerOptions
            {
                Endpoint = new ListenEndpoint(options.Server.HttpListenAddress, options.Server.HttpListenPort).ToString(),
                Tls = Tls(options.Server.HttpTlsConfig),
            },
            OtlpGrpc = protocols.Grpc is { } grpc
                ? new ListenerOptions { Endpoint = grpc.Endpoint.ToString(), MaxRequestBytes = grpc.MaxRecvMsgSizeMib << 20, Tls = Tls(grpc.Tls) }
                : null,
            OtlpHttp = protocols.Http is { } http
                ? new ListenerOptions
                {
                    Endpoint = http.Endpoint.ToString(),
                    MaxRequestBytes = (int)http.MaxRequestBodySize,
                    Tls = Tls(http.Tls),
                    Cors = new ListenerCorsOptions
                    {
                        AllowedOrigins = http.Cors.AllowedOrigins,
                        AllowedHeaders = http.Cors.AllowedHeaders,
                        MaxAge = TimeSpan.FromSeconds(http.Cors.MaxAge),
                    },
                }
                : null,
        };
    }

    private static ListenerTlsOptions? Tls(ServerTlsOptions? tls) => tls is null
        ? null
        : new ListenerTlsOptions
        {
            CertFile = tls.CertFile,
            KeyFile = tls.KeyFile,
            ClientCaFile = tls.ClientCaFile,
            MinVersion = tls.MinVersion == TlsVersion.Tls13 ? SslProtocols.Tls13 : SslProtocols.Tls12,
        };
}
