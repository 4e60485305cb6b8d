using System.Buffers.Binary;
using System.Net;
using System.Net.Http.Headers;

namespace OrleansTempo.Bench.Load;

/// <summary>OTLP/gRPC over its own HTTP/2 connection (<see cref="HttpClient"/>, cleartext with prior knowledge).</summary>
internal sealed class GrpcConnection(Uri endpoint, bool gzip) : IConnection
{
    private readonly HttpClient _http = new(new SocketsHttpHandler { EnableMultipleHttp2Connections = false, UseProxy = false });
    private readonly Uri _method = new(endpoint, "/opentelemetry.proto.collector.trace.v1.TraceService/Export");
    private readonly byte[] _prefix = new byte[5];

    public bool Send(ReadOnlyMemory<byte> body)
    {
        _prefix[0] = gzip ? (byte)1 : (byte)0;
        BinaryPrimitives.WriteInt32BigEndian(_prefix.AsSpan(1), body.Length);
        using var request = new HttpRequestMessage(HttpMethod.Post, _method)
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new GrpcContent(_prefix, body),
        };
        request.Headers.TE.Add(new TransferCodingWithQualityHeaderValue("trailers"));
        if (gzip)
            request.Headers.Add("grpc-encoding", "gzip");

        // HttpClient has no synchronous HTTP/2; the thread belongs to the connection and may wait.
        using var response = _http.SendAsync(request).GetAwaiter().GetResult();
        // The frame of an empty message is only its prefix; a longer one reports refused spans (partial_success).
        return response.TrailingHeaders.TryGetValues("grpc-status", out var status)
            && status.Single() == "0"
            && response.Content.ReadAsByteArrayAsync().GetAwaiter().GetResult().Length == _prefix.Length;
    }

    public void Dispose() => _http.Dispose();

    private sealed class GrpcContent : HttpContent
    {
        private readonly byte[] _prefix;
        private readonly ReadOnlyMemory<byte> _body;

        public GrpcContent(byte[] prefix, ReadOnlyMemory<byte> body)
        {
            (_prefix, _body) = (prefix, body);
            Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
        }

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            await stream.WriteAsync(_prefix);
            await stream.WriteAsync(_body);
        }

        protected override bool TryComputeLength(out long length)
        {
            length = _prefix.Length + _body.Length;
            return true;
        }
    }
}
