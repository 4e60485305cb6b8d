using System.Buffers.Binary;
using System.Net;
using System.Net.Http.Headers;

namespace OrleansTempo.Integration.Harness;

/// <summary>Sends OTLP requests as bytes, with nothing between the test and the wire but <see cref="HttpClient"/>.</summary>
internal sealed class OtlpSender(Uri httpEndpoint, Uri grpcEndpoint) : IDisposable
{
    private readonly HttpClient _http = new() { Timeout = TimeSpan.FromSeconds(30) };

    /// <summary>OTLP/HTTP with protobuf; the status code of the answer.</summary>
    public async Task<HttpStatusCode> PostAsync(byte[] request)
    {
        using var content = new ByteArrayContent(request);
        content.Headers.ContentType = new MediaTypeHeaderValue("application/x-protobuf");
        using var response = await _http.PostAsync(new Uri(httpEndpoint, "/v1/traces"), content);
        return response.StatusCode;
    }

    /// <summary>OTLP/gRPC, uncompressed; the value of <c>grpc-status</c>.</summary>
    public async Task<string> ExportAsync(byte[] request)
    {
        var framed = new byte[5 + request.Length];
        BinaryPrimitives.WriteInt32BigEndian(framed.AsSpan(1), request.Length);
        request.CopyTo(framed, 5);
        using var message = new HttpRequestMessage(HttpMethod.Post, new Uri(grpcEndpoint, "/opentelemetry.proto.collector.trace.v1.TraceService/Export"))
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent(framed),
        };
        message.Headers.TE.Add(new TransferCodingWithQualityHeaderValue("trailers"));
        message.Content.Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
        using var response = await _http.SendAsync(message);
        // A refusal may come as headers alone ("trailers-only").
        var headers = response.TrailingHeaders.Contains("grpc-status") ? response.TrailingHeaders : response.Headers;
        return headers.TryGetValues("grpc-status", out var status) ? status.Single() : $"none, HTTP {(int)response.StatusCode}";
    }

    public void Dispose() => _http.Dispose();
}
