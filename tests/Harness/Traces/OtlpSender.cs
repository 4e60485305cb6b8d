using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Tests.Rpc;

namespace OrleansTempo.Harness.Traces;

/// <summary>Sends OTLP requests as bytes, with nothing between the test and the wire but <see cref="HttpClient"/>.</summary>
internal sealed class OtlpSender(Uri httpEndpoint, Uri grpcEndpoint) : IDisposable
{
    // Of a gRPC message: whether it is compressed, and its length.
    private const int FrameBytes = 5;

    private readonly HttpClient _http = new() { Timeout = TimeSpan.FromSeconds(30) };

    /// <summary>OTLP/HTTP with protobuf; the status code of the answer.</summary>
    public async Task<HttpStatusCode> PostAsync(byte[] request) => (HttpStatusCode)(await PushAsync(request)).Code;

    /// <summary>OTLP/gRPC, uncompressed; the value of <c>grpc-status</c>.</summary>
    public async Task<string> ExportAsync(byte[] request) => (await PushOverGrpcAsync(request)).Code.ToString(CultureInfo.InvariantCulture);

    /// <summary>OTLP/HTTP with protobuf; the whole answer, its code the HTTP status.</summary>
    public async Task<OtlpAnswer> PushAsync(byte[] request, string? tenant = null, CancellationToken cancellationToken = default)
    {
        using var message = new HttpRequestMessage(HttpMethod.Post, new Uri(httpEndpoint, "/v1/traces")) { Content = new ByteArrayContent(request) };
        message.Content.Headers.ContentType = new MediaTypeHeaderValue("application/x-protobuf");
        AddTenant(message, tenant);
        using var response = await _http.SendAsync(message, cancellationToken);
        var body = await response.Content.ReadAsByteArrayAsync(cancellationToken);
        if (response.StatusCode == HttpStatusCode.OK)
            return OtlpAnswer.Accepted((int)response.StatusCode, body);
        var status = Status.Parser.ParseFrom(body);
        return new OtlpAnswer((int)response.StatusCode, 0, status.Message, response.Headers.RetryAfter?.Delta);
    }

    /// <summary>OTLP/gRPC, uncompressed; the whole answer, its code <c>grpc-status</c>.</summary>
    public async Task<OtlpAnswer> PushOverGrpcAsync(byte[] request, string? tenant = null, CancellationToken cancellationToken = default)
    {
        var framed = new byte[FrameBytes + request.Length];
        BinaryPrimitives.WriteInt32BigEndian(framed.AsSpan(1), request.Length);
        request.CopyTo(framed, FrameBytes);
        using var message = new HttpRequestMessage(HttpMethod.Post, new Uri(grpcEndpoint, "/opentelemetry.proto.collector.trace.v1.TraceService/Export"))
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent(framed),
        };
        message.Headers.TE.Add(new TransferCodingWithQualityHeaderValue("trailers"));
        message.Content.Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
        AddTenant(message, tenant);
        using var response = await _http.SendAsync(message, cancellationToken);
        var body = await response.Content.ReadAsByteArrayAsync(cancellationToken);

        // A refusal may come as headers alone ("trailers-only").
        var headers = response.TrailingHeaders.Contains("grpc-status") ? response.TrailingHeaders : response.Headers;
        var code = headers.TryGetValues("grpc-status", out var values) ? int.Parse(values.Single(), CultureInfo.InvariantCulture) : throw new HttpRequestException($"no grpc-status, HTTP {(int)response.StatusCode}");
        if (code == 0)
            return OtlpAnswer.Accepted(code, body.AsSpan(FrameBytes));
        var text = headers.TryGetValues("grpc-message", out var messages) ? Uri.UnescapeDataString(messages.Single()) : "";
        return new OtlpAnswer(code, 0, text, RetryDelay(headers));
    }

    public void Dispose() => _http.Dispose();

    private static void AddTenant(HttpRequestMessage message, string? tenant)
    {
        if (tenant is not null)
            message.Headers.Add("X-Scope-OrgID", tenant);
    }

    private static TimeSpan? RetryDelay(HttpResponseHeaders headers)
    {
        if (!headers.TryGetValues("grpc-status-details-bin", out var values))
            return null;
        var base64 = values.Single();
        var status = Status.Parser.ParseFrom(Convert.FromBase64String(base64.PadRight((base64.Length + 3) / 4 * 4, '=')));
        return status.Details.FirstOrDefault(static detail => detail.TypeUrl == "type.googleapis.com/google.rpc.RetryInfo") is { } detail
            ? RetryInfo.Parser.ParseFrom(detail.Value).RetryDelay.ToTimeSpan()
            : null;
    }
}
