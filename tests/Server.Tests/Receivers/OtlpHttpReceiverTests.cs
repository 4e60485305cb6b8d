using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using OrleansTempo.Core;
using OrleansTempo.Core.Distributor;
using OrleansTempo.Core.Otlp.Buffers;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Core.RemoteWrite.Messages;
using OrleansTempo.Tests.Otlp;
using OrleansTempo.Tests.Rpc;
using Status = OrleansTempo.Tests.Rpc.Status;

namespace OrleansTempo.Server.Tests.Receivers;

public class OtlpHttpReceiverTests
{
    private const string TwoTenants = "X-Scope-OrgID 'team-a|team-b' names more than one tenant, but this request takes only one. Send one request per tenant";
    private const string TooLarge = "the request exceeds the maximum of 100000 bytes, compressed or uncompressed (max_request_body_size). Send smaller batches, or raise the limit";

    [Fact]
    public async Task Protobuf_is_pushed_byte_for_byte_and_answered_with_an_empty_message()
    {
        await using var server = await RunningServer.StartAsync();
        using var response = await server.Client.SendAsync(Requests.Post(server.Otlp(), Requests.Golden));

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal(Requests.Protobuf, response.Content.Headers.ContentType?.MediaType);
        Assert.Empty(await response.Content.ReadAsByteArrayAsync());
        var (tenant, request) = Assert.Single(server.Push.Pushed);
        Assert.Equal(TenantId.Single, tenant);
        Assert.Equal(Requests.Golden, request);
    }

    [Fact]
    public async Task Json_is_pushed_as_protobuf_and_answered_in_json()
    {
        await using var server = await RunningServer.StartAsync();
        using var response = await server.Client.SendAsync(Requests.Post(server.Otlp(), """{"resourceSpans":[{"schemaUrl":"x"}]}"""u8.ToArray(), "application/json; charset=utf-8"));

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal(Requests.Json, response.Content.Headers.ContentType?.MediaType);
        Assert.Equal("{}", await response.Content.ReadAsStringAsync());
        Assert.Equal("x", ExportTraceServiceRequest.Parser.ParseFrom(Assert.Single(server.Push.Pushed).Request).ResourceSpans[0].SchemaUrl);
    }

    [Fact]
    public async Task Every_allowed_encoding_and_framing_gives_the_same_bytes()
    {
        await using var server = await RunningServer.StartAsync();
        var large = new byte[RunningServer.MaxRequestBytes];
        for (var i = 0; i < large.Length; i++)
            large[i] = (byte)(i / 7);
        foreach (var body in new[] { Requests.Golden, large, [] })
        {
            foreach (var (encoding, bytes) in Requests.Compressed(body).Prepend(("identity", body)).Prepend(("", body)))
            {
                foreach (var chunked in new[] { false, true })
                {
                    var message = Requests.Post(server.Otlp(), bytes, encoding: encoding.Length == 0 ? null : encoding);
                    message.Headers.TransferEncodingChunked = chunked;
                    using var response = await server.Client.SendAsync(message);
                    Assert.Equal(HttpStatusCode.OK, response.StatusCode);
                    Assert.True(server.Push.Pushed.TryDequeue(out var pushed));
                    Assert.Equal(body, pushed.Request);
                }
            }
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_body_over_the_limit_is_refused(bool chunked)
    {
        await using var server = await RunningServer.StartAsync();
        var message = Requests.Post(server.Otlp(), new byte[RunningServer.MaxRequestBytes + 1]);
        message.Headers.TransferEncodingChunked = chunked;
        using var response = await server.Client.SendAsync(message);

        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, response.StatusCode);
        Assert.Equal(new Status { Code = 8, Message = TooLarge }, Status.Parser.ParseFrom(await response.Content.ReadAsByteArrayAsync()));
        Assert.Empty(server.Push.Pushed);
    }

    [Fact]
    public async Task A_compressed_bomb_is_refused_at_the_limit()
    {
        var memory = new RequestMemory(4 << 20);
        await using var server = await RunningServer.StartAsync(adapt: parts => parts with { RequestMemory = memory });
        foreach (var (encoding, bomb) in Requests.Compressed(new byte[1 << 20]).Append(("snappy", [0xFF, 0xFF, 0xFF, 0xFF, 0x07, 0])).Append(("snappy", [0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 0, 97])).Append(("snappy", [0x80, 0x80, 0x80, 0x80, 0x08, 0])).Append(("snappy", Requests.SnappyBlock(new byte[RunningServer.MaxRequestBytes + 1]))))
        {
            Assert.InRange(bomb.Length, 1, RunningServer.MaxRequestBytes);
            using var response = await server.Client.SendAsync(Requests.Post(server.Otlp(), bomb, encoding: encoding));
            Assert.Equal(HttpStatusCode.RequestEntityTooLarge, response.StatusCode);
            Assert.Equal(new Status { Code = 8, Message = TooLarge }, Status.Parser.ParseFrom(await response.Content.ReadAsByteArrayAsync()));
        }

        Assert.Empty(server.Push.Pushed);
        Assert.Equal(0, memory.OutstandingBytes);
    }

    public static TheoryData<string, byte[]> Endless() => new()
    {
        { "gzip", Requests.EmptyGzipMember },
        { "zstd", Requests.Zstd([]) },

        // A frame, and a chunk, that decoders are to skip.
        { "zstd", [0x50, 0x2A, 0x4D, 0x18, 0, 0, 0, 0] },
        { "snappy", [0xFF, 6, 0, 0, .. "sNaPpY"u8] },
    };

    [Theory]
    [MemberData(nameof(Endless))]
    public async Task Endless_compressed_nothing_is_refused_when_it_has_the_bytes_that_a_body_may_have(string encoding, byte[] nothing)
    {
        await using var server = await RunningServer.StartAsync();
        using var fits = await server.Client.SendAsync(Requests.Post(server.Otlp(), Repeat(nothing, RunningServer.MaxRequestBytes), encoding: encoding));
        Assert.Equal(HttpStatusCode.OK, fits.StatusCode);
        Assert.Empty(Assert.Single(server.Push.Pushed).Request);

        // It goes on until it is answered.
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, server.Port("otlp/http"));
        var stream = client.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes($"POST /v1/traces HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-protobuf\r\nContent-Encoding: {encoding}\r\nTransfer-Encoding: chunked\r\n\r\n"));
        var chunk = Repeat(nothing, 16 << 10);
        byte[] framed = [.. Encoding.ASCII.GetBytes($"{chunk.Length:x}\r\n"), .. chunk, .. "\r\n"u8];
        var answer = new byte[1024];
        var answered = stream.ReadAsync(answer).AsTask();
        long sent = 0;
        for (; !answered.IsCompleted; sent += chunk.Length)
            await stream.WriteAsync(framed);
        Assert.StartsWith("HTTP/1.1 413 ", Encoding.ASCII.GetString(answer, 0, await answered));
        Assert.Single(server.Push.Pushed);
    }

    [Theory]
    [InlineData("zstd")]
    [InlineData("snappy")]
    [InlineData("x-snappy-framed")]
    public async Task Broken_zstd_and_snappy_is_malformed(string encoding)
    {
        var memory = new RequestMemory(4 << 20);
        await using var server = await RunningServer.StartAsync(adapt: parts => parts with { RequestMemory = memory });
        var whole = encoding == "zstd" ? Requests.Zstd(Requests.Golden) : Requests.SnappyFramed(Requests.Golden);
        byte[] flipped = [.. whole];
        flipped[^3] ^= 1;
        byte[] claim = [.. whole, 0, 12, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 7, 0, 0, 0];
        byte[] negative = [.. claim];
        negative[^4] = 0x0F;
        foreach (var body in new[] { whole[..^1], whole[..^20], whole[..13], Requests.Golden, encoding == "zstd" ? whole[..3] : flipped, [.. whole, 1], claim, negative, Requests.SnappyBlock(Requests.Golden)[..^1] })
        {
            using var response = await server.Client.SendAsync(Requests.Post(server.Otlp(), body, encoding: encoding));
            Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
            Assert.Equal(new Status { Code = 3, Message = $"the body is not valid {encoding} data, or it is truncated" }, Status.Parser.ParseFrom(await response.Content.ReadAsByteArrayAsync()));
        }

        Assert.Empty(server.Push.Pushed);
        Assert.Equal(0, memory.OutstandingBytes);
    }

    [Fact]
    public async Task Zstd_that_wants_more_memory_than_is_given_is_refused_with_what_to_do()
    {
        await using var server = await RunningServer.StartAsync();
        using var target = new MemoryStream();
        using (var zstd = new ZstdSharp.CompressionStream(target, leaveOpen: true))
        {
            zstd.SetParameter(ZstdSharp.Unsafe.ZSTD_cParameter.ZSTD_c_windowLog, 27);
            zstd.Write(Requests.Golden);
        }

        using var response = await server.Client.SendAsync(Requests.Post(server.Otlp(), target.ToArray(), encoding: "zstd"));
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Equal("the body is zstd data with a window of more than 32 MiB; compress it at a lower level, or without long mode", Status.Parser.ParseFrom(await response.Content.ReadAsByteArrayAsync()).Message);
    }

    [Fact]
    public async Task Broken_compressed_data_is_malformed()
    {
        await using var server = await RunningServer.StartAsync();
        var whole = Requests.Gzip(Requests.Golden);
        foreach (var (encoding, body) in new[] { ("gzip", whole[..^20]), ("gzip", whole[..^4]), ("gzip", whole[..5]), ("deflate", Requests.Zlib(Requests.Golden)[..^2]), ("gzip", Requests.Golden), ("deflate", Requests.Deflate(Requests.Golden)), ("deflate", Requests.Zlib(Requests.Golden)[..^30]) })
        {
            using var response = await server.Client.SendAsync(Requests.Post(server.Otlp(), body, encoding: encoding));
            Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
            Assert.Equal(new Status { Code = 3, Message = $"the body is not valid {encoding} data, or it is truncated" }, Status.Parser.ParseFrom(await response.Content.ReadAsByteArrayAsync()));
        }

        Assert.Empty(server.Push.Pushed);
    }

    [Fact]
    public async Task Gzip_members_one_after_another_are_one_body()
    {
        await using var server = await RunningServer.StartAsync();
        using var response = await server.Client.SendAsync(Requests.Post(server.Otlp(), [.. Requests.Gzip(Requests.Golden[..100]), .. Requests.Gzip(Requests.Golden[100..])], encoding: "gzip"));
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal(Requests.Golden, Assert.Single(server.Push.Pushed).Request);
    }

    [Fact]
    public async Task Malformed_json_is_answered_with_the_place()
    {
        await using var server = await RunningServer.StartAsync();
        using var response = await server.Client.SendAsync(Requests.Post(server.Otlp(), """{"resourceSpans":7}"""u8.ToArray(), Requests.Json));

        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Equal("""{"code":3,"message":"resourceSpans at byte 17: expected an array, found the number 7"}""", await response.Content.ReadAsStringAsync());
    }

    [Theory]
    [InlineData("text/plain")]
    [InlineData("application/protobuf")]
    [InlineData("application/x-protobuf2")]
    public async Task Another_content_type_is_refused_by_name(string contentType)
    {
        await using var server = await RunningServer.StartAsync();
        using var response = await server.Client.SendAsync(Requests.Post(server.Otlp(), Requests.Golden, contentType));

        Assert.Equal(HttpStatusCode.UnsupportedMediaType, response.StatusCode);
        Assert.Equal($"Content-Type '{contentType}' is not supported; use application/x-protobuf or application/json\n", await response.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task Another_content_encoding_is_refused_by_name()
    {
        await using var server = await RunningServer.StartAsync();
        using var response = await server.Client.SendAsync(Requests.Post(server.Otlp(), Requests.Golden, encoding: "br"));

        Assert.Equal(HttpStatusCode.UnsupportedMediaType, response.StatusCode);
        Assert.Equal("Content-Encoding 'br' is not supported; use identity, gzip, deflate, zstd, snappy or x-snappy-framed", Status.Parser.ParseFrom(await response.Content.ReadAsByteArrayAsync()).Message);
        Assert.Equal("gzip, deflate, zstd, snappy, x-snappy-framed", response.Headers.GetValues("Accept-Encoding").Single());
    }

    [Fact]
    public async Task Other_methods_and_paths_are_refused()
    {
        await using var server = await RunningServer.StartAsync();
        using var get = await server.Client.GetAsync(server.Otlp());
        Assert.Equal(HttpStatusCode.MethodNotAllowed, get.StatusCode);
        Assert.Equal(["POST"], get.Content.Headers.Allow);

        using var other = await server.Client.SendAsync(Requests.Post(server.Otlp("/v1/logs"), Requests.Golden));
        Assert.Equal(HttpStatusCode.NotFound, other.StatusCode);
        Assert.Equal("not found; send traces with POST to /v1/traces\n", await other.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task Partial_success_has_its_count_and_reason_in_either_encoding()
    {
        await using var server = await RunningServer.StartAsync();
        server.Push.Answer = static () => new(new PushResult { Status = PushStatus.Accepted, RejectedSpans = 300, Message = "trace ID is not 16 bytes" });

        using var protobuf = await server.Client.SendAsync(Requests.Post(server.Otlp(), Requests.Golden));
        Assert.Equal(HttpStatusCode.OK, protobuf.StatusCode);
        Assert.Equal(
            new ExportTraceServiceResponse { PartialSuccess = new() { RejectedSpans = 300, ErrorMessage = "trace ID is not 16 bytes" } },
            ExportTraceServiceResponse.Parser.ParseFrom(await protobuf.Content.ReadAsByteArrayAsync()));

        using var json = await server.Client.SendAsync(Requests.Post(server.Otlp(), "{}"u8.ToArray(), Requests.Json));
        Assert.Equal("""{"partialSuccess":{"rejectedSpans":"300","errorMessage":"trace ID is not 16 bytes"}}""", await json.Content.ReadAsStringAsync());
    }

    [Theory]
    [InlineData(PushStatus.Malformed, null, 400, 3, null)]
    [InlineData(PushStatus.TooLarge, null, 413, 3, null)]
    [InlineData(PushStatus.RateLimited, 1500, 429, 8, "2")]
    [InlineData(PushStatus.RateLimited, null, 429, 8, null)]
    [InlineData(PushStatus.Unavailable, 10, 503, 14, "1")]
    public async Task A_refused_push_is_a_status_in_either_encoding(PushStatus status, int? retryMs, int httpStatus, int code, string? retryAfter)
    {
        await using var server = await RunningServer.StartAsync();
        TimeSpan? delay = retryMs is { } ms ? TimeSpan.FromMilliseconds(ms) : null;
        server.Push.Answer = () => new(new PushResult { Status = status, Message = "because", RetryAfter = delay });

        using var protobuf = await server.Client.SendAsync(Requests.Post(server.Otlp(), Requests.Golden));
        Assert.Equal(httpStatus, (int)protobuf.StatusCode);
        Assert.Equal(retryAfter, protobuf.Headers.RetryAfter?.ToString());
        var body = Status.Parser.ParseFrom(await protobuf.Content.ReadAsByteArrayAsync());
        Assert.Equal((code, "because"), (body.Code, body.Message));
        Assert.Equal(delay, body.Details.SingleOrDefault() is { } any ? RetryInfo.Parser.ParseFrom(any.Value).RetryDelay.ToTimeSpan() : null);
        Assert.All(body.Details, static any => Assert.Equal("type.googleapis.com/google.rpc.RetryInfo", any.TypeUrl));

        using var json = await server.Client.SendAsync(Requests.Post(server.Otlp(), "{}"u8.ToArray(), Requests.Json));
        Assert.Equal(httpStatus, (int)json.StatusCode);
        var node = JsonNode.Parse(await json.Content.ReadAsStringAsync())!;
        Assert.Equal(code, node["code"]!.GetValue<int>());
        Assert.Equal("because", node["message"]!.GetValue<string>());
        Assert.Equal(retryMs switch { 1500 => "1.500000000s", 10 => "0.010000000s", _ => null }, node["details"]?[0]?["retryDelay"]?.GetValue<string>());
    }

    [Fact]
    public async Task The_tenant_comes_from_its_header_when_there_are_many()
    {
        await using var server = await RunningServer.StartAsync(RunningServer.Options with { MultitenancyEnabled = true });
        using var good = await server.Client.SendAsync(Requests.Post(server.Otlp(), Requests.Golden, tenant: "team-a"));
        Assert.Equal(HttpStatusCode.OK, good.StatusCode);
        Assert.Equal("team-a", Assert.Single(server.Push.Pushed).Tenant.Value);

        using var missing = await server.Client.SendAsync(Requests.Post(server.Otlp(), Requests.Golden));
        Assert.Equal(HttpStatusCode.Unauthorized, missing.StatusCode);
        Assert.Equal(new Status { Code = 16, Message = "no org id" }, Status.Parser.ParseFrom(await missing.Content.ReadAsByteArrayAsync()));

        using var bad = await server.Client.SendAsync(Requests.Post(server.Otlp(), Requests.Golden, tenant: "a/b"));
        Assert.Equal(HttpStatusCode.BadRequest, bad.StatusCode);
        Assert.Equal("tenant ID 'a/b' contains unsupported character '/'; allowed are a-z, A-Z, 0-9 and !-_.*'()", Status.Parser.ParseFrom(await bad.Content.ReadAsByteArrayAsync()).Message);

        using var two = await server.Client.SendAsync(Requests.Post(server.Otlp(), Requests.Golden, tenant: "team-a|team-b"));
        Assert.Equal(HttpStatusCode.BadRequest, two.StatusCode);
        Assert.Equal(new Status { Code = 3, Message = TwoTenants }, Status.Parser.ParseFrom(await two.Content.ReadAsByteArrayAsync()));
        Assert.Single(server.Push.Pushed);
    }

    [Fact]
    public async Task The_tenant_header_means_nothing_when_there_is_one_tenant()
    {
        await using var server = await RunningServer.StartAsync();
        using var response = await server.Client.SendAsync(Requests.Post(server.Otlp(), Requests.Golden, tenant: "a/b"));
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal(TenantId.Single, Assert.Single(server.Push.Pushed).Tenant);
    }

    [Fact]
    public async Task Pushes_are_refused_before_the_server_is_ready_and_while_it_stops()
    {
        await using var server = await RunningServer.StartAsync(ready: false);
        using var early = await server.Client.SendAsync(Requests.Post(server.Otlp(), Requests.Golden));
        server.Server.MarkReady();
        using var good = await server.Client.SendAsync(Requests.Post(server.Otlp(), Requests.Golden));
        server.Server.BeginStopping();
        using var late = await server.Client.SendAsync(Requests.Post(server.Otlp(), Requests.Golden));

        Assert.Equal((HttpStatusCode)503, early.StatusCode);
        Assert.Equal(HttpStatusCode.OK, good.StatusCode);
        Assert.Equal((HttpStatusCode)503, late.StatusCode);
        Assert.Equal("5", late.Headers.RetryAfter?.ToString());
        Assert.Equal("the server is shutting down", Status.Parser.ParseFrom(await late.Content.ReadAsByteArrayAsync()).Message);
    }

    [Fact]
    public async Task A_push_in_flight_finishes_while_the_server_stops()
    {
        await using var server = await RunningServer.StartAsync();
        var arrived = new TaskCompletionSource();
        var answer = new TaskCompletionSource<PushResult>();
        server.Push.Answer = () =>
        {
            arrived.SetResult();
            return new(answer.Task);
        };
        var request = server.Client.SendAsync(Requests.Post(server.Otlp(), Requests.Golden));
        await arrived.Task;
        var stopping = server.Server.StopAsync(CancellationToken.None);
        Assert.False(stopping.IsCompleted);
        answer.SetResult(PushResult.Accepted);

        using var response = await request;
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        await stopping;
    }

    [Fact]
    public async Task A_failing_push_is_a_500_without_a_stack_trace()
    {
        await using var server = await RunningServer.StartAsync();
        server.Push.Answer = static () => throw new InvalidOperationException("secret");
        using var response = await server.Client.SendAsync(Requests.Post(server.Otlp(), Requests.Golden));

        Assert.Equal(HttpStatusCode.InternalServerError, response.StatusCode);
        Assert.Equal("internal error\n", await response.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task A_body_shorter_than_announced_is_not_pushed()
    {
        await using var server = await RunningServer.StartAsync();
        using (var socket = new Socket(SocketType.Stream, ProtocolType.Tcp))
        {
            await socket.ConnectAsync("127.0.0.1", server.Port("otlp/http"));
            await socket.SendAsync(Encoding.ASCII.GetBytes("POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\nContent-Length: 100\r\n\r\nabc"));
            socket.Shutdown(SocketShutdown.Send);
            var received = new byte[1024];
            try
            {
                while (await socket.ReceiveAsync(received) > 0)
                {
                }
            }
            catch (SocketException)
            {
                // Closed or reset: either way the server has let go of it.
            }
        }

        using var next = await server.Client.SendAsync(Requests.Post(server.Otlp(), Requests.Golden));
        Assert.Equal(HttpStatusCode.OK, next.StatusCode);
        Assert.Equal(Requests.Golden, Assert.Single(server.Push.Pushed).Request);
    }

    [Fact]
    public async Task Broken_chunks_are_a_400()
    {
        await using var server = await RunningServer.StartAsync();
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync("127.0.0.1", server.Port("otlp/http"));
        await socket.SendAsync(Encoding.ASCII.GetBytes("POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc"));
        var received = new byte[1024];
        var count = await socket.ReceiveAsync(received);
        Assert.StartsWith("HTTP/1.1 400 ", Encoding.ASCII.GetString(received, 0, count));
        Assert.Empty(server.Push.Pushed);
    }

    private static byte[] Repeat(byte[] bytes, int upTo) => [.. Enumerable.Repeat(bytes, upTo / bytes.Length).SelectMany(static b => b)];
}
