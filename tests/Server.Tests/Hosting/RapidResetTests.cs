using Microsoft.Extensions.Logging;
using OrleansTempo.Server.Tests.Receivers;

namespace OrleansTempo.Server.Tests.Hosting;

public class RapidResetTests
{
    // More than the buffers between client and server hold, and some: it is the server that ends it, however slow the machine is.
    private const int Many = 500_000;

    [Theory]
    [InlineData(1000, 0)]
    [InlineData(20, 1)]
    public async Task A_client_that_resets_its_streams_again_and_again_loses_its_connection_and_does_not_fill_the_log(int together, int pauseMs)
    {
        using var logs = new CollectingLogger();
        using var factory = LoggerFactory.Create(builder => builder.AddProvider(logs));
        await using var server = await RunningServer.StartAsync(adapt: parts => parts with { LoggerFactory = factory });
        for (var connection = 0; connection < 5; connection++)
        {
            using var client = await RawHttp2.ConnectAsync(server.Port("otlp/grpc"), GrpcCall.Export);
            while (client.Streams < Many && await client.TryResetAsync(together))
                await Task.Delay(pauseMs);
            await client.Closed.WaitAsync(TimeSpan.FromSeconds(10));
            Assert.InRange(client.Streams, 1, Many - 1);
        }

        Assert.Equal(0, (await GrpcCall.SendAsync(server, GrpcCall.Export, GrpcCall.Frame(Requests.Golden))).Status);
        Assert.Single(server.Push.Pushed);
        Assert.InRange(logs.Entries.Count, 1, 20);
    }
}
