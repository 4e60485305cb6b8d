using OrleansTempo.Core.Configuration.Distributor;
using OrleansTempo.Server.Configuration.Reading;

namespace OrleansTempo.Server.Configuration.Sections;

/// <summary>The two protocols of the OTLP receiver, in the OpenTelemetry Collector's words.</summary>
internal static class OtlpReceiverReader
{
    private const string EndpointAllowed = "host:port, such as 0.0.0.0:4317 or [::]:4317";

    public static OtlpGrpcOptions ReadGrpc(MappingReader grpc)
    {
        var defaults = new OtlpGrpcOptions();
        grpc.Unused(TempoFileReader.NotUsed, "max_concurrent_streams", "read_buffer_size", "write_buffer_size", "keepalive", "include_metadata");
        grpc.Refuse("transport", "not supported; allowed: tcp", "", "tcp", "tcp4", "tcp6");
        RefuseExtensions(grpc);
        var options = new OtlpGrpcOptions
        {
            Endpoint = grpc.Value("endpoint", defaults.Endpoint, EndpointAllowed, Endpoint),
            MaxRecvMsgSizeMib = grpc.Int("max_recv_msg_size_mib", defaults.MaxRecvMsgSizeMib, 1, 1024),
            Tls = ServerTlsReader.ReadReceiverTls(grpc.Mapping("tls")),
        };
        grpc.Done();
        return options;
    }

    public static OtlpHttpOptions ReadHttp(MappingReader http)
    {
        var defaults = new OtlpHttpOptions();
        http.Unused(
            TempoFileReader.NotUsed,
            "include_metadata", "read_timeout", "read_header_timeout", "write_timeout", "idle_timeout", "keep_alives_enabled",
            "metrics_url_path", "logs_url_path", "compression_algorithms", "response_headers");
        http.Refuse("traces_url_path", "not supported yet; allowed: /v1/traces", "", "/v1/traces", "v1/traces");
        http.Refuse("transport", "not supported; allowed: tcp", "", "tcp", "tcp4", "tcp6");
        RefuseExtensions(http);
        var cors = http.Mapping("cors");
        var options = new OtlpHttpOptions
        {
            Endpoint = http.Value("endpoint", defaults.Endpoint, EndpointAllowed, Endpoint),
            MaxRequestBodySize = http.Long("max_request_body_size", defaults.MaxRequestBodySize, 1, 1L << 30),
            Tls = ServerTlsReader.ReadReceiverTls(http.Mapping("tls")),
            Cors = new CorsOptions
            {
                AllowedOrigins = cors.Strings("allowed_origins") ?? [],
                AllowedHeaders = cors.Strings("allowed_headers") ?? [],
                MaxAge = cors.Int("max_age", 0),
            },
        };
        cors.Unused(TempoFileReader.NotUsed, "exposed_headers");
        cors.Done();
        http.Done();
        return options;
    }

    // Left out, these would open a door that the file means to be shut.
    private static void RefuseExtensions(MappingReader protocol)
    {
        protocol.Refuse("auth", "not supported: put a proxy that authenticates in front, or use mutual TLS");
        protocol.Refuse("middlewares", "not supported: there are no extensions");
    }

    private static ListenEndpoint? Endpoint(string text) => ListenEndpoint.TryParse(text, out var endpoint) ? endpoint : null;
}
