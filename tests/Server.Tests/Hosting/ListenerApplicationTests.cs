using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.Logging;
using OrleansTempo.Core.Distributor;
using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Server.Tests.Configuration;
using OrleansTempo.Server.Tests.Receivers;

namespace OrleansTempo.Server.Tests.Hosting;

public class ListenerApplicationTests
{
    [Fact]
    public async Task A_failure_is_logged_once_and_answered_in_the_protocol_of_the_listener()
    {
        var time = new ManualTime();
        using var logs = new CollectingLogger();
        using var factory = LoggerFactory.Create(builder => builder.AddProvider(logs));
        await using var server = await RunningServer.StartAsync(adapt: parts => parts with { LoggerFactory = factory, TimeProvider = time });
        server.Push.Answer = static () => throw new InvalidOperationException("no room");

        using var http = await server.Client.SendAsync(Requests.Post(server.Otlp(), Requests.Golden));
        Assert.Equal((HttpStatusCode.InternalServerError, "internal error\n"), (http.StatusCode, await http.Content.ReadAsStringAsync()));
        time.Advance(TimeSpan.FromSeconds(1));
        var grpc = await GrpcCall.SendAsync(server, GrpcCall.Export, GrpcCall.Frame(Requests.Golden));
        Assert.Equal((13, "internal error"), (grpc.Status, grpc.Message));
        Assert.Equal(["Request POST /v1/traces failed: no room", $"Request POST {GrpcCall.Export} failed: no room"], logs.Entries);
    }

    [Fact]
    public async Task A_request_that_runs_out_of_memory_may_be_retried()
    {
        await using var server = await RunningServer.StartAsync();
        server.Push.Answer = static () => throw new OutOfMemoryException();

        using var http = await server.Client.SendAsync(Requests.Post(server.Otlp(), Requests.Golden));
        Assert.Equal((HttpStatusCode.ServiceUnavailable, "5"), (http.StatusCode, http.Headers.RetryAfter?.ToString()));
        Assert.Equal("the process has reached its memory limit; try again later\n", await http.Content.ReadAsStringAsync());
        var grpc = await GrpcCall.SendAsync(server, GrpcCall.Export, GrpcCall.Frame(Requests.Golden));
        Assert.Equal((14, "the process has reached its memory limit; try again later"), (grpc.Status, grpc.Message));
        Assert.NotNull(grpc.Details);
    }

    [Theory]
    [InlineData("Transfer-Encoding: chunked\r\n\r\nzz\r\n")]
    [InlineData("Transfer-Encoding: chunked\r\n\r\n80000000\r\nabc")]
    [InlineData("Transfer-Encoding: chunked\r\n\r\nFFFFFFFF\r\nabc")]
    [InlineData("Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFFFFFFFFF\r\nabc")]
    [InlineData("Transfer-Encoding: chunked\r\n\r\n-1\r\nabc")]
    [InlineData("Transfer-Encoding: chunked\r\n\r\n3\r\nabcdef\r\n")]
    [InlineData("Transfer-Encoding: chunked\r\n\r\n3;a=b\nabc\r\n")]
    [InlineData("Transfer-Encoding: chunked\r\n\r\n0\r\nno trailer\r\n\r\n")]
    [InlineData("Transfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n\r\n80000000\r\nabc")]
    [InlineData("Transfer-Encoding: gzip\r\n\r\nabc")]
    [InlineData("Transfer-Encoding: chunked, gzip\r\n\r\n3\r\nabc\r\n0\r\n\r\n")]
    [InlineData("Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd")]
    [InlineData("Content-Length: -1\r\n\r\nabc")]
    [InlineData("Content-Length: 99999999999999999999\r\n\r\nabc")]
    [InlineData("Content-Length: 3x\r\n\r\nabc")]
    [InlineData("Content-Length: 3\r\nA: b\0c\r\n\r\nabc")]
    [InlineData("No colon\r\n\r\n")]
    public async Task A_request_with_broken_framing_is_a_400_without_an_error_in_the_log(string rest)
    {
        using var logs = new CollectingLogger();
        using var factory = LoggerFactory.Create(builder => builder.AddProvider(logs));
        await using (var server = await RunningServer.StartAsync(adapt: parts => parts with { LoggerFactory = factory }))
        {
            foreach (var version in new[] { "1.1", "1.0" })
            {
                using var client = new TcpClient();
                await client.ConnectAsync(IPAddress.Loopback, server.Port("otlp/http"));
                await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes($"POST /v1/traces HTTP/{version}\r\nHost: a\r\nContent-Type: application/x-protobuf\r\n{rest}"));
                using var reader = new StreamReader(client.GetStream());
                Assert.StartsWith("HTTP/1.1 400 Bad Request\r\n", await reader.ReadToEndAsync());
            }

            Assert.Empty(server.Push.Pushed);
        }

        Assert.Empty(logs.Entries);
    }

    [Theory]
    [InlineData("zz\r\n")]
    [InlineData("80000000\r\nabc")]
    public async Task A_request_refused_for_its_head_may_have_a_body_with_broken_framing(string body)
    {
        using var logs = new CollectingLogger();
        using var factory = LoggerFactory.Create(builder => builder.AddProvider(logs));
        await using (var server = await RunningServer.StartAsync(adapt: parts => parts with { LoggerFactory = factory }))
        {
            using var client = new TcpClient();
            await client.ConnectAsync(IPAddress.Loopback, server.Port("otlp/http"));
            await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes($"POST /v1/traces HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n{body}"));
            using var reader = new StreamReader(client.GetStream());
            Assert.StartsWith("HTTP/1.1 415 ", await reader.ReadToEndAsync());
        }

        Assert.Empty(logs.Entries);
    }

    [Fact]
    public async Task A_client_that_disconnects_is_not_a_failure()
    {
        using var logs = new CollectingLogger();
        using var factory = LoggerFactory.Create(builder => builder.AddProvider(logs));
        await using var server = await RunningServer.StartAsync(adapt: parts => parts with { LoggerFactory = factory });

        // Over HTTP/1.1 the connection breaks within the body; over HTTP/2 the call is cancelled while its push runs.
        using (var socket = new Socket(SocketType.Stream, ProtocolType.Tcp))
        {
            await socket.ConnectAsync("127.0.0.1", server.Port("otlp/http"));
            await socket.SendAsync(Encoding.ASCII.GetBytes("POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n"));

            // From its answer on the receiver reads the body.
            Assert.NotEqual(0, await socket.ReceiveAsync(new byte[100]));
            await socket.SendAsync("abc"u8.ToArray());
            socket.LingerState = new(true, 0);
        }

        var arrived = new TaskCompletionSource();
        var answer = new TaskCompletionSource<PushResult>();
        server.Push.Answer = () =>
        {
            arrived.TrySetResult();
            return new(answer.Task);
        };
        using var cancel = new CancellationTokenSource();
        var call = server.Client.SendAsync(GrpcCall.Request(server, GrpcCall.Export, GrpcCall.Frame(Requests.Golden)), cancel.Token);
        await arrived.Task;
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
        answer.SetResult(PushResult.Accepted);

        Assert.Equal(0, (await GrpcCall.SendAsync(server, GrpcCall.Export, GrpcCall.Frame(Requests.Golden))).Status);
        await server.Server.StopAsync(CancellationToken.None);
        Assert.Empty(logs.Entries);
    }

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("localhost")]
    public async Task A_port_in_use_is_named(string host)
    {
        await using var first = await RunningServer.StartAsync();
        var port = first.Port("otlp/http");
        var error = await Assert.ThrowsAnyAsync<IOException>(() => RunningServer.StartAsync(RunningServer.Options with { OtlpHttp = [new() { Endpoint = $"{host}:{port}" }] }));
        Assert.Contains($":{port}", error.Message);
    }

    [Fact]
    public async Task An_address_of_another_machine_is_named()
    {
        var error = await Assert.ThrowsAsync<IOException>(() => RunningServer.StartAsync(RunningServer.Options with { OtlpHttp = [new() { Endpoint = "203.0.113.9:4318" }] }));
        Assert.Contains("otlp/http 203.0.113.9:4318", error.Message);
    }

    [Fact]
    public async Task Receivers_can_be_left_out_and_localhost_is_the_loopback()
    {
        await using var first = await RunningServer.StartAsync(RunningServer.Options with { OtlpGrpc = [], OtlpHttp = [] });
        Assert.Equal(["http api"], first.Server.Addresses.Keys);

        await using var second = await RunningServer.StartAsync(RunningServer.Options with { HttpApi = new() { Endpoint = "localhost:0" } });
        Assert.Equal(IPAddress.Loopback, ((IPEndPoint)second.Server.Addresses["http api"]).Address);
        Assert.Equal("ready\n", await second.Client.GetStringAsync(second.Api("/ready")));
    }
}
