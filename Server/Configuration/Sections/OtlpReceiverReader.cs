using OrleansTempo.Core.Configuration.Distributor;
using OrleansTempo.Server.Configuration.Reading;

namespace OrleansTempo.Server.Configuration.Sections;

/// <summary>The two protocols of the OTLP receiver, in the OpenTelemetry Collector's words.</summary>
internal static class OtlpReceiverReader
{
    public static OtlpGrpcOptions ReadGrpc(MappingReader grpc)
    {
        grpc.Unused(TempoFileReader.NotUsed, "max_concurrent_streams", "read_buffer_size", "write_buffer_size", "keepalive", "include_metadata");
        grpc.Refuse("transport", "not supported; allowed: tcp", "", "tcp", "tcp4", "tcp6");
        RefuseExtensions(grpc);
        var options = grpc.Options(new OtlpGrpcOptions()) with { Tls = ServerTlsReader.ReadReceiverTls(grpc.Mapping("tls")) };
        grpc.Done();
        return options;
    }

    public static OtlpHttpOptions ReadHttp(MappingReader http)
    {
        http.Unused(
            TempoFileReader.NotUsed,
            "include_metadata", "read_timeout", "read_header_timeout", "write_timeout", "idle_timeout", "keep_alives_enabled",
            "metrics_url_path", "logs_url_path", "compression_algorithms", "response_headers");
        http.Refuse("traces_url_path", "not supported yet; allowed: /v1/traces", "", "/v1/traces", "v1/traces");
        http.Refuse("transport", "not supported; allowed: tcp", "", "tcp", "tcp4", "tcp6");
        RefuseExtensions(http);
        var cors = http.Mapping("cors");
        var options = http.Options(new OtlpHttpOptions()) with
        {
            Tls = ServerTlsReader.ReadReceiverTls(http.Mapping("tls")),
            Cors = cors.Options(new CorsOptions()),
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
}
