using System.Text;

namespace OrleansTempo.Server.Tests.Receivers;

public class GrpcHealthTests
{
    private const string TraceService = "opentelemetry.proto.collector.trace.v1.TraceService";

    private static readonly byte[] s_serving = GrpcCall.Frame([8, 1]);
    private static readonly byte[] s_notServing = GrpcCall.Frame([8, 2]);
    private static readonly byte[] s_unknown = GrpcCall.Frame([8, 3]);

    [Theory]
    [InlineData("")]
    [InlineData(TraceService)]
    public async Task Health_follows_readiness(string service)
    {
        await using var server = await RunningServer.StartAsync(ready: false);
        var request = Request(service);
        Assert.Equal(s_notServing, (await GrpcCall.SendAsync(server, GrpcCall.Check, request)).Body);
        server.Server.MarkReady();
        Assert.Equal(s_serving, (await GrpcCall.SendAsync(server, GrpcCall.Check, request)).Body);
        server.Server.BeginStopping();
        var last = await GrpcCall.SendAsync(server, GrpcCall.Check, request);
        Assert.Equal(s_notServing, last.Body);
        Assert.Equal(0, last.Status);
    }

    [Fact]
    public async Task Another_service_is_not_found()
    {
        await using var server = await RunningServer.StartAsync();
        var result = await GrpcCall.SendAsync(server, GrpcCall.Check, Request(new string('x', 200)));
        Assert.Equal((5, $"unknown service '{new string('x', 200)}'"), (result.Status, result.Message));
    }

    [Theory]
    [InlineData(new byte[] { 0x0A })]
    [InlineData(new byte[] { 0x0A, 5, 1 })]
    [InlineData(new byte[] { 0x08, 1 })]
    [InlineData(new byte[] { 0x0A, 0x80 })]
    public async Task A_malformed_request_is_an_invalid_argument(byte[] message)
    {
        await using var server = await RunningServer.StartAsync();
        Assert.Equal(3, (await GrpcCall.SendAsync(server, GrpcCall.Check, GrpcCall.Frame(message))).Status);
    }

    [Fact]
    public async Task A_watcher_sees_each_change_and_the_end()
    {
        await using var server = await RunningServer.StartAsync(ready: false);
        using var response = await server.Client.SendAsync(GrpcCall.Request(server, GrpcCall.Watch, Request("")), HttpCompletionOption.ResponseHeadersRead);
        var stream = await response.Content.ReadAsStreamAsync();
        var frame = new byte[7];
        await stream.ReadExactlyAsync(frame);
        Assert.Equal(s_notServing, frame);
        server.Server.MarkReady();
        await stream.ReadExactlyAsync(frame);
        Assert.Equal(s_serving, frame);
        server.Server.BeginStopping();
        await stream.ReadExactlyAsync(frame);
        Assert.Equal(s_notServing, frame);
        Assert.Equal(0, await stream.ReadAsync(frame));
        Assert.Equal("14", response.TrailingHeaders.GetValues("grpc-status").Single());
    }

    [Fact]
    public async Task A_watcher_of_another_service_is_told_that_it_is_unknown()
    {
        await using var server = await RunningServer.StartAsync();
        using var response = await server.Client.SendAsync(GrpcCall.Request(server, GrpcCall.Watch, Request("x")), HttpCompletionOption.ResponseHeadersRead);
        var frame = new byte[7];
        await (await response.Content.ReadAsStreamAsync()).ReadExactlyAsync(frame);
        Assert.Equal(s_unknown, frame);
    }

    private static byte[] Request(string service)
    {
        if (service.Length == 0)
            return GrpcCall.Frame([]);
        var name = Encoding.UTF8.GetBytes(service);
        return GrpcCall.Frame(name.Length < 128 ? [0x0A, (byte)name.Length, .. name] : [0x0A, (byte)(name.Length & 0x7F | 0x80), (byte)(name.Length >> 7), .. name]);
    }
}
