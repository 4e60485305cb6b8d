using System.Buffers.Binary;
using System.Net;
using System.Net.Http.Headers;
using OrleansTempo.Core.Otlp.Reading;

namespace OrleansTempo.Server.Tests.Receivers;

/// <summary>Makes gRPC calls by hand, so that tests can also make wrong ones.</summary>
internal static class GrpcCall
{
    public const string Export = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
    public const string Check = "/grpc.health.v1.Health/Check";
    public const string Watch = "/grpc.health.v1.Health/Watch";

    public static HttpRequestMessage Request(RunningServer server, string method, byte[] body, params (string Name, string Value)[] headers)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, server.Grpc() + method)
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent(body),
        };
        request.Content.Headers.ContentType = MediaTypeHeaderValue.Parse("application/grpc");
        request.Headers.TE.Add(new("trailers"));
        foreach (var (name, value) in headers)
            request.Headers.Add(name, value);
        return request;
    }

    public static byte[] Frame(byte[] message, byte flag = 0)
    {
        var frame = new byte[5 + message.Length];
        frame[0] = flag;
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(1), message.Length);
        message.CopyTo(frame, 5);
        return frame;
    }

    public static Task<GrpcResult> SendAsync(RunningServer server, string method, byte[] body, params (string Name, string Value)[] headers) =>
        ReadAsync(server.Client, Request(server, method, body, headers));

    public static async Task<GrpcResult> ReadAsync(HttpClient client, HttpRequestMessage request)
    {
        using var response = await client.SendAsync(request);
        var body = await response.Content.ReadAsByteArrayAsync();
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("application/grpc", response.Content.Headers.ContentType?.ToString());
        var isTrailersOnly = response.Headers.Contains("grpc-status");
        HttpHeaders status = isTrailersOnly ? response.Headers : response.TrailingHeaders;
        return new(
            int.Parse(status.GetValues("grpc-status").Single()),
            Uri.UnescapeDataString(Value(status, "grpc-message") ?? ""),
            Value(status, "grpc-status-details-bin"),
            Value(response.Headers, "grpc-accept-encoding"),
            isTrailersOnly,
            body);
    }

    private static string? Value(HttpHeaders headers, string name) => headers.TryGetValues(name, out var values) ? string.Join(",", values) : null;
}
