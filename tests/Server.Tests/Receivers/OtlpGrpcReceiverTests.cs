using System.Net;
using OrleansTempo.Core;
using OrleansTempo.Core.Distributor;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Tests.Otlp;
using OrleansTempo.Tests.Rpc;
using Status = OrleansTempo.Tests.Rpc.Status;

namespace OrleansTempo.Server.Tests.Receivers;

public class OtlpGrpcReceiverTests
{
    private const string TooLarge = "the request message exceeds the maximum of 100000 bytes, compressed or uncompressed (max_recv_msg_size_mib). Send smaller batches, or raise the limit";

    [Fact]
    public async Task A_message_is_pushed_byte_for_byte_and_answered_with_an_empty_one()
    {
        await using var server = await RunningServer.StartAsync();
        var result = await GrpcCall.SendAsync(server, GrpcCall.Export, GrpcCall.Frame(Requests.Golden), ("grpc-timeout", "10S"));

        Assert.Equal(0, result.Status);
        Assert.False(result.IsTrailersOnly);
        Assert.Equal([0, 0, 0, 0, 0], result.Body);
        var (tenant, request) = Assert.Single(server.Push.Pushed);
        Assert.Equal(TenantId.Single, tenant);
        Assert.Equal(Requests.Golden, request);
    }

    [Fact]
    public async Task Plain_and_compressed_messages_of_any_size_arrive_whole()
    {
        await using var server = await RunningServer.StartAsync();
        var large = new byte[RunningServer.MaxRequestBytes - 500];
        for (var i = 0; i < large.Length; i++)
            large[i] = (byte)(i / 7);
        foreach (var body in new[] { Requests.Golden, large, [] })
        {
            foreach (var (frame, encoding) in new[] { (GrpcCall.Frame(body), "identity"), (GrpcCall.Frame(body), "gzip") }.Concat(Requests.Compressed(body).Select(static c => (GrpcCall.Frame(c.Body, 1), c.Encoding))))
            {
                var result = await GrpcCall.SendAsync(server, GrpcCall.Export, frame, ("grpc-encoding", encoding));
                Assert.Equal((0, ""), (result.Status, result.Message));
                Assert.True(server.Push.Pushed.TryDequeue(out var pushed));
                Assert.Equal(body, pushed.Request);
            }
        }
    }

    [Fact]
    public async Task Partial_success_has_its_count_and_reason()
    {
        await using var server = await RunningServer.StartAsync();
        server.Push.Answer = static () => new(new PushResult { Status = PushStatus.Accepted, RejectedSpans = 2, Message = "bad IDs" });
        var result = await GrpcCall.SendAsync(server, GrpcCall.Export, GrpcCall.Frame(Requests.Golden));

        Assert.Equal(0, result.Status);
        Assert.Equal(
            new ExportTraceServiceResponse { PartialSuccess = new() { RejectedSpans = 2, ErrorMessage = "bad IDs" } },
            ExportTraceServiceResponse.Parser.ParseFrom(result.Body.AsSpan(5)));
    }

    [Theory]
    [InlineData(PushStatus.Malformed, null, 3)]
    [InlineData(PushStatus.TooLarge, null, 3)]
    [InlineData(PushStatus.RateLimited, 1500, 8)]
    [InlineData(PushStatus.RateLimited, null, 8)]
    [InlineData(PushStatus.Unavailable, 3000, 14)]
    public async Task A_refused_push_is_a_status_with_retry_info_where_there_is_advice(PushStatus status, int? retryMs, int code)
    {
        await using var server = await RunningServer.StartAsync();
        TimeSpan? delay = retryMs is { } ms ? TimeSpan.FromMilliseconds(ms) : null;
        server.Push.Answer = () => new(new PushResult { Status = status, Message = "100 % größer\n", RetryAfter = delay });
        var result = await GrpcCall.SendAsync(server, GrpcCall.Export, GrpcCall.Frame(Requests.Golden));

        Assert.Equal((code, "100 % größer\n"), (result.Status, result.Message));
        Assert.True(result.IsTrailersOnly);
        if (delay is null)
        {
            Assert.Null(result.Details);
            return;
        }

        var details = Status.Parser.ParseFrom(Convert.FromBase64String(result.Details!.PadRight((result.Details!.Length + 3) / 4 * 4, '=')));
        Assert.Equal((code, "100 % größer\n"), (details.Code, details.Message));
        Assert.Equal(delay, RetryInfo.Parser.ParseFrom(details.Details.Single().Value).RetryDelay.ToTimeSpan());
    }

    public static TheoryData<byte[], string, int, string> WrongFrames() => new()
    {
        { [], "identity", 12, "the call has no request message; exactly one is required" },
        { [0, 0, 0], "identity", 13, "the request ends within a message prefix" },
        { GrpcCall.Frame([1, 2, 3])[..^1], "identity", 13, "the request ends after 2 of 3 bytes of its message" },
        { GrpcCall.Frame([1], flag: 2), "identity", 13, "the compressed flag is 2; it must be 0 or 1" },
        { GrpcCall.Frame([1], flag: 1), "identity", 13, "the message is flagged as compressed, but grpc-encoding names no compression" },
        { GrpcCall.Frame(Requests.Gzip(Requests.Golden)[..^9], flag: 1), "gzip", 13, "the message is not valid gzip data, or it is truncated" },
        { GrpcCall.Frame([1, 2, 3], flag: 1), "gzip", 13, "the message is not valid gzip data, or it is truncated" },
        { GrpcCall.Frame(Requests.Zstd(Requests.Golden)[..^9], flag: 1), "zstd", 13, "the message is not valid zstd data, or it is truncated" },
        { GrpcCall.Frame(Requests.SnappyFramed(Requests.Golden)[..^9], flag: 1), "snappy", 13, "the message is not valid snappy data, or it is truncated" },
        { GrpcCall.Frame([1], flag: 1), "br", 12, "grpc-encoding 'br' is not supported; use identity, gzip, deflate, zstd, snappy or x-snappy-framed" },
        { [.. GrpcCall.Frame([1]), .. GrpcCall.Frame([2])], "identity", 12, "the call has more than one request message; only one is allowed" },
        { GrpcCall.Frame(new byte[RunningServer.MaxRequestBytes + 1]), "identity", 8, TooLarge },
        { GrpcCall.Frame(Requests.Gzip(new byte[20 << 20]), flag: 1), "gzip", 8, TooLarge },
        { GrpcCall.Frame(Requests.Zstd(new byte[20 << 20]), flag: 1), "zstd", 8, TooLarge },
        { GrpcCall.Frame(Requests.SnappyFramed(new byte[1 << 20]), flag: 1), "snappy", 8, TooLarge },
        { GrpcCall.Frame([0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 0, 97], flag: 1), "snappy", 8, TooLarge },

        // Nothing, compressed again and again.
        { GrpcCall.Frame([.. Enumerable.Repeat(Requests.EmptyGzipMember, 5_100).SelectMany(static b => b)], flag: 1), "gzip", 8, TooLarge },
    };

    [Theory]
    [MemberData(nameof(WrongFrames))]
    public async Task A_wrong_frame_is_refused_by_what_is_wrong_with_it(byte[] frame, string encoding, int status, string message)
    {
        await using var server = await RunningServer.StartAsync();
        var result = await GrpcCall.SendAsync(server, GrpcCall.Export, frame, ("grpc-encoding", encoding));

        Assert.Equal((status, message), (result.Status, result.Message));
        Assert.True(result.IsTrailersOnly);
        Assert.Equal(status == 12, result.AcceptEncoding == "identity,gzip,deflate,zstd,snappy,x-snappy-framed");
        Assert.Empty(server.Push.Pushed);
    }

    [Fact]
    public async Task An_unknown_method_is_unimplemented()
    {
        await using var server = await RunningServer.StartAsync();
        var result = await GrpcCall.SendAsync(server, "/opentelemetry.proto.collector.logs.v1.LogsService/Export", GrpcCall.Frame([]));
        Assert.Equal((12, "unknown method '/opentelemetry.proto.collector.logs.v1.LogsService/Export'"), (result.Status, result.Message));
    }

    [Fact]
    public async Task Another_content_type_or_method_is_no_grpc()
    {
        await using var server = await RunningServer.StartAsync();
        var json = GrpcCall.Request(server, GrpcCall.Export, GrpcCall.Frame([]));
        json.Content!.Headers.ContentType = new("application/grpc+json");
        using var wrongType = await server.Client.SendAsync(json);
        Assert.Equal(HttpStatusCode.UnsupportedMediaType, wrongType.StatusCode);

        var get = GrpcCall.Request(server, GrpcCall.Export, []);
        get.Method = HttpMethod.Get;
        get.Content = null;
        using var wrongMethod = await server.Client.SendAsync(get);
        Assert.Equal(HttpStatusCode.MethodNotAllowed, wrongMethod.StatusCode);

        var proto = GrpcCall.Request(server, GrpcCall.Export, GrpcCall.Frame([]));
        proto.Content!.Headers.ContentType = new("application/grpc+proto");
        Assert.Equal(0, (await GrpcCall.ReadAsync(server.Client, proto)).Status);
    }

    [Fact]
    public async Task The_tenant_comes_from_its_header_when_there_are_many()
    {
        await using var server = await RunningServer.StartAsync(RunningServer.Options with { MultitenancyEnabled = true });
        Assert.Equal(0, (await GrpcCall.SendAsync(server, GrpcCall.Export, GrpcCall.Frame([]), ("x-scope-orgid", "team-a"))).Status);
        Assert.Equal("team-a", Assert.Single(server.Push.Pushed).Tenant.Value);

        var missing = await GrpcCall.SendAsync(server, GrpcCall.Export, GrpcCall.Frame([]));
        Assert.Equal((16, "no org id"), (missing.Status, missing.Message));
        var bad = await GrpcCall.SendAsync(server, GrpcCall.Export, GrpcCall.Frame([]), ("x-scope-orgid", ".."));
        Assert.Equal((3, "tenant ID '..' is not allowed: it is a path segment"), (bad.Status, bad.Message));
        var two = await GrpcCall.SendAsync(server, GrpcCall.Export, GrpcCall.Frame([]), ("x-scope-orgid", "team-a|team-b"));
        Assert.Equal((3, "X-Scope-OrgID 'team-a|team-b' names more than one tenant, but this request takes only one. Send one request per tenant"), (two.Status, two.Message));
        Assert.Single(server.Push.Pushed);
    }

    [Fact]
    public async Task A_deadline_ends_a_push_that_takes_too_long()
    {
        await using var server = await RunningServer.StartAsync();
        var never = new TaskCompletionSource<PushResult>();
        server.Push.Answer = () => new(never.Task);
        var result = await GrpcCall.SendAsync(server, GrpcCall.Export, GrpcCall.Frame(Requests.Golden), ("grpc-timeout", "20m"));
        Assert.Equal((4, "the call's deadline has passed"), (result.Status, result.Message));
        never.SetResult(PushResult.Accepted);
    }

    [Theory]
    [InlineData("10")]
    [InlineData("S")]
    [InlineData("123456789S")]
    [InlineData("-1S")]
    [InlineData("1s")]
    public async Task A_timeout_that_is_none_is_refused(string timeout)
    {
        await using var server = await RunningServer.StartAsync();
        var result = await GrpcCall.SendAsync(server, GrpcCall.Export, GrpcCall.Frame([]), ("grpc-timeout", timeout));
        Assert.Equal((13, $"grpc-timeout '{timeout}' is invalid; it must be up to eight digits followed by one of H, M, S, m, u, n"), (result.Status, result.Message));
    }

    [Theory]
    [InlineData("99999999H")]
    [InlineData("99999999u")]
    public async Task A_distant_deadline_is_none(string timeout)
    {
        await using var server = await RunningServer.StartAsync();
        Assert.Equal(0, (await GrpcCall.SendAsync(server, GrpcCall.Export, GrpcCall.Frame([]), ("grpc-timeout", timeout))).Status);
    }

    [Fact]
    public async Task Pushes_are_unavailable_while_the_server_stops()
    {
        await using var server = await RunningServer.StartAsync();
        server.Server.BeginStopping();
        var result = await GrpcCall.SendAsync(server, GrpcCall.Export, GrpcCall.Frame(Requests.Golden));
        Assert.Equal((14, "the server is shutting down"), (result.Status, result.Message));
        Assert.NotNull(result.Details);
        Assert.Empty(server.Push.Pushed);
    }

    [Fact]
    public async Task A_failing_push_is_no_stack_trace()
    {
        await using var server = await RunningServer.StartAsync();
        server.Push.Answer = static () => throw new InvalidOperationException("secret");
        var result = await GrpcCall.SendAsync(server, GrpcCall.Export, GrpcCall.Frame(Requests.Golden));
        Assert.Equal((13, "internal error"), (result.Status, result.Message));
    }
}
