using System.Net;
using OrleansTempo.Core.Otlp.Reading;

namespace OrleansTempo.Server.Tests.Hosting;

public sealed class SeveralReceiversTests
{
    [Fact]
    public async Task Every_receiver_takes_spans_on_its_own_port_and_within_its_own_limits()
    {
        await using var server = await RunningServer.StartAsync(RunningServer.Options with
        {
            OtlpHttp = [.. RunningServer.Options.OtlpHttp, new() { Receiver = "otlp/2", Endpoint = "127.0.0.1:0", MaxRequestBytes = 10 }],
        });
        Assert.Equal(["otlp/grpc", "otlp/http", "otlp/2/http", "http api"], server.Server.Addresses.Keys);

        using var first = await server.Client.SendAsync(Requests.Post(server.Otlp(), Requests.Golden));
        using var second = await server.Client.SendAsync(Requests.Post($"http://127.0.0.1:{server.Port("otlp/2/http")}/v1/traces", []));
        using var tooLarge = await server.Client.SendAsync(Requests.Post($"http://127.0.0.1:{server.Port("otlp/2/http")}/v1/traces", Requests.Golden));

        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.OK, HttpStatusCode.RequestEntityTooLarge), (first.StatusCode, second.StatusCode, tooLarge.StatusCode));
    }
}
